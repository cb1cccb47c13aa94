"""The services fail in every way in which Java, Kafka and ZooKeeper fail: the messages, and how to continue.

One host with a topic of the user's, whose messages must be there at the end.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.converged import Converged, converged
from support.machine import Machine, Result, boot, until
from support.stopped_kprov import Run, Stop, Wait, run, start

from kprov.errors import ExitCode
from kprov.smoke.console import MESSAGES

pytestmark = pytest.mark.lab

KILLED = -9
HOME = "/usr/local/single_kafka"
DATA = "/home/temp/kafka_logs"
# As asked for at first: what a test changes it sets back to these.
ASKED = ("--heap", "512m", "--set", "metric.reporters=")


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A host whose services these tests may spoil."""
    with boot(103, tmp_path_factory.mktemp("faults")) as machine:
        yield machine


@pytest.fixture(scope="module")
def reference(machine: Machine) -> Converged:
    """The host after an undisturbed install, with messages of the user's in the topic ``own``."""
    run(machine, "install", "--no-smoke-test", *ASKED, check=0)
    run(machine, "smoke-test", "--topic", "own", "--keep", check=0)
    return converged(machine)


def install(machine: Machine, *words: str, **options: object) -> Run:
    return run(machine, "install", "--no-smoke-test", *words, **options)  # type: ignore[arg-type]


@contextmanager
def drop_in(machine: Machine, unit: str, command: str) -> Iterator[None]:
    """A drop-in of the user's that starts something else, in a stopped unit."""
    folder = f"/etc/systemd/system/{unit}.service.d"
    machine.ssh(
        f"systemctl stop kafka {unit} && mkdir -p {folder}"
        f" && printf '[Service]\\nExecStart=\\nExecStart=%s\\n' {json.dumps(command)} >{folder}/own.conf"
        " && systemctl daemon-reload"
    )
    try:
        yield
    finally:
        machine.ssh(f"rm {folder}/own.conf && systemctl daemon-reload")


def continues(machine: Machine, reference: Converged, *words: str) -> None:
    """The next install comes to the same units and receipt; all files are looked at in the end."""
    install(machine, *words, check=0)
    assert converged(machine, tree=False).differences(reference) == []


def not_ready(result: Result, *told: str) -> None:
    assert result.code == ExitCode.NOT_READY, result.err
    for text in told:
        assert text in result.err


def test_an_install_with_nothing_to_do(machine: Machine, reference: Converged) -> None:
    """One connection, at most four exchanges, the same processes."""
    pids = machine.pids()
    idle = install(machine, check=0)
    assert (idle.connections, idle.steps()) == (1, [])
    assert 1 <= len(idle.exchanges) <= 4
    assert machine.pids() == pids


# ------------------------------------------------------------------ the port


@contextmanager
def listener(machine: Machine, port: int) -> Iterator[str]:
    """A process of somebody else that listens on the port; its number."""
    machine.ssh(
        f"systemd-run --quiet --unit=taker systemd-socket-activate -l {port} /bin/cat;"
        f"until grep -q ':{port:04X} .* 0A ' /proc/net/tcp /proc/net/tcp6; do sleep 0.05; done"
    )
    try:
        yield machine.ssh("systemctl show -p MainPID taker").strip().removeprefix("MainPID=")
    finally:
        machine.ssh("systemctl stop taker")


def test_a_port_that_another_process_has(machine: Machine, reference: Converged) -> None:
    """It is named with its process and program: before anything is done, and when it came later."""
    run(machine, "stop", check=0)
    with listener(machine, 9092) as pid:
        refused = install(machine, check=ExitCode.PREFLIGHT)
        started = run(machine, "start", "--ready-timeout", "20")
    holder = f"process {pid} (/usr/bin/systemd-socket-activate -l 9092 /bin/cat)"
    assert f"port 9092, which kafka.service needs, is used by {holder}" in refused.err
    assert "-> stop that process, or choose another port with --port" in refused.err
    not_ready(started, f"port 9092 is held by {holder}, not by kafka.service", "-> stop that process")
    continues(machine, reference)


