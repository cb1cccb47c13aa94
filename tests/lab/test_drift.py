"""A host that somebody changed: drift is shown and repaired, a stale plan stops, and existing files are adopted."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import time

import pytest
from support.machine import Machine, until

from kprov.lab.archives import default_directory

pytestmark = pytest.mark.lab

HOME = "/usr/local/single_kafka"
CONFIG = f"{HOME}/config"
INSTALL = ("--java", "temurin-11", "--archives", str(default_directory()), "--no-smoke-test")
# What running services write, and the receipt, which tells of its writer and the time.
WRITTEN = (
    "/home/temp/kafka_logs",
    "/var/lib/zookeeper",
    f"{HOME}/logs",
    f"{HOME}/tmp",
    "/usr/local/zookeeper/logs",
    "/tmp",
    "/run",
)


def settled(machine: Machine) -> dict[str, str]:
    """The file tree without what running services write."""
    skipped = (*WRITTEN, "/var/lib/kprov")
    return {path: value for path, value in machine.tree().items() if not path.startswith(skipped)}


def drift(machine: Machine) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in machine.kprov("status", "--json").json["status"]["drift"]:
        found[item["id"]] = f"{found[item['id']]}; {item['what']}" if item["id"] in found else item["what"]
    return found


@pytest.fixture(scope="module")
def clean(machine: Machine) -> dict[str, str]:
    """The tree after an install that nobody has touched."""
    machine.install("--no-smoke-test")
    return settled(machine)


def test_a_host_that_nobody_touched_has_no_drift(machine: Machine, clean: dict[str, str]) -> None:
    assert drift(machine) == {}


def test_every_drift_is_shown_and_repaired(machine: Machine, clean: dict[str, str]) -> None:
    """Edited, removed, another mode, replaced, stopped, disabled, and a unit that systemd has not read again."""
    machine.ssh(
        f"echo '# mine' >> {CONFIG}/server.properties; touch -d '2026-01-02 03:04:05 UTC' {CONFIG}/server.properties;"
        f"rm {HOME}/kk_zk_start.sh; chmod 0666 {CONFIG}/log4j.properties; chown vagrant {CONFIG};"
        f"ln -sfn /tmp {HOME}/libs; rm {HOME}/bin/kafka-topics.sh; echo mine > {HOME}/bin/kafka-topics.sh;"
        "systemctl disable --now zookeeper; echo '# mine' >> /etc/systemd/system/kafka.service"
    )
    found = drift(machine)
    assert found == {
        f"file:{CONFIG}/server.properties": "was edited at 2026-01-02 03:04:05 UTC",
        f"file:{HOME}/kk_zk_start.sh": "was removed",
        f"file:{CONFIG}/log4j.properties": "has mode 0666 instead of 0644",
        f"directory:{CONFIG}": "has owner vagrant:root instead of root:root",
        f"link:{HOME}/libs": "is a link to /tmp, not a link to /usr/local/kafka_2.12-1.0.0/libs",
        f"links:{HOME}/bin/*": "kafka-topics.sh: a file, not a link",
        "file:/etc/systemd/system/kafka.service": found["file:/etc/systemd/system/kafka.service"],
        "service:zookeeper.service": "is not enabled",
        "service:kafka.service": "has a unit file or drop-in that was changed without a daemon-reload",
    }
    assert found["file:/etc/systemd/system/kafka.service"].startswith("was edited at ")
    planned = machine.kprov("plan", "--json").json["plan"]["changes"]
    assert found.keys() <= {change["id"] for change in planned}
    told = machine.install("--no-smoke-test").out
    copies = re.findall(r"kept as (\S+)", told)
    assert f"{CONFIG}/server.properties.edited-20260102T030405Z" in copies[1] + copies[0] + copies[2]
    assert len(copies) == 3
    assert machine.ssh(f"tail -n 1 {CONFIG}/server.properties.edited-*; cat {HOME}/bin/kafka-topics.sh.edited-*") == (
        "# mine\nmine\n"
    )
    assert drift(machine) == {}
    now = settled(machine)
    assert {path for path in now.keys() - clean.keys() if ".edited-" not in path} == set()
    assert {path: value for path, value in clean.items() if now.get(path) != value} == {}
    assert machine.kprov("status", "--json").json["status"]["serving"] is True


def test_what_no_service_reads_restarts_nothing(machine: Machine) -> None:
    """A comment in the tools' logging and white space in a script are put right, and both processes stay."""
    pids = machine.pids()
    machine.ssh(f"echo '# mine' >> {CONFIG}/tools-log4j.properties; echo >> {HOME}/kk_zk_stop.sh")
    changes = machine.install("--no-smoke-test", "--json").json["plan"]["changes"]
    assert [change["action"] for change in changes] == ["update", "update"]
    assert machine.pids() == pids


