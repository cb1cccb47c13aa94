"""Faults of a running cluster, and of kprov while it rolls: nothing acknowledged is lost, the next run continues."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import partial
from itertools import pairwise

import pytest
from confluent_kafka import Consumer, Producer
from support.cluster import HEAPS, KAFKA, Cluster, boot_three, flowing
from support.machine import Machine, done, until

from kprov.errors import ExitCode
from kprov.lab.archives import default_directory

pytestmark = [pytest.mark.lab, pytest.mark.soak, pytest.mark.timeout(900)]

RELEASES = ("--kafka-version", "2.8.2", "--zookeeper-version", "3.5.10", "--java", "temurin-11")
IN_SYNC = ("--in-sync-timeout", "100")
SLOW = "/run/systemd/system/kafka.service.d"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three hosts with a cluster and a topic; every test leaves it whole."""
    with boot_three(125, tmp_path_factory.mktemp("faults")) as cluster:
        cluster.install(*RELEASES, *HEAPS)
        cluster.topic("flow")
        yield cluster


@pytest.fixture(autouse=True)
def whole(cluster: Cluster) -> Iterator[None]:
    """Each test begins and ends with a cluster that serves, also if the test before left it otherwise."""
    try:
        serves(cluster)
    except AssertionError:
        cluster.install("--no-smoke-test")
        serves(cluster)
    yield
    serves(cluster)


def serves(cluster: Cluster) -> None:
    """Wait until all of it serves."""
    until(lambda: cluster.status()["state"] == "serving", 120)


def listens(machine: Machine) -> bool:
    """Whether its broker does."""
    return ":9092 " in machine.ssh("ss -ltn", check=False)


def free_stuck_brokers(cluster: Cluster) -> None:
    """Restart the brokers by hand, one after the other.

    Kafka 2.7 and 2.8 have defects: if the controller moves while a leader changes its in-sync replicas, that leader may
    never change them again. kprov waits and gives up, as it should; an operator restarts the broker.
    """
    for machine in cluster.machines:
        machine.ssh("systemctl restart kafka", check=False)
        until(partial(listens, machine), 90)
        time.sleep(10)


def comes_back(machine: Machine) -> None:
    """Wait until a host can be reached again."""
    until(lambda: machine.ssh("echo up", check=False) == "up\n", 90)


# What a run says while a service of the first node restarts, and when it serves again.
ZOOKEEPER_RESTARTS, BROKER_RESTARTS = "restart service zookeeper.service", "restart service kafka.service"
BROKER_SERVES = "kafka.service is ready"


def running(cluster: Cluster, *words: str, verb: str = "install") -> subprocess.Popen[str]:
    """kprov while it works on the cluster."""
    options = ["--archives", str(default_directory()), "--yes", "--ssh-config", str(cluster.lab.ssh_config)]
    command = [sys.executable, "-m", "kprov", verb, *cluster.hosts, *options, *words]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def rolling(cluster: Cluster, value: int) -> subprocess.Popen[str]:
    """kprov while it rolls a property out."""
    return running(cluster, "--no-smoke-test", "--set", f"num.partitions={value}")


def reaches(process: subprocess.Popen[str], text: str, times: int = 1) -> None:
    """Wait until the run says something, or until it has said it that often."""
    assert process.stderr is not None
    told = []
    for line in process.stderr:
        told.append(line)
        times -= text in line
        if times == 0:
            return
    raise AssertionError(f"it never said {text}:\n{''.join(told)}")


def continued(cluster: Cluster, *words: str) -> None:
    """Run install after a host was cut off. The lock of a run that ended meanwhile lasts until its host notices."""
    deadline = time.monotonic() + 400
    while (result := cluster.install(*words, *IN_SYNC, check=None)).code != ExitCode.DONE:
        assert result.code in {ExitCode.LOCKED, ExitCode.NOT_READY}, result.err
        assert time.monotonic() < deadline, result.err
        if result.code == ExitCode.NOT_READY:
            free_stuck_brokers(cluster)
        time.sleep(2)


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
            reaches(process, BROKER_SERVES)
            time.sleep(0.5)  # the receipt says so a moment later
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
    with running(cluster, "--no-smoke-test", "--kafka-version", "3.5.2", verb="upgrade") as process:
        reaches(process, "pushing kafka")
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        said = process.stderr.read()
    assert process.returncode == 130, said
    assert "run the same command again to continue" in said
    assert cluster.pids() == before
    cluster.install("--kafka-version", "2.8.2", "--no-smoke-test")
    assert cluster.pids() == before, "nothing was changed, so nothing needs to restart"


@pytest.mark.drill
def test_a_host_that_reboots_while_its_broker_restarts(cluster: Cluster) -> None:
    """The run ends and names it; the next one continues."""
    since = cluster.now()
    with flowing(cluster, "flow"):
        with rolling(cluster, 31) as process:
            reaches(process, BROKER_RESTARTS)
            machine = next(item for item in cluster.machines if item.address in cluster.stops_begun("kafka", since))
            machine.reboot()
            assert process.stderr is not None
            process.stderr.read()
        assert process.returncode in {0, 4, 5, 6}
        comes_back(machine)
        continued(cluster, "--set", "num.partitions=31", "--no-smoke-test")


