"""Faults of a running cluster, and of kprov while it rolls: nothing acknowledged is lost, the next run continues."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest
from confluent_kafka import Producer
from support.cluster import HEAPS, Cluster, boot_three, flowing
from support.machine import done, until

from kprov.lab.archives import default_directory

pytestmark = [pytest.mark.lab, pytest.mark.soak, pytest.mark.timeout(300)]

RELEASES = ("--kafka-version", "2.8.2", "--zookeeper-version", "3.5.10", "--java", "temurin-11")
SLOW = "/run/systemd/system/kafka.service.d"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three hosts with a cluster and a topic; every test leaves it whole."""
    for cluster in boot_three(125, tmp_path_factory.mktemp("faults")):
        cluster.install(*RELEASES, *HEAPS)
        cluster.topic("flow")
        yield cluster


@pytest.fixture(autouse=True)
def whole(cluster: Cluster) -> Iterator[None]:
    """Each test begins and ends with a cluster that serves."""
    until(lambda: cluster.status()["state"] == "serving", 90)
    yield
    until(lambda: cluster.status()["state"] == "serving", 90)


def rolling(cluster: Cluster, value: int) -> subprocess.Popen[str]:
    """kprov while it rolls a property out."""
    words = ["--archives", str(default_directory()), "--yes", "--no-smoke-test", "--set", f"num.partitions={value}"]
    command = [sys.executable, "-m", "kprov", "install", *cluster.hosts, "--ssh-config", str(cluster.lab.ssh_config)]
    return subprocess.Popen([*command, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def reaches(process: subprocess.Popen[str], text: str) -> None:
    """Wait until the run says something."""
    assert process.stderr is not None
    assert any(text in line for line in process.stderr), f"it never said: {text}"


def assert_one_at_a_time(cluster: Cluster, since: str) -> None:
    stops = cluster.stops("kafka", since)
    assert all(first[2] < second[1] for first, second in pairwise(stops)), stops


def moved(before: dict[str, dict[str, int]], after: dict[str, dict[str, int]]) -> set[str]:
    """The hosts whose broker has another process now."""
    return {host for host in before if before[host]["kafka.service"] != after[host]["kafka.service"]}


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["killed", "Ctrl-C"])
def test_a_run_that_ends_between_two_brokers_is_continued(cluster: Cluster, how: signal.Signals) -> None:
    """The broker that was restarted keeps its process; at no time were two down."""
    before, since, value = cluster.pids(), cluster.now(), 20 + how
    with flowing(cluster, "flow"):
        with rolling(cluster, value) as process:
            reaches(process, "is back in sync  ")
            process.send_signal(how)
            assert process.stderr is not None
            said = process.stderr.read()
        assert process.returncode == (-signal.SIGKILL if how is signal.SIGKILL else 130)
        if how is signal.SIGINT:
            assert "run the same command again to continue" in said
        first = moved(before, cluster.pids())
        assert first
        middle = cluster.pids()
        cluster.install("--no-smoke-test")  # the receipts know what was asked for
    assert not first & moved(middle, cluster.pids()) or len(first) == 2
    assert_one_at_a_time(cluster, since)
    for machine in cluster.machines:
        assert f"num.partitions={value}" in machine.ssh("cat /usr/local/single_kafka/config/server.properties")


def test_ctrl_c_while_archives_are_pushed_to_all_hosts(cluster: Cluster) -> None:
    """No broker was stopped, no lock stays, and the next run gets through."""
    before = cluster.pids()
    words = ["--archives", str(default_directory()), "--yes", "--no-smoke-test", "--kafka-version", "3.5.2"]
    command = [sys.executable, "-m", "kprov", "upgrade", *cluster.hosts, "--ssh-config", str(cluster.lab.ssh_config)]
    with subprocess.Popen([*command, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        reaches(process, "pushing kafka")
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        said = process.stderr.read()
    assert process.returncode == 130, said
    assert "run the same command again to continue" in said
    assert cluster.pids() == before
    cluster.install("--kafka-version", "2.8.2", "--no-smoke-test")


def test_a_host_that_reboots_while_its_broker_restarts(cluster: Cluster) -> None:
    """The run ends and names it; the next one continues."""
    since = cluster.now()
    with flowing(cluster, "flow"):
        with rolling(cluster, 31) as process:
            reaches(process, "restart service kafka.service")
            machine = next(item for item in cluster.machines if item.address in cluster.stops_begun("kafka", since))
            machine.reboot()
            assert process.stderr is not None
            process.stderr.read()
        assert process.returncode in {0, 4, 5, 6}
        until(lambda: cluster.status()["available"], 90)
        cluster.install("--set", "num.partitions=31", "--no-smoke-test")


def test_a_host_is_cut_off_while_another_broker_restarts(cluster: Cluster) -> None:
    """No further broker stops; the run names the host, or waits until it is back. Nothing acknowledged is lost."""
    since = cluster.now()
    with flowing(cluster, "flow"):
        with rolling(cluster, 34) as process:
            reaches(process, "restart service kafka.service")
            begun = cluster.stops_begun("kafka", since)
            other = next(item for item in cluster.machines if item.address not in begun)
            other.ssh("systemd-run --quiet sh -c 'ip link set eth0 down; sleep 40; ip link set eth0 up'")
            assert process.stderr is not None
            said = process.stderr.read()
        assert process.returncode in {0, 4, 6}, said
        if process.returncode:
            assert other.address in said
        until(lambda: cluster.status()["state"] == "serving", 120)
        cluster.install("--set", "num.partitions=34", "--no-smoke-test")
    assert_one_at_a_time(cluster, since)


def test_the_leader_of_zookeeper_is_killed(cluster: Cluster) -> None:
    """Brokers keep serving while the others elect one."""
    leader = next(host for host, node in cluster.status()["nodes"].items() if node["mode"] == "leader")
    machine = next(item for item in cluster.machines if item.address == leader)
    with flowing(cluster, "flow") as flow:
        time.sleep(1)
        machine.ssh("systemctl kill -s KILL zookeeper")
        until(lambda: cluster.status()["state"] == "serving", 90)
    assert flow.longest_gap < 5


def test_a_broker_is_killed_and_returns(cluster: Cluster) -> None:
    document = cluster.kprov("smoke-test", "--failover", "--yes", "--json").json
    assert document["failover"]["passed"] is True
    assert [step["passed"] for step in document["failover"]["steps"]] == [True] * 7


def test_two_brokers_down_refuse_messages_and_lose_none(cluster: Cluster) -> None:
    """With one replica left, a producer that wants two is told so, and nothing else."""
    first, second, _ = cluster.machines
    for machine in (first, second):
        machine.ssh("systemctl stop kafka")
    try:
        errors: list[str] = []
        producer = Producer(
            {
                "bootstrap.servers": cluster.bootstrap,
                "acks": "all",
                "message.timeout.ms": 8000,
                "retries": 0,
                "log_level": 0,
            }
        )
        until(lambda: len(cluster.status()["replicas"]["below"]) > 0, 60)
        producer.produce("flow", b"x", partition=0, on_delivery=lambda error, _: errors.append(error.name()))
        producer.flush(15)
        assert errors in (["NOT_ENOUGH_REPLICAS"], ["_MSG_TIMED_OUT"])
        assert cluster.status()["available"] is False
        refused = cluster.install("--set", "num.partitions=32", "--no-smoke-test", "--in-sync-timeout", "600")
        assert refused.code == 0  # what does not run starts first, and cures it
    finally:
        for machine in (first, second):
            machine.ssh("systemctl start kafka")


def test_a_full_disk_on_one_host_stops_the_run_before_any_broker(cluster: Cluster) -> None:
    """Nothing was restarted, on any host."""
    before = cluster.pids()
    third = cluster.machines[2]
    full = "mount -t tmpfs -o size=64k,mode=700 full /var/lib/kprov/uploads"
    third.ssh("mkdir -p /var/lib/kprov/uploads")
    with done(third, full, "umount /var/lib/kprov/uploads"):
        failed = cluster.install("--kafka-version", "3.5.2", "--no-smoke-test", "--java", "temurin-11", check=None)
        assert failed.code in {3, 5}
        assert third.address in failed.err
    assert moved(before, cluster.pids()) == set()
    cluster.install("--kafka-version", "2.8.2", "--no-smoke-test")


def test_a_release_that_does_not_start_is_rolled_back_and_ends_the_roll(cluster: Cluster) -> None:
    """The first broker runs the old release again, the others were never stopped."""
    before = cluster.pids()
    guard = (
        f"mkdir -p {SLOW}; printf '[Service]\\nExecStartPre=/bin/sh -c \"! readlink /usr/local/single_kafka/libs | "
        f"grep -q 3.5.2\"\\n' >{SLOW}/guard.conf; systemctl daemon-reload"
    )
    for machine in cluster.machines:
        machine.ssh(guard)
    try:
        words = ("--kafka-version", "3.5.2", "--no-smoke-test", "--ready-timeout", "40")
        failed = cluster.install(*words, verb="upgrade", check=None)
        assert failed.code in {5, 6}
        assert "rolled back to Kafka 2.8.2" in failed.err
        assert len(moved(before, cluster.pids())) == 1
        until(lambda: cluster.status()["state"] == "serving", 90)
        versions = {node["status"]["kafka"] for node in cluster.status()["nodes"].values()}
        assert "2.8.2" in versions
    finally:
        for machine in cluster.machines:
            machine.ssh(f"rm -rf {SLOW}; systemctl daemon-reload")
    cluster.install("--kafka-version", "2.8.2", "--no-smoke-test")