def test_a_plan_that_no_longer_fits_does_no_harm(machine: Machine) -> None:
    """Somebody edits the file while the plan is read: after the yes nothing is changed, and the edit is there."""
    words = [sys.executable, "-m", "kprov", "install", machine.address, "--ssh-config", str(machine.lab.ssh_config)]
    pids = machine.pids()
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*words, "--set", "num.partitions=7", "--no-smoke-test"], stdin=theirs, stdout=theirs, stderr=theirs
    ) as run:
        os.close(theirs)
        told = b""
        while b"Make these" not in told:
            told += os.read(ours, 65536)
        machine.ssh(f"echo '# mine too' >> {CONFIG}/server.properties")
        os.write(ours, b"y\n")
        with_rest = told + _rest(ours)
        code = run.wait(timeout=60)
    os.close(ours)
    assert code == 3, with_rest.decode()
    assert b"the host has changed since the plan was made" in with_rest
    assert machine.pids() == pids
    assert machine.ssh(f"tail -n 1 {CONFIG}/server.properties") == "# mine too\n"


def _rest(terminal: int) -> bytes:
    found = b""
    while True:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:  # the other side has closed it
            return found
        if not chunk:
            return found
        found += chunk


def test_another_machine_undoes_nothing(machine: Machine) -> None:
    """What one operator asked for stays when another one, who names nothing, runs install; --unset takes it back."""
    machine.install("--set", "num.partitions=7", "--heap", "600m", "--no-smoke-test")
    again = machine.kprov("install", "--yes", "--no-smoke-test", "--json").json
    assert again["plan"]["changes"] == []
    assert "num.partitions=7" in machine.ssh(f"cat {CONFIG}/server.properties")
    machine.kprov("install", "--unset", "num.partitions", "--yes", "--no-smoke-test")
    assert "num.partitions=1\n" in machine.ssh(f"cat {CONFIG}/server.properties")
    assert "-Xmx600m" in machine.ssh(f"cat {CONFIG}/kafka.env")
    refused = machine.kprov("install", "--unset", "num.partition", "--yes", check=2)
    assert "num.partition is not set" in refused.err


def test_uninstall_force_keeps_what_was_edited(machine: Machine) -> None:
    """Without --force it stops; with it, a copy stays and is named, and nothing else is left."""
    machine.ssh(f"echo '# mine' >> {CONFIG}/log4j.properties")
    assert "was edited since" in machine.kprov("uninstall", "--yes", check=3).err
    result = machine.kprov("uninstall", "--force", "--yes", "--json").json["uninstall"]
    assert result["leftovers"] == []
    (copy,) = (text.split()[0] for text in result["kept"] if text.startswith(f"{CONFIG}/log4j.properties.edited-"))
    assert machine.ssh(f"tail -n 1 {copy}") == "# mine\n"


def asked(machine: Machine, words: tuple[str, ...], answer: bytes) -> tuple[int, str]:
    """The exit code of an uninstall that is given this answer on a terminal, and all that it showed."""
    command = [sys.executable, "-m", "kprov", "uninstall", machine.address, "--ssh-config", str(machine.lab.ssh_config)]
    ours, theirs = pty.openpty()
    told = b""
    terminal = ["setsid", "--ctty", "--wait"]  # for Ctrl-C
    with subprocess.Popen([*terminal, *command, *words], stdin=theirs, stdout=theirs, stderr=theirs) as run:
        os.close(theirs)
        while b"[y/N]" not in told:
            told += os.read(ours, 65536)
        time.sleep(1)  # a Ctrl-C that comes before Python waits for input is lost
        os.write(ours, answer)
        told += _rest(ours)
        code = run.wait(timeout=60)
    os.close(ours)
    return code, " ".join(told.decode().split())


