"""What status and start say of a host whose services do not serve: why, since when, and which command helps.

One host: first while its installation is interrupted, then installed, with one thing after the other that is wrong.
"""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from support.machine import Machine, boot, until
from support.stopped_kprov import Stop, run

from kprov.errors import ExitCode

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

HOME = "/usr/local/single_kafka"
RELEASE = "/usr/local/kafka_2.12-1.0.0"


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A host without anything."""
    with boot(121, tmp_path_factory.mktemp("status")) as machine:
        yield machine


@pytest.fixture(scope="module")
def host(fresh: Machine) -> Machine:
    """An installed host; each test puts back what it does."""
    run(fresh, "install", "--no-smoke-test", check=0)
    return fresh


def status(machine: Machine) -> Any:
    """The document's part, with its next command."""
    document = machine.kprov("status", "--json").json
    return document["status"] | {"next": document.get("next", "")}


# ------------------------------------------------------------------ an installation that is not there


def test_an_installation_that_was_only_planned(fresh: Machine) -> None:
    """The run is killed before its first change: the receipt says what it was going to make."""
    assert run(fresh, "install", "--no-smoke-test", faults=[Stop(("receive_upload",), "before")]).code == -9
    found = status(fresh)
    assert (found["verdict"]["state"], found["serving"], found["parts"]["there"]) == ("not installed", False, 0)
    assert found["next"].startswith("kprov install ")
    text = fresh.kprov("status").out
    assert "only planned: the last run was interrupted before it made anything" in text
    assert "kafka.service" not in text


def test_an_installation_that_is_half_made(fresh: Machine) -> None:
    assert run(fresh, "install", "--no-smoke-test", faults=[Stop(("put_file",), "after")]).code == -9
    found = status(fresh)
    assert found["verdict"]["state"] == "not installed"
    assert 0 < found["parts"]["there"] < found["parts"]["count"]
    assert f"{found['parts']['there']} of {found['parts']['count']} parts are there" in found["verdict"]["reasons"][0]


def test_data_that_were_kept(host: Machine) -> None:
    """They are no installation; status names them."""
    run(host, "uninstall", "--yes", check=0)
    told = host.kprov("status", check=ExitCode.PREFLIGHT).err
    assert "kprov has installed nothing on this host any more; the data that uninstall kept are still there" in told
    assert "/home/temp/kafka_logs" in told
    run(host, "install", "--no-smoke-test", check=0)


# ------------------------------------------------------------------ services that do not serve


