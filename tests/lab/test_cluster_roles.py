"""A cluster whose hosts have roles of their own: one runs ZooKeeper, the others run brokers, and each has a rack."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.cluster import KAFKA, Cluster, boot_three

from kprov.lab.archives import default_directory

pytestmark = [pytest.mark.lab, pytest.mark.soak, pytest.mark.timeout(600)]

FILE = """
name: orders
kafka: {{heap: 256m}}
zookeeper: {{heap: 128m}}
java: {{release: temurin-11}}
hosts:
  - {{address: {0}, roles: [zookeeper]}}
  - {{address: {1}, roles: [broker], broker: {{id: 7, rack: a}}}}
  - {{address: {2}, roles: [broker], broker: {{rack: b}}}}
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three hosts, empty at first."""
    with boot_three(129, tmp_path_factory.mktemp("roles")) as cluster:
        yield cluster


def run(cluster: Cluster, *words: str, check: int = 0) -> str:
    """A command with the file."""
    config = cluster.lab.ssh_config.parent / "kprov.yaml"
    config.write_text(FILE.format(*(machine.address for machine in cluster.machines)))
    result = cluster.kprov(*words, "--config", str(config), hosts=[], check=check)
    return result.out


def test_each_host_gets_what_its_role_needs(cluster: Cluster) -> None:
    out = run(cluster, "install", "--archives", str(default_directory()), "--yes")
    assert "smoke test passed" in out
    first, *others = cluster.machines
    assert "zookeeper.service" in first.ssh("ls /etc/systemd/system")
    assert first.ssh(f"ls -d {KAFKA} /etc/systemd/system/kafka.service", check=False) == ""
    for machine, id_, rack in zip(others, (7, 8), "ab", strict=True):
        properties = machine.ssh(f"cat {KAFKA}/config/server.properties")
        assert f"broker.id={id_}\n" in properties
        assert f"broker.rack={rack}\n" in properties
        assert f"zookeeper.connect={first.address}:2181\n" in properties
        assert machine.ssh("ls -d /usr/local/zookeeper", check=False) == ""


def test_a_second_run_has_nothing_to_do_and_status_names_the_cluster(cluster: Cluster) -> None:
    assert run(cluster, "plan", "--exit-code").count("nothing to do") == 3
    shown = cluster.status()
    assert (shown["name"], shown["state"]) == ("orders", "serving")
    assert [node["roles"] for node in shown["nodes"].values()] == [["zookeeper"], ["broker"], ["broker"]]
    assert cluster.kprov("status", hosts=cluster.hosts[:1]).out.startswith("orders: serving")


def test_the_suite_and_the_logs_know_the_roles(cluster: Cluster) -> None:
    hosts = cluster.kprov("verify", "--json", hosts=cluster.hosts[1:2]).json["hosts"]
    assert [found["verify"]["passed"] for found in hosts.values()] == [True] * 3
    hosts = cluster.kprov("logs", "--json", hosts=cluster.hosts[:1]).json["hosts"]
    units = [{source["unit"] for source in found["logs"]["sources"]} for found in hosts.values()]
    assert units == [{"zookeeper.service"}, {"kafka.service"}, {"kafka.service"}]


def test_restart_and_uninstall(cluster: Cluster) -> None:
    run(cluster, "restart")
    assert cluster.status()["state"] == "serving"
    run(cluster, "uninstall", "--purge", "--yes")
    for machine in cluster.machines:
        assert machine.ssh("ls -d /usr/local/*kafka* /usr/local/zookeeper* /var/lib/kprov", check=False) == ""