# ------------------------------------------------------------------ Kafka


def test_a_heap_that_java_does_not_take(machine: Machine, reference: Converged) -> None:
    """Kafka dies at once; the lines of Java are shown, and what to do."""
    not_ready(
        install(machine, "--heap", "2m"), "kafka.service", "-> Java does not accept this heap size", "with --heap"
    )
    continues(machine, reference, *ASKED)


def test_a_property_that_only_kafka_notices(machine: Machine, reference: Converged) -> None:
    bad = install(machine, "--set", "metric.reporters=com.example.Nothing")
    not_ready(bad, "kafka.service", "com.example.Nothing", "-> a class that a property names does not exist")
    continues(machine, reference, *ASKED)


def test_a_kafka_that_dies_after_three_seconds(machine: Machine, reference: Converged) -> None:
    """It had been active all the time; the first sign of its end is believed."""
    with drop_in(machine, "kafka", "/bin/sh -c 'sleep 3; echo it is enough; exit 7'"):
        not_ready(install(machine), "kafka.service is", "its process ended with 7", "| it is enough")
    continues(machine, reference)


def test_a_kafka_that_hangs_without_binding(machine: Machine, reference: Converged) -> None:
    """The bound is the user's."""
    with drop_in(machine, "kafka", "/bin/sleep 1000"):
        hanging = install(machine, "--ready-timeout", "3")
    not_ready(hanging, "kafka.service runs, but it is not bound to its port within 3 s", "--ready-timeout SECONDS")
    continues(machine, reference)


def test_a_broker_that_zookeeper_still_lists(machine: Machine, reference: Converged) -> None:
    """As after a kill of the one before: its next start fails, and the one after that is waited for."""
    client = f"/usr/local/java/*/bin/java -cp '{HOME}/libs/*' org.apache.zookeeper.ZooKeeperMain -server localhost:2181"
    refused = f"cat {HOME}/logs/server.log | grep -cE 'already registered|node already exists'"
    until = f"for i in $(seq 300); do [ $({refused}) -eq $before ] || break; sleep 0.2; done"
    listed = f"before=$({refused}); {{ echo create -e /brokers/ids/0 listed; {until}; echo quit; }} | {client} 2>&1"
    machine.ssh(
        f"systemctl stop kafka; systemd-run --quiet --unit=lister /bin/sh -c {shlex.quote(listed)};"
        "until journalctl -u lister | grep -q 'Created /brokers/ids/0'; do sleep 0.2; done"
    )
    back = install(machine, check=0)
    assert "kafka.service: ZooKeeper still lists the previous broker" in back.err
    assert converged(machine, tree=False).differences(reference) == []


def test_messages_of_another_broker(machine: Machine, reference: Converged) -> None:
    """A wrong broker.id in meta.properties: install does not touch them, start says what Kafka says."""
    run(machine, "stop", check=0)
    machine.ssh(f"sed -i 's/^broker.id=0/broker.id=7/' {DATA}/meta.properties")
    refused = install(machine, check=ExitCode.PREFLIGHT)
    assert f"{DATA} holds the messages of broker.id 7, not of 0" in refused.err
    assert "-> set broker.id to 7, or choose another log.dirs" in refused.err
    not_ready(run(machine, "start"), "-> log.dirs holds another broker's messages")
    machine.ssh(f"sed -i 's/^broker.id=7/broker.id=0/' {DATA}/meta.properties")
    continues(machine, reference)


def test_files_that_tell_of_processes_that_are_gone(machine: Machine, reference: Converged) -> None:
    """Kafka's .lock and ZooKeeper's process number of an earlier boot stop nobody."""
    run(machine, "stop", check=0)
    machine.ssh(f"touch -d '3 days ago' {DATA}/.lock; echo 1 >/var/lib/zookeeper/data/zookeeper_server.pid")
    continues(machine, reference)
    machine.ssh("rm /var/lib/zookeeper/data/zookeeper_server.pid")


# ------------------------------------------------------------------ ZooKeeper