def test_a_status_that_is_watched_sees_a_service_stop(host: Machine) -> None:
    """Until Ctrl-C, which is its normal end. With --exit-code, a script sees the same."""
    assert host.kprov("status", "--exit-code").code == 0
    command = [sys.executable, "-m", "kprov", "status", host.address, "--ssh-config", str(host.lab.ssh_config)]
    with subprocess.Popen([*command, "--watch"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = iter(process.stdout)
        assert any(": serving" in line for line in lines)
        host.ssh("systemctl stop kafka")
        try:
            assert any("kafka.service is stopped" in line for line in lines)
            process.send_signal(signal.SIGINT)
            process.stdout.read()
            assert "kafka.service is stopped" in host.kprov("status", "--exit-code", check=6).out
        finally:
            host.ssh("systemctl start kafka")
    assert process.returncode == 0
    until(lambda: host.kprov("status", "--exit-code", check=None).code == 0)


def test_a_host_that_serves(host: Machine) -> None:
    found = status(host)
    assert (found["verdict"]["state"], found["verdict"]["reasons"], found["drift"]) == ("serving", [], [])
    assert found["next"] == ""
    assert [unit["restarts"] for unit in found["units"]] == [0, 0]


def test_a_stopped_service_is_no_drift(host: Machine) -> None:
    """What it needs is a start, by the command that status ends with."""
    host.ssh("systemctl stop kafka")
    found = status(host)
    assert (found["verdict"]["state"], found["drift"]) == ("not serving", [])
    assert found["verdict"]["reasons"] == ["kafka.service is stopped"]
    assert found["next"] == f"kprov start {host.address} --ssh-config {host.lab.ssh_config}"
    assert host.kprov("status").out.startswith(f"{host.address}: not serving\n  kafka.service is stopped\n")
    host.kprov("start")


@contextmanager
def drop_in(machine: Machine, command: str) -> Iterator[str]:
    """A drop-in of the user's, with which Kafka starts something else again and again; its path."""
    path = "/etc/systemd/system/kafka.service.d/my own.conf"
    text = f"[Service]\nRestartSec=1\nExecStart=\nExecStart={command}\n"
    machine.ssh(f"systemctl stop kafka; printf %s {shlex.quote(text)} >'{path}'; systemctl daemon-reload")
    try:
        yield path
    finally:
        machine.ssh(f"systemctl stop kafka; systemctl reset-failed kafka; rm '{path}'; systemctl daemon-reload")


def test_a_crash_loop(host: Machine) -> None:
    """It is said at once, with the number of restarts, what the log means, and a drop-in that may be the cause."""
    with drop_in(host, "/bin/sh -c 'echo java.io.IOException: Too many open files; sleep 0.3; exit 3'") as path:
        host.ssh("systemctl start kafka")
        until(lambda: counted(host) > 2)
        found = status(host)
        text = host.kprov("status").out
        checked = host.kprov("check", "--json").json["check"]["results"]
    kafka = found["units"][1]
    assert found["verdict"]["state"] == "not serving"
    assert kafka["restarts"] > 2
    assert "; systemd restarted it " in kafka["reason"]
    assert "limit of open files" in kafka["advice"]
    assert kafka["drop_ins"] == [path]
    assert found["next"].startswith("kprov logs ")
    assert f"kafka.service has drop-ins that kprov did not write: {path}" in text
    (told,) = [item for item in checked if item["check"] == "drop-ins"]
    assert (told["status"], path in told["evidence"]) == ("warn", True)


# systemctl as on systemd 219, which does not know NRestarts. The library looks into /usr/sbin first.
OLD_SYSTEMCTL = """#!/bin/sh
[ "$1" = show ] || exec /usr/bin/systemctl "$@"
/usr/bin/systemctl "$@" | grep -v ^NRestarts=
"""


def test_restarts_are_counted_where_systemd_does_not(host: Machine) -> None:
    """By its messages; a start that somebody asks for begins anew."""
    host.ssh(f"printf %s {shlex.quote(OLD_SYSTEMCTL)} >/usr/sbin/systemctl; chmod 755 /usr/sbin/systemctl")
    try:
        with drop_in(host, "/bin/sh -c 'exit 3'"):
            host.ssh("/usr/bin/systemctl start kafka")
            until(lambda: counted(host) > 2)
            before = counted(host)
            told = status(host)["units"][1]["restarts"]
            after = counted(host)
            # Right after a restart: if it is stopped between the message that a restart is due and the start, the
            # next start is taken for that restart's, and the journal shows no difference.
            until(lambda: counted(host) > after)
            host.ssh("/usr/bin/systemctl stop kafka")  # or systemd starts it again, as soon as it can run
        assert before <= told <= after
        host.kprov("start")
        assert status(host)["units"][1]["restarts"] == 0
    finally:
        host.ssh("rm /usr/sbin/systemctl")


def counted(machine: Machine) -> int:
    """How often systemd says that it has started Kafka again by itself."""
    return int(machine.ssh("/usr/bin/systemctl show -p NRestarts kafka").partition("=")[2])


def test_a_program_that_is_not_there(host: Machine) -> None:
    """start names it, and the drop-in that asks for it: it is not always Java."""
    with drop_in(host, "/nowhere/run.sh") as path:
        failed = host.kprov("start", check=ExitCode.NOT_READY).err
    assert "systemd could not start /nowhere/run.sh (No such file or directory)" in failed
    assert f"check these drop-ins, which kprov did not write: {path}" in failed
    assert "JAVA_HOME" not in failed


def test_who_holds_a_port(host: Machine) -> None:
    host.ssh(
        "systemctl stop kafka; systemd-run --quiet --unit=taker systemd-socket-activate -l 9092 /bin/cat;"
        "until grep -q ':2384 .* 0A ' /proc/net/tcp /proc/net/tcp6; do sleep 0.05; done"
    )
    try:
        found = status(host)
        pid = int(host.ssh("systemctl show -p MainPID taker").strip().partition("=")[2])
    finally:
        host.ssh("systemctl stop taker")
    (holder,) = found["units"][1]["holders"]
    assert holder == {"port": 9092, "pid": pid, "program": "/usr/bin/systemd-socket-activate -l 9092 /bin/cat"}
    assert f"port 9092 is held by process {pid} (/usr/bin/systemd-socket-activate" in found["verdict"]["reasons"][0]
    assert "stop the process that holds the port" in found["verdict"]["advice"][0]


# ------------------------------------------------------------------ parts that are missing

# What is moved away while Kafka is stopped, and what start says of it.
MISSING = {
    "the configuration": (f"{HOME}/config/server.properties", f"{HOME}/config/server.properties was removed"),
    "the environment file": (f"{HOME}/config/kafka.env", f"{HOME}/config/kafka.env was removed"),
    "the release": (RELEASE, f"{RELEASE} was removed"),
    "Java": ("/usr/local/java/*", "/usr/local/java/"),
    "the unit": ("/etc/systemd/system/kafka.service", "/etc/systemd/system/kafka.service was removed"),
}


@pytest.mark.parametrize("what", MISSING)
def test_start_says_which_part_is_missing(host: Machine, what: str) -> None:
    """As status does, and not what one line of a log may mean."""
    path, told = MISSING[what]
    host.ssh(f"systemctl stop kafka; mkdir -p /root/aside; mv {path} /root/aside/; systemctl daemon-reload")
    try:
        failed = host.kprov("start", check=None)
        found = status(host)
    finally:
        place = path.rpartition("/")[0]
        host.ssh(f"systemctl stop kafka; mv /root/aside/* {place}/; systemctl daemon-reload")
    assert failed.code in {ExitCode.NOT_READY, ExitCode.STEP}, failed.err
    assert told in failed.err.partition("-> ")[2]
    assert f"repair it: kprov install {host.address}" in failed.err
    assert found["verdict"]["state"] == "not serving"
    assert any(told.removesuffix(" was removed") in item["id"] for item in found["drift"])
    assert found["next"].startswith("kprov plan ")


@pytest.mark.parametrize("path", [f"{HOME}/libs", f"{HOME}/bin"])
def test_start_restores_links(host: Machine, path: str) -> None:
    host.ssh(f"systemctl stop kafka; mkdir -p /root/aside; mv {path} /root/aside/")
    assert path in host.kprov("start").err
    host.ssh("rm -rf /root/aside")
    assert status(host)["drift"] == []


def test_all_is_put_back(host: Machine) -> None:
    host.kprov("start")
    assert status(host)["verdict"]["state"] == "serving"
    assert status(host)["drift"] == []