@pytest.mark.drill
@pytest.mark.parametrize(
    ("stage", "words"),
    [
        ("pushing kafka", ("--kafka-version", "3.5.2")),
        (ZOOKEEPER_RESTARTS, ("--zookeeper-heap", "132m", "--set", "num.partitions=34")),
        (BROKER_RESTARTS, ("--set", "num.partitions=35")),
    ],
    ids=["pushing", "ZooKeeper", "broker"],
)
def test_a_host_is_cut_off(stage: str, words: tuple[str, ...], cluster: Cluster) -> None:
    """The run names it, or waits until it is back. No two brokers stop, and nothing acknowledged is lost."""
    since, verb = cluster.now(), "upgrade" if words[0] == "--kafka-version" else "install"
    with flowing(cluster, "flow"):
        with running(cluster, "--no-smoke-test", *words, *IN_SYNC, verb=verb) as process:
            reaches(process, stage)
            begun = cluster.stops_begun("zookeeper" if stage is ZOOKEEPER_RESTARTS else "kafka", since)
            other = next(item for item in cluster.machines if item.address not in begun)
            other.ssh("systemd-run --quiet sh -c 'ip link set eth0 down; sleep 40; ip link set eth0 up'")
            assert process.stderr is not None
            said = process.stderr.read()
        assert process.returncode in {0, 4, 6}, said
        if process.returncode:
            assert other.address in said
        comes_back(other)
        back = ("--kafka-version", "2.8.2") if verb == "upgrade" else words
        continued(cluster, *back, "--no-smoke-test")
    assert_one_at_a_time(cluster, since)


@pytest.mark.drill
def test_a_host_reboots_while_a_zookeeper_server_restarts(cluster: Cluster) -> None:
    """Without a second server no broker is touched; the next run continues."""
    since, before = cluster.now(), cluster.pids()
    with running(cluster, "--no-smoke-test", "--zookeeper-heap", "136m", "--set", "num.partitions=36") as process:
        reaches(process, ZOOKEEPER_RESTARTS)
        begun = cluster.stops_begun("zookeeper", since)
        other = next(item for item in cluster.machines if item.address not in begun)
        other.reboot()
        assert process.stderr is not None
        said = process.stderr.read()
    assert process.returncode in {4, 5, 6}, said  # a host that shuts down may refuse the restart itself
    assert other.address in said
    assert moved(before, cluster.pids()) <= {other.address}
    comes_back(other)
    continued(cluster, "--zookeeper-heap", "136m", "--set", "num.partitions=36", "--no-smoke-test")
    assert_one_at_a_time(cluster, since)


@pytest.mark.parametrize(("stage", "times"), [(ZOOKEEPER_RESTARTS, 1), (BROKER_SERVES, 3)], ids=["ZooKeeper", "proof"])
def test_kprov_is_killed(stage: str, times: int, cluster: Cluster) -> None:
    """The next run does what is left, and proves it."""
    value = 37 if times == 1 else 38
    words = ("--zookeeper-heap", f"{100 + value}m", "--set", f"num.partitions={value}")
    since = cluster.now()
    with running(cluster, *words) as process:
        reaches(process, stage, times)
        time.sleep(1)  # the last broker is in sync, and the proof begins
        process.kill()
    again = cluster.install(*words)
    assert "smoke test passed" in again.out + again.err
    assert_one_at_a_time(cluster, since)
    assert "nothing to do" in cluster.install(*words).out


def test_a_configuration_that_cannot_be_written_ends_the_roll_there(cluster: Cluster) -> None:
    """The disk is full on one host: its broker keeps its process, or was not reached; the others serve."""
    full = cluster.machines[2]
    config = f"{KAFKA}/config"
    fill = (
        f"mkdir /run/full; mount -t tmpfs -o size=256k full /run/full; cp -a {config}/. /run/full/; "
        f"chown --reference {config} /run/full; chmod --reference {config} /run/full; "
        f"mount --bind /run/full {config}; dd if=/dev/zero of={config}/rest bs=1k >/dev/null 2>&1 || true"
    )
    before = cluster.pids()
    with done(full, fill, f"umount {config} /run/full; rmdir /run/full"):
        failed = cluster.install("--set", "num.partitions=39", "--no-smoke-test", check=None)
        assert failed.code in {3, 5}, failed.err
        assert full.address in failed.err
        until(lambda: cluster.status()["available"], 60)
        assert full.address not in moved(before, cluster.pids())
    cluster.install("--set", "num.partitions=39", "--no-smoke-test")


