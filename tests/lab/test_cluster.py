"""Three hosts as one cluster: installed with one command, changed without an outage, removed without a trace."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from support.cluster import HEAPS, KAFKA, Cluster, boot_three, flowing
from support.machine import Result, done, until
from support.preloaded import run_kprov

from kprov.lab.archives import default_directory

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three hosts, empty at first; the tests run in their order and share their state."""
    with boot_three(124, tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


def test_three_empty_hosts_become_a_cluster(cluster: Cluster) -> None:
    document = cluster.install("--java", "temurin-11", *HEAPS, "--json").json
    assert {host: len(plan["changes"]) for host, plan in document["plans"].items()} == {
        machine.address: 45 for machine in cluster.machines
    }
    every = [machine.address for machine in cluster.machines]
    assert [(stage["unit"], stage["work"], stage["hosts"]) for stage in document["stages"]] == [
        ("zookeeper.service", "start", every),
        ("kafka.service", "start", every),
    ]
    assert document["smoke_test"]["passed"] is True
    assert [step["passed"] for step in document["smoke_test"]["steps"]] == [True] * 8


def test_status_of_one_host_is_that_of_its_cluster(cluster: Cluster) -> None:
    shown = cluster.status()
    assert (shown["state"], shown["available"], shown["troubles"]) == ("serving", True, [])
    assert list(shown["nodes"]) == [machine.address for machine in cluster.machines]
    nodes = list(shown["nodes"].values())
    assert sorted(node["mode"] for node in nodes) == ["follower", "follower", "leader"]
    assert [node["broker"] for node in nodes] == [0, 1, 2]
    assert sum(node["controller"] for node in nodes) == 1
    assert all(node["registered"] and not node["status"]["drift"] for node in nodes)
    # The topic of the offsets has the factor of a cluster: Kafka's own server.properties says 1.
    assert shown["replicas"]["partitions"] == 50
    command = f"{KAFKA}/bin/kafka-topics.sh --zookeeper localhost:2181 --describe --topic __consumer_offsets"
    assert "ReplicationFactor:3" in cluster.machines[0].ssh(command)
    text = cluster.kprov("status", hosts=cluster.hosts[1:2]).out
    assert text.startswith("cluster: serving")
    assert len(text.splitlines()) == 6


def test_a_second_run_has_nothing_to_do_and_asks_little(cluster: Cluster) -> None:
    """One connection for each host, and three exchanges: the login with the receipt, the probe, and the other hosts."""
    before = cluster.pids()
    result = cluster.install("-vv")
    traffic = re.findall(r"traffic: (\d+) connection, (\d+) exchanges, (\d+) forwarded .* (\d+) JVM", result.err)
    assert traffic == [("1", "3", "0", "1")] * 3
    assert result.out.count("nothing to do") == 3
    assert cluster.pids() == before


def test_a_changed_property_rolls_while_messages_flow(cluster: Cluster) -> None:
    """One broker at a time, the controller last, and no acknowledged message is lost."""
    cluster.topic("flow")
    controller = next(host for host, node in cluster.status()["nodes"].items() if node["controller"])
    since = cluster.now()
    with flowing(cluster, "flow"):
        document = cluster.install("--set", "num.partitions=3", "--no-smoke-test", "--json").json
    assert [stage["work"] for stage in document["stages"]] == ["restart"] * 3
    stops = cluster.stops("kafka", since)
    assert len(stops) == 3
    assert all(first[2] < second[1] for first, second in pairwise(stops)), stops
    assert stops[-1][0] == controller
    assert cluster.stops("zookeeper", since) == []
    assert cluster.status()["state"] == "serving"
    for machine in cluster.machines:
        assert "num.partitions=3" in machine.ssh(f"cat {KAFKA}/config/server.properties")


def test_a_broker_that_a_partition_cannot_spare_is_not_stopped(cluster: Cluster) -> None:
    """Nothing is changed, on any host, and the topic is named."""
    cluster.topic("single", partitions=1, replicas=1)
    before = cluster.pids()
    refused = cluster.install("--set", "num.partitions=4", check=3)
    assert "a restart makes partitions unavailable: single-0 has a single replica" in refused.err
    assert "--allow-downtime" in refused.err
    assert cluster.pids() == before
    for machine in cluster.machines:
        assert "num.partitions=4" not in machine.ssh(f"cat {KAFKA}/config/server.properties")
    cluster.delete("single")


def test_a_roll_that_gives_up_leaves_every_broker_serving_and_continues(cluster: Cluster) -> None:
    """The next run restarts only those that were not restarted yet."""
    before = cluster.pids()
    words = ("--set", "num.partitions=5", "--no-smoke-test")
    late = cluster.install(*words, "--in-sync-timeout", "1", check=6)
    assert "is not in sync for" in late.err
    after = cluster.pids()
    moved = [host for host in before if after[host]["kafka.service"] != before[host]["kafka.service"]]
    assert len(moved) == 1
    assert all(pid for units in after.values() for pid in units.values())
    until(lambda: cluster.status()["state"] == "serving")
    cluster.install(*words)
    end = cluster.pids()
    assert {host for host in end if end[host]["kafka.service"] == after[host]["kafka.service"]} == set(moved)


def test_a_setting_of_one_host_restarts_that_one(cluster: Cluster) -> None:
    """kprov.yaml says it; a run with the flags of all follows it."""
    before = cluster.pids()
    config = cluster.lab.ssh_config.parent / "kprov.yaml"
    hosts = "\n".join(f"  - address: {machine.address}" for machine in cluster.machines)
    config.write_text(
        "kafka: {heap: 256m, properties: {num.partitions: 5}}\nzookeeper: {heap: 128m}\njava: {release: temurin-11}\n"
        f"hosts:\n{hosts}\n    broker: {{properties: {{num.io.threads: 9}}}}\n"
    )
    cluster.kprov(
        "install",
        *("--config", str(config), "--archives", str(default_directory()), "--yes", "--no-smoke-test"),
        hosts=[],
    )
    after = cluster.pids()
    moved = [host for host in before if after[host]["kafka.service"] != before[host]["kafka.service"]]
    assert moved == [cluster.machines[2].address]
    assert all(after[host]["zookeeper.service"] == before[host]["zookeeper.service"] for host in before)


def test_restart_rolls_the_ensemble_and_the_brokers(cluster: Cluster) -> None:
    """Every ZooKeeper server before the first broker, the leader and the controller last; messages flow."""
    nodes = cluster.status()["nodes"]
    leader = next(host for host, node in nodes.items() if node["mode"] == "leader")
    since = cluster.now()
    with flowing(cluster, "flow"):
        cluster.kprov("restart", hosts=cluster.hosts[:1])
    servers, brokers = cluster.stops("zookeeper", since), cluster.stops("kafka", since)
    assert (len(servers), len(brokers)) == (3, 3)
    assert servers[-1][0] == leader
    for stops in (servers, brokers, [servers[-1], brokers[0]]):
        assert all(first[2] < second[1] for first, second in pairwise(stops)), stops


def test_zookeeper_writes_only_a_copy_of_its_configuration(cluster: Cluster) -> None:
    """3.5.3-beta keeps the members of an ensemble in files of its own (ZOOKEEPER-2819)."""
    for machine in cluster.machines:
        assert "zoo.cfg.dynamic" in machine.ssh("ls /usr/local/zookeeper/tmp")
        assert "dynamic" not in machine.ssh("cat /usr/local/zookeeper/conf/*.cfg; ls /usr/local/zookeeper/conf")


def test_one_host_is_stopped_and_started_alone(cluster: Cluster) -> None:
    third = cluster.machines[2].address
    cluster.kprov("stop", "--only", third, hosts=cluster.hosts[:1])
    shown = cluster.status()
    assert (shown["state"], shown["available"]) == ("not serving", True)
    assert shown["nodes"][third]["status"]["serving"] is False
    refused = cluster.kprov("stop", "--only", cluster.machines[1].address, "--in-sync-timeout", "1", check=6)
    assert "ZooKeeper does not serve" in refused.err
    cluster.kprov("start", hosts=cluster.hosts[:1])
    until(lambda: cluster.status()["state"] == "serving")


def test_a_host_that_cannot_be_reached_does_not_hide_the_others(cluster: Cluster) -> None:
    third = cluster.machines[2]
    third.ssh("systemd-run --quiet sh -c 'sleep 45; systemctl start ssh'; systemctl stop ssh")
    try:
        shown = cluster.status()
        assert shown["nodes"][third.address]["status"] is None
        assert shown["nodes"][third.address]["why"]
        assert [node["mode"] is not None for node in shown["nodes"].values()] == [True, True, False]
        # What stops something needs to know about all hosts; the others do what they can, and say what is missing.
        for words in (("install", "--yes"), ("restart",), ("stop", "--only", cluster.machines[0].address)):
            assert third.address in cluster.kprov(*words, check=4, hosts=cluster.hosts[:1]).err
        started = cluster.kprov("start", "--json", hosts=cluster.hosts[:1], check=4).json
        assert list(started["hosts"]) == [machine.address for machine in cluster.machines[:2]]
        assert [problem["where"] for problem in started["problems"]] == [third.address]
    finally:
        until(lambda: third.ssh("echo up", check=False) == "up\n")


def test_a_lock_on_one_host_keeps_the_run_from_all(cluster: Cluster) -> None:
    third = cluster.machines[2]
    before = cluster.machines[0].ssh("cat /var/lib/kprov/receipt.json")
    command = [sys.executable, "-m", "kprov", "restart", f"root@{third.address}", "--only", third.address]
    with subprocess.Popen(
        [*command, "--ssh-config", str(cluster.lab.ssh_config)], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "stop service" in line:
                break
        locked = cluster.install("--set", "num.partitions=7", "--no-smoke-test", check=8)
        process.stderr.read()
    assert f"{third.address}: " in locked.err
    assert "has locked the host" in locked.err
    assert process.returncode == 0
    assert cluster.machines[0].ssh("cat /var/lib/kprov/receipt.json") == before


def test_a_part_of_the_cluster_is_not_a_cluster(cluster: Cluster) -> None:
    refused = cluster.kprov("install", "--yes", hosts=cluster.hosts[:2], check=3)
    assert f"{cluster.machines[2].address} is not named" in refused.err


def test_the_smoke_test_of_a_cluster(cluster: Cluster) -> None:
    document = cluster.kprov("smoke-test", "--json", hosts=cluster.hosts[2:]).json
    assert document["smoke_test"]["bootstrap"].count(":9092") == 3
    assert document["smoke_test"]["passed"] is True


def test_history_of_one_host_is_that_of_its_cluster(cluster: Cluster) -> None:
    """Each run once, with the hosts that it changed; of one host alone, its own."""

    def listed(*words: str) -> list[dict[str, Any]]:
        options = ["--ssh-config", str(cluster.lab.ssh_config), "--json", *words]
        found = Result(*run_kprov(["history", "--host", cluster.hosts[1], *options]))
        assert found.code == 0, found.err
        return list(found.json["runs"])

    every, addresses = listed("-n", "1000"), [machine.address for machine in cluster.machines]
    assert sorted(every[-1]["hosts"]) == sorted(addresses)
    assert (every[-1]["command"], every[-1]["outcome"]) == (["install"], "done")
    assert len({run["id"] for run in every}) == len(every)
    assert [run["began"] for run in every] == sorted((run["began"] for run in every), reverse=True)
    alone = listed("-n", "1000", "--only", cluster.hosts[1])
    assert {run["id"] for run in alone} == {run["id"] for run in every if addresses[1] in run["hosts"]}


def test_check_looks_at_every_host(cluster: Cluster) -> None:
    with done(cluster.machines[1], "mkdir /usr/local/kafka_2.12-1.1.1", "rmdir /usr/local/kafka_2.12-1.1.1"):
        words = ("--kafka-version", "1.1.1", "--archives", str(default_directory()), "--json")
        hosts = cluster.kprov("check", *words, check=3).json["hosts"]
    failed = {
        host: [item["check"] for item in found["check"]["results"] if item["status"] == "fail"]
        for host, found in hosts.items()
    }
    assert list(failed.values()) == [[], ["in-the-way"], []]


def test_a_host_that_was_uninstalled_alone_comes_back_as_it_was(cluster: Cluster) -> None:
    """Its data stay, and so do its ids; meanwhile the others are a cluster."""
    third = cluster.machines[2]
    cluster.kprov("uninstall", "--only", third.address, "--yes", hosts=cluster.hosts[:1])
    shown = cluster.status()
    assert shown["nodes"][third.address]["why"].startswith("not installed")
    assert shown["available"] is True
    cluster.kprov("start", hosts=cluster.hosts[:1])
    document = cluster.install("--no-smoke-test", "--json").json
    assert [bool(plan["changes"]) for plan in document["plans"].values()] == [False, False, True]
    until(lambda: cluster.status()["state"] == "serving")
    assert cluster.status()["nodes"][third.address]["broker"] == 2


def test_uninstall_removes_the_cluster(cluster: Cluster) -> None:
    document = cluster.kprov("uninstall", "--purge", "--yes", "--json", hosts=cluster.hosts[:1]).json
    assert [found["uninstall"]["leftovers"] for found in document["hosts"].values()] == [[], [], []]
    for machine in cluster.machines:
        assert machine.ssh("ls -d /usr/local/*kafka* /var/lib/zookeeper /var/lib/kprov 2>/dev/null", check=False) == ""
    cluster.kprov("status", check=3)
