"""The files that render writes for three hosts, on three hosts: an ensemble and a cluster that may lose one of them.

Each host is installed by itself and gets its files by hand, as long as install takes one host.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.machine import Machine, until
from support.preloaded import run_kprov
from support.sites import lab_of

pytestmark = [pytest.mark.lab, pytest.mark.soak, pytest.mark.timeout(240)]

HEAPS = ("--java", "temurin-11", "--heap", "256m", "--zookeeper-heap", "128m")
KAFKA = "/usr/local/single_kafka"
SRVR = "timeout 2 bash -c 'exec 3<>/dev/tcp/localhost/2181; echo srvr >&3; cat <&3' 2>/dev/null || true"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Machine]]:
    """Three hosts with everything installed, nothing started, and the files of a cluster."""
    state = tmp_path_factory.mktemp("cluster")
    lab = lab_of("kc", 123, state)
    lab.down()
    try:
        machines = [Machine(lab, str(host.address), host.root) for host in lab.up(3)]
        for machine in machines:
            machine.install(*HEAPS, "--no-smoke-test")
            machine.kprov("stop")
            machine.ssh("rm -rf /var/lib/zookeeper/data/* /var/lib/zookeeper/logs/* /home/temp/kafka_logs/*")
        folder = state / "rendered"
        code, _, err = run_kprov(["render", *(item.address for item in machines), *HEAPS, "--to", str(folder)])
        assert code == 0, err
        for machine in machines:
            put_files(machine, folder / machine.address)
        yield machines
    finally:
        lab.down()


def put_files(machine: Machine, folder: Path) -> None:
    """Write the files whose content the cluster decides, into the host's file system from outside."""
    for path in (
        "usr/local/zookeeper/conf/zoo.cfg",
        "var/lib/zookeeper/data/myid",
        "etc/systemd/system/zookeeper.service",
        "usr/local/single_kafka/config/server.properties",
    ):
        (machine.root / path).write_bytes((folder / path).read_bytes())
    machine.ssh("systemctl daemon-reload")


def modes(machines: list[Machine]) -> list[str]:
    """What each ZooKeeper server says that it is, sorted; empty for one that does not serve."""
    answers = [machine.ssh(SRVR) for machine in machines]
    return sorted(answer.partition("Mode: ")[2].partition("\n")[0] for answer in answers)


def start(machines: list[Machine], unit: str, port: int) -> None:
    """Start a service on the hosts, and wait until it listens; the third host after the others."""
    for some in (machines[:2], machines[2:]):
        for machine in some:
            machine.ssh(f"systemctl start {unit}")
        for machine in some:
            until(lambda host=machine: f":{port}" in host.ssh(f"ss -Hltn 'sport = :{port}'"))  # type: ignore[misc]


def test_three_servers_are_an_ensemble_and_stay_one(cluster: list[Machine]) -> None:
    """Also after each of them was restarted: 3.5.3-beta has written its copy of the configuration anew by then."""
    start(cluster, "zookeeper", 2181)
    for machine in cluster:
        until(lambda: modes(cluster) == ["follower", "follower", "leader"])
        assert "zoo.cfg.dynamic" in machine.ssh("ls /usr/local/zookeeper/tmp")
        assert "dynamic" not in machine.ssh("cat /usr/local/zookeeper/conf/*.cfg; ls /usr/local/zookeeper/conf")
        machine.ssh("systemctl restart zookeeper")
    until(lambda: modes(cluster) == ["follower", "follower", "leader"])


def test_three_brokers_are_a_cluster_that_may_lose_one(cluster: list[Machine]) -> None:
    """A topic has the factors of the files, and acknowledged messages outlive a broker that is killed."""
    start(cluster, "kafka", 9092)
    first, second, third = cluster
    topics = f"{KAFKA}/bin/kafka-topics.sh --zookeeper localhost:2181"
    create = f"{topics} --create --topic t --partitions 3 --replication-factor 3"
    until(lambda: "Created" in first.ssh(create, check=False))  # refused until all three are registered
    assert in_sync(first) == ["0,1,2"] * 3
    produce(first, ["one", "two"], first, second)
    # The first consumer has the topic of the offsets made, for which all three brokers must be there.
    assert consume(third, 2) == ["one", "two"]
    third.ssh("systemctl kill -s KILL kafka; systemctl stop kafka")
    until(lambda: in_sync(first) == ["0,1"] * 3)
    produce(second, ["three"], first, second)
    assert consume(second, 3) == ["one", "three", "two"]
    third.ssh("systemctl start kafka")
    until(lambda: in_sync(first) == ["0,1,2"] * 3)


def in_sync(machine: Machine) -> list[str]:
    """The ids of the replicas in sync of each partition of the topic."""
    told = machine.ssh(f"{KAFKA}/bin/kafka-topics.sh --zookeeper localhost:2181 --describe --topic t")
    lists = [line.partition("Isr: ")[2].split()[0] for line in told.splitlines() if "Isr: " in line]
    return [",".join(sorted(ids.split(","))) for ids in lists]


def produce(machine: Machine, messages: list[str], *brokers: Machine) -> None:
    """Send messages, each acknowledged by all replicas in sync."""
    listed = ",".join(f"{item.address}:9092" for item in brokers)
    machine.ssh(
        f"printf '%s\\n' {' '.join(messages)} | {KAFKA}/bin/kafka-console-producer.sh --broker-list {listed} --topic t "
        "--request-required-acks all"
    )


def consume(machine: Machine, count: int) -> list[str]:
    """The messages of the topic from its beginning, sorted."""
    told = machine.ssh(
        f"{KAFKA}/bin/kafka-console-consumer.sh --bootstrap-server {machine.address}:9092 --topic t --from-beginning "
        f"--max-messages {count} --timeout-ms 30000 2>/dev/null"
    )
    return sorted(told.split())