def test_the_leader_of_zookeeper_is_killed(cluster: Cluster) -> None:
    """Brokers keep serving while the others elect one."""
    leader = next(host for host, node in cluster.status()["nodes"].items() if node["mode"] == "leader")
    machine = next(item for item in cluster.machines if item.address == leader)
    with flowing(cluster, "flow") as flow:
        time.sleep(1)
        machine.ssh("systemctl kill -s KILL zookeeper")
        sent = flow.count
        until(lambda: flow.count > sent + 50, 60)
        until(lambda: cluster.status()["state"] == "serving", 90)


def frozen(machine: Machine, unit: str) -> AbstractContextManager[None]:
    """All processes of a unit stand still for the duration of a block: ports stay open, and nobody answers."""
    return done(machine, f"systemctl kill -s STOP {unit}", f"systemctl kill -s CONT {unit}")


def leader_of(cluster: Cluster, topic: str) -> Machine:
    """The host whose broker leads the first partition, as the brokers say, once they name one."""
    seen = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": "drill", "log_level": 0})
    deadline = time.monotonic() + 60
    try:
        while True:
            found = seen.list_topics(topic, timeout=20)
            leader = found.brokers.get(found.topics[topic].partitions[0].leader)
            if leader is not None:
                return next(machine for machine in cluster.machines if machine.address == leader.host)
            assert time.monotonic() < deadline, "nobody leads"
            time.sleep(0.5)
    finally:
        seen.close()


def test_the_leader_of_zookeeper_is_frozen(cluster: Cluster) -> None:
    """The others notice by its silence and elect one; messages flow all the time."""

    def leading() -> set[str]:
        return {host for host, node in cluster.status()["nodes"].items() if node["mode"] == "leader"}

    (leader,) = leading()
    machine = next(item for item in cluster.machines if item.address == leader)
    with flowing(cluster, "flow") as flow:
        with frozen(machine, "zookeeper"):
            sent = flow.count
            until(lambda: flow.count > sent + 50, 60)
            until(lambda: bool(leading() - {leader}), 90)
            state = cluster.status()
            assert (state["state"], state["available"]) != ("serving", True)
        until(lambda: cluster.status()["state"] == "serving", 90)


def test_all_of_zookeeper_is_down(cluster: Cluster) -> None:
    """Messages flow, nobody says that all is well, and a run starts the ensemble before it touches a broker."""
    before, since = cluster.pids(), cluster.now()
    with flowing(cluster, "flow") as flow:
        for machine in cluster.machines:
            machine.ssh("systemctl stop zookeeper")
        sent = flow.count
        until(lambda: flow.count > sent + 500, 60)
        assert cluster.status()["state"] != "serving"
        cluster.install("--set", "num.partitions=40", "--no-smoke-test")
    stops = cluster.stops("kafka", since)
    assert len(stops) == len(before)
    assert_one_at_a_time(cluster, since)


def test_a_leader_is_frozen_and_wakes_up(cluster: Cluster) -> None:
    """Another broker leads once its session is over. When it wakes up it still takes itself for the leader."""
    machine = leader_of(cluster, "flow")
    with flowing(cluster, "flow") as flow:
        with frozen(machine, "kafka"):
            until(lambda: leader_of(cluster, "flow") is not machine, 60)
            sent = flow.count
            until(lambda: flow.count > sent + 100, 90)
            assert machine.address in str(cluster.status()["troubles"])
        until(lambda: cluster.status()["state"] == "serving", 120)


def test_a_follower_is_killed_and_stays_away(cluster: Cluster) -> None:
    """Messages wait until it is no longer waited for, and flow on with two replicas."""
    cluster.topic("followed", partitions=1)
    leader = leader_of(cluster, "followed")
    follower = next(machine for machine in cluster.machines if machine is not leader)
    away = "systemctl kill -s KILL kafka; systemctl stop kafka"
    with flowing(cluster, "followed", partitions=1) as flow:
        with done(follower, away, "systemctl start kafka"):
            until(lambda: cluster.status()["replicas"]["behind"] != [], 60)
            sent = flow.count
            until(lambda: flow.count > sent + 100, 60)
        until(lambda: cluster.status()["state"] == "serving", 120)
    cluster.delete("followed")


def test_a_data_directory_that_cannot_be_written(cluster: Cluster) -> None:
    """The broker ends and is named with the cause, the others lead, and it comes back once it can write."""
    machine = leader_of(cluster, "flow")
    (path,) = machine.ssh(f"sed -n 's/^log.dirs=//p' {KAFKA}/config/server.properties").split()
    hidden = f"{path}.away"
    with flowing(cluster, "flow"):
        with done(machine, f"mv {path} {hidden} && touch {path}", f"rm -rf {path} && mv {hidden} {path}"):
            until(lambda: leader_of(cluster, "flow") is not machine, 90)
            state = cluster.status()
            assert machine.address in str(state["troubles"])
            assert state["state"] != "serving"
        cluster.kprov("start", hosts=cluster.hosts[:1])
        until(lambda: cluster.status()["state"] == "serving", 120)


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
    for machine in cluster.machines:  # what a test before has brought need not be brought again
        machine.ssh("rm -rf /usr/local/kafka_2.12-3.5.2")
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