def test_a_zookeeper_that_never_answers(machine: Machine, reference: Converged) -> None:
    """It holds its port and says nothing; the next install does not take the one that still runs for right."""
    silent = "/usr/bin/systemd-socket-activate -l 2181 /bin/sleep 1000"
    with drop_in(machine, "zookeeper", silent):
        hanging = install(machine, "--ready-timeout", "3")
    not_ready(hanging, "zookeeper.service runs, but ZooKeeper does not answer srvr within 3 s", "--ready-timeout")
    continues(machine, reference)


# ------------------------------------------------------------------ the receipt


def test_a_receipt_of_a_newer_kprov(machine: Machine, reference: Converged) -> None:
    """This kprov cannot read it, so it changes nothing; the later kprov still works."""
    receipt = "/var/lib/kprov/receipt.json"
    machine.ssh(f'cp -p {receipt} /root/kept && sed -i \'s/"format": [0-9]*/"format": 99/\' {receipt}')
    pids = machine.ssh("systemctl show -p MainPID kafka zookeeper")
    refused = install(machine, check=ExitCode.PREFLIGHT)
    assert "the receipt has format 99; this kprov supports formats up to 4" in refused.err
    assert "-> use that version of kprov, or a newer one" in refused.err
    assert machine.ssh("systemctl show -p MainPID kafka zookeeper") == pids
    machine.ssh(f"mv /root/kept {receipt}")
    continues(machine, reference)


def test_a_receipt_that_was_cut_off(machine: Machine, reference: Converged) -> None:
    """The one before it is taken, nothing restarts, and the next receipt is whole."""
    pids = machine.pids()
    machine.ssh("truncate -s 1000 /var/lib/kprov/receipt.json")
    assert "kafka" in run(machine, "status", check=0).out
    mended = install(machine, check=0)
    assert "note: the receipt on the host was cut off: the one before it is used" in mended.out
    assert machine.pids() == pids
    continues(machine, reference)


# ------------------------------------------------------------------ the lock


def test_a_second_run_is_told_who_is_at_work(machine: Machine, reference: Converged, tmp_path: Path) -> None:
    """Who, since when, from where: 8. It works once the first run has ended, however it ended."""
    arrived, go = tmp_path / "arrived", tmp_path / "go"
    words = ("install", "--no-smoke-test", "--heap", "600m")
    first = start(machine, *words, faults=[Wait(("put_file",), str(arrived), str(go))])
    until(arrived.exists)
    second = install(machine, check=ExitCode.LOCKED)
    assert f"(process {first.pid}) has locked the host since " in second.err
    assert " UTC (" in second.err
    assert ": kprov install" in second.err
    assert "@" in second.err.partition("(process")[0]
    first.kill()
    assert first.end().code == KILLED
    continues(machine, reference, *ASKED)


def test_of_two_that_start_at_once_one_gets_it(machine: Machine, reference: Converged, tmp_path: Path) -> None:
    """Both runs reach the lock before either continues; the one that gets it stops there."""
    words = ("install", "--no-smoke-test", "--heap", "600m")
    for number in range(3):
        go, arrived = tmp_path / f"{number}-go", [tmp_path / f"{number}-{each}" for each in "ab"]
        runs = [
            start(
                machine,
                *words,
                faults=[Wait(("take_lock",), str(here), str(go)), Stop(("write_receipt",), "before")],
            )
            for here in arrived
        ]
        until(lambda arrived=arrived: all(here.exists() for here in arrived))
        go.touch()
        assert sorted(each.end().code for each in runs) == [KILLED, ExitCode.LOCKED]
    continues(machine, reference)


def test_no_message_was_lost(machine: Machine, reference: Converged) -> None:
    """All files are as after the undisturbed install, and what the user had written before all this is still there."""
    assert converged(machine).differences(reference) == []
    consume = f"bin/kafka-console-consumer.sh --bootstrap-server {machine.address}:9092 --topic own"
    got = machine.ssh(f"cd {HOME} && {consume} --from-beginning --max-messages 5 --timeout-ms 20000").split()
    assert tuple(got) == MESSAGES