def test_purge_asks_with_host_and_size(machine: Machine) -> None:
    """The question names the host and how much is lost, copies with --force only; Ctrl-C there changes nothing."""
    before = settled(machine)
    code, text = asked(machine, ("--purge",), b"n\n")
    assert code == 7
    lost = r"[0-9.]+ [KMG]iB of messages \([0-9]+ topics?, [0-9]+ partitions?\), [0-9.]+ [KMG]iB of ZooKeeper's data\?"
    assert re.search(rf"on {re.escape(machine.address)}, and lose for good: {lost}", text), text
    code, text = asked(machine, ("--purge", "--force"), b"\x03")
    assert code == 130
    assert re.search(r", [0-9]+ cop(y|ies) of edited files\?", text), text
    assert "interrupted, nothing was changed" in text
    assert "to continue" not in text
    assert settled(machine) == before
    machine.kprov("uninstall", "--purge", "--force", "--yes")


# ------------------------------------------------------------------ adopting what exists


@pytest.fixture(scope="module")
def strangers(machine: Machine) -> dict[str, str]:
    """Everything is there and running, and no receipt tells of it: somebody else might have made it by hand."""
    machine.install("--no-smoke-test")
    machine.ssh(
        f"cd {HOME} && bin/kafka-topics.sh --zookeeper {machine.address}:2181 --create --topic msg --partitions 1"
        f" --replication-factor 1 && echo theirs | bin/kafka-console-producer.sh --broker-list {machine.address}:9092"
        " --topic msg"
    )
    machine.ssh(f"echo '# theirs' >> {CONFIG}/server.properties; rm -rf /var/lib/kprov")
    return settled(machine)


def test_what_others_made_stops_the_plan(machine: Machine, strangers: dict[str, str]) -> None:
    """Every thing in the way is named with the choices, and nothing is touched."""
    refused = machine.kprov("install", *INSTALL, "--yes", check=3)
    for what in (
        "user kafka exists",
        f"file {CONFIG}/server.properties exists",
        f"directory {HOME} exists",
        f"links {HOME}/bin/* exists",
        "release /usr/local/kafka_2.12-1.0.0 exists",
        "/home/temp/kafka_logs is not empty",
        "file /etc/systemd/system/kafka.service exists",
    ):
        assert what in refused.err
    assert "--adopt" in refused.err
    assert settled(machine) == strangers


def test_adopt_takes_it_over_with_the_messages(machine: Machine, strangers: dict[str, str]) -> None:
    told = machine.kprov("install", *INSTALL, "--adopt", "--yes").out
    assert f"{CONFIG}/server.properties.before-kprov" in told
    assert machine.ssh(f"tail -n 1 {CONFIG}/server.properties.before-kprov") == "# theirs\n"
    consume = f"bin/kafka-console-consumer.sh --bootstrap-server {machine.address}:9092 --topic msg --from-beginning"
    assert machine.ssh(f"cd {HOME} && {consume} --max-messages 1 --timeout-ms 20000") == "theirs\n"
    assert drift(machine) == {}
    assert machine.kprov("install", "--yes", "--no-smoke-test", "--json").json["plan"]["changes"] == []


def test_uninstall_puts_back_what_was_there(machine: Machine, strangers: dict[str, str]) -> None:
    """File by file, the data with their owner, and the units enabled; even --purge leaves those data."""
    result = machine.kprov("uninstall", "--purge", "--yes", "--json").json["uninstall"]
    assert result["leftovers"] == []
    assert settled(machine) == strangers
    assert machine.ssh("ls /var/lib/kprov 2>&1 || true").startswith("ls: cannot access")
    assert machine.ssh("stat -c %U /home/temp/kafka_logs /home/temp/kafka_logs/meta.properties") == "kafka\nkafka\n"
    machine.ssh("systemctl start zookeeper kafka")
    until(lambda: "9092" in machine.ssh("ss -Hltn 'sport = :9092'"))
