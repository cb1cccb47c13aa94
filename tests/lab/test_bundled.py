"""The article with the ZooKeeper inside Kafka: Kafka 1.0.0, A3, A16 to A18; logged in as root."""

from __future__ import annotations

import pytest
import testinfra
from support.machine import Machine, until

from kprov.lab.archives import default_directory
from kprov.smoke.console import MESSAGES

pytestmark = pytest.mark.lab

HOME = "/usr/local/single_kafka"


@pytest.fixture(scope="module")
def before(machine: Machine) -> dict[str, str]:
    """The host's file tree before anything was done to it."""
    return machine.tree()


def test_install(machine: Machine, before: dict[str, str]) -> None:
    """A3 and A16: one archive less, ZooKeeper's files at the article's places, and clients are served."""
    machine.user = "root"
    document = machine.install("--zookeeper", "bundled", "--json").json
    assert document["installed"]["settings"] == [
        f"{HOME}/config/server.properties",
        f"{HOME}/config/zookeeper.properties",
    ]
    assert document["smoke_test"]["passed"] is True
    assert not any("zookeeper-3" in change["id"] for change in document["plan"]["changes"])
    properties = machine.ssh(f"cat {HOME}/config/zookeeper.properties").splitlines()
    assert f"dataDir={HOME}/zk_dir/zk_data" in properties
    assert f"dataLogDir={HOME}/zk_dir/zk_logs" in properties
    assert "clientPort=2181" in properties
    assert machine.ssh(f"ls {HOME}/zk_dir/zk_data/version-2 {HOME}/zk_dir/zk_logs/version-2")
    status = machine.kprov("status", "--json").json["status"]
    assert (status["zookeeper"], status["zookeeper_mode"], status["serving"]) == ("3.4.10", "bundled", True)


def test_testinfra_takes_the_labs_ssh_config(machine: Machine) -> None:
    """The field's own tool sees the services with the file that the lab wrote."""
    host = testinfra.get_host("ssh://kafka-1", ssh_config=str(machine.lab.ssh_config))
    assert host.service("kafka").is_running
    assert host.service("zookeeper").is_enabled
    assert host.file(f"{HOME}/config/server.properties").mode == 0o640


def test_the_release_stays_as_it_was_unpacked(machine: Machine) -> None:
    """Configuration, logs and data are the home's: nothing in the release was written since."""
    assert machine.ssh("find /usr/local/kafka_2.12-1.0.0 -newer /etc/systemd/system/kafka.service").split() == []
    assert machine.ssh("find /usr/local/kafka_2.12-1.0.0 ! -user root").split() == []
    assert "started (kafka.server.KafkaServer)" in machine.ssh(f"cat {HOME}/logs/server.log")


def test_second_install_has_nothing_to_do(machine: Machine) -> None:
    """The same answer for the bundled mode."""
    pids = machine.pids()
    assert machine.install("--zookeeper", "bundled", "--json").json["plan"]["changes"] == []
    assert machine.pids() == pids


def test_the_scripts_of_the_article(machine: Machine) -> None:
    """A17 and A18: Kafka ends before ZooKeeper is told to, and starts when ZooKeeper answers."""
    machine.kprov("smoke-test", "--topic", "msg", "--keep")
    assert machine.ssh(f"cd {HOME} && ./kk_zk_stop.sh && ./kk_zk_stop.sh").count("Kafka is stopped") == 2
    assert machine.ssh("ls /home/temp/kafka_logs/.kafka_cleanshutdown")
    assert "Kafka listens on port 9092" in machine.ssh(f"cd {HOME} && ./kk_zk_start.sh")
    assert machine.kprov("status", "--json").json["status"]["serving"] is True


def test_restart(machine: Machine) -> None:
    """Both are new processes, and the order is kept."""
    pids = machine.pids()
    done = machine.kprov("restart", "--json").json["done"]
    units = ["kafka.service", "zookeeper.service", "zookeeper.service", "kafka.service"]
    assert [text.split()[-1] for text in done] == units
    assert all(pid != pids[unit] for unit, pid in machine.pids().items())


def test_the_units_alone(machine: Machine) -> None:
    """With what systemd 219 of CentOS 7 knows they stop, start and serve as well, and are exposed to at most 5.0."""
    machine.ssh("rm /etc/systemd/system/*.service.d/kprov-hardening.conf && systemctl daemon-reload")
    machine.kprov("stop")
    assert machine.ssh("systemctl show -p Result kafka zookeeper").split() == ["Result=success"] * 2
    machine.kprov("start")
    assert machine.kprov("smoke-test", "--json").json["smoke_test"]["passed"] is True
    found = machine.exposure()
    assert max(found.values()) <= 5.0, found


def test_a_reboot_brings_the_services_and_the_messages_back(machine: Machine) -> None:
    """The services are enabled, in order, and the messages are on disk."""
    machine.reboot()
    until(lambda: machine.kprov("status", "--json").json["status"]["serving"])
    consume = f"bin/kafka-console-consumer.sh --bootstrap-server {machine.address}:9092 --topic msg"
    got = machine.ssh(f"cd {HOME} && {consume} --from-beginning --max-messages 5 --timeout-ms 20000").split()
    assert tuple(got) == MESSAGES


def test_an_upgrade_minds_zookeepers_snapshot(machine: Machine) -> None:
    """3.4 has written none yet, and 3.5 refuses logs without one: its first start is told to trust them, once."""
    words = ("--kafka-version", "2.8.2", "--archives", str(default_directory()), "--yes", "--no-smoke-test")
    data, logs = f"{HOME}/zk_dir/zk_data/version-2", f"{HOME}/zk_dir/zk_logs/version-2"
    assert machine.ssh(f"ls {data}") == ""
    machine.ssh(f"mv {logs}/log.1 /root/aside")
    pids = machine.pids()
    refused = machine.kprov("upgrade", *words, check=3)
    assert f"{HOME}/zk_dir/zk_data has no snapshot, only logs" in refused.err
    assert "the logs do not begin with the first transaction" in refused.err
    assert machine.pids() == pids
    machine.ssh(f"mv /root/aside {logs}/log.1")
    assert "snapshot.trust.empty" in machine.kprov("upgrade", *words).out
    assert machine.ssh(f"ls {data}/snapshot.*")
    machine.kprov("restart")
    status = machine.kprov("status", "--json").json["status"]
    assert (status["kafka"], status["zookeeper"], status["serving"]) == ("2.8.2", "3.5.9", True)
    assert status["drift"] == []
    assert machine.kprov("install", "--yes", "--no-smoke-test", "--json").json["plan"]["changes"] == []
    consume = f"bin/kafka-console-consumer.sh --bootstrap-server {machine.address}:9092 --topic msg"
    got = machine.ssh(f"cd {HOME} && {consume} --from-beginning --max-messages 5 --timeout-ms 20000").split()
    assert tuple(got) == MESSAGES


def test_purge_leaves_nothing(machine: Machine, before: dict[str, str]) -> None:
    """The host's file tree is what it was before the install."""
    assert machine.kprov("uninstall", "--purge", "--yes", "--json").json["uninstall"]["leftovers"] == []
    after = machine.tree()
    assert {path: value for path, value in after.items() if before.get(path) != value} == {}
    assert {path: value for path, value in before.items() if after.get(path) != value} == {}
