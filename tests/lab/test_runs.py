"""What is known of runs and of services afterwards: history on both sides, and logs, on a real host."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from support.direct import assert_answers_directly
from support.machine import Machine, until

from kprov.host.ssh_config import read_login
from kprov.lab.archives import default_directory
from kprov.node.readiness import await_ready
from kprov.operations.logs import read_logs
from kprov.operations.session import Access
from kprov.operations.session import installed as installed_on
from kprov.roles.of_node import roles_of
from kprov.spec.target import Target

pytestmark = pytest.mark.lab

HOME = "/usr/local/single_kafka"
JOURNAL = "/var/lib/kprov/journal"
SERVER_LOG = f"{HOME}/logs/server.log"


@pytest.fixture(scope="module", autouse=True)
def installed(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The host with Kafka on it, and the operator's journals of these tests alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("journals")))
        machine.install("--set", "ssl.key.password=geheim")
        yield


def history(*words: str) -> Any:
    """kprov history as it is typed."""
    done = subprocess.run(
        [sys.executable, "-m", "kprov", "history", *words], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout) if "--json" in words else done.stdout


def on_host(machine: Machine) -> list[dict[str, Any]]:
    """The runs that the host tells of."""
    words = ("--host", machine.address, "--ssh-config", str(machine.lab.ssh_config), "--json")
    runs: list[dict[str, Any]] = history(*words)["runs"]
    return runs


@contextmanager
def running(machine: Machine, *words: str, user: str = "root") -> Iterator[subprocess.Popen[str]]:
    """kprov while it runs; it is gone afterwards."""
    command, *rest = words
    arguments = [command, f"{user}@{machine.address}", "--ssh-config", str(machine.lab.ssh_config), *rest]
    process = subprocess.Popen(
        [sys.executable, "-m", "kprov", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


# ------------------------------------------------------------------ history


def test_the_install_is_in_the_history_of_both_sides(machine: Machine) -> None:
    (run,) = history("--json")["runs"]
    assert (run["hosts"], run["outcome"], run["exit_code"]) == ([machine.address], "done", 0)
    assert run["done"] == run["planned"] > 30
    assert run["command"][-2:] == ["--set", "ssl.key.password=***"]
    (noted,) = on_host(machine)
    assert (noted["id"], noted["who"], noted["outcome"]) == (run["id"], run["who"], "done")
    assert (noted["command"], noted["planned"]) == (["install"], run["planned"])


def test_the_journal_shows_what_happened_without_secrets(machine: Machine) -> None:
    run = history("--json")["runs"][0]
    shown = history("show", run["id"][:18])
    for text in (
        "create user kafka",
        "start service kafka.service",
        "kafka.service is ready",
        "ended with exit code 0",
    ):
        assert text in shown
    records = history("show", run["id"], "--json")["run"]["records"]
    kinds = [record["record"] for record in records]
    assert (kinds[0], kinds[1], kinds[-1]) == ("begin", "host", "end")
    assert {"plan", "event"} == set(kinds[2:-1])
    assert "geheim" not in json.dumps(records)
    assert "geheim" not in machine.ssh(f"cat {JOURNAL}")


def test_a_run_with_nothing_to_do_writes_nothing_on_the_host(machine: Machine) -> None:
    before = machine.ssh(f"cat {JOURNAL}; stat -c '%Y %Z %a %U' {JOURNAL} /var/lib/kprov")
    machine.install("--set", "ssl.key.password=geheim")
    assert machine.ssh(f"cat {JOURNAL}; stat -c '%Y %Z %a %U' {JOURNAL} /var/lib/kprov") == before
    assert before.splitlines()[-2].endswith("600 root")
    newest = history("--json")["runs"][0]
    assert (newest["planned"], newest["outcome"]) == (0, "done")


def test_a_run_that_is_killed_did_not_end(machine: Machine) -> None:
    """On both sides; while it is at work it is under way."""
    slow = "/run/systemd/system/kafka.service.d"
    machine.ssh(f"mkdir -p {slow}; printf '[Service]\\nExecStartPre=/bin/sleep 20\\n' >{slow}/slow.conf")
    machine.ssh("systemctl daemon-reload")
    with running(machine, "restart") as process:
        until(lambda: bool(on_host(machine)) and on_host(machine)[0]["command"] == ["restart"])
        assert on_host(machine)[0]["outcome"] == "under way"
        assert history("--json")["runs"][0]["outcome"] == "under way"
        process.kill()
    machine.ssh(f"rm -r {slow}; systemctl daemon-reload; systemctl stop kafka")
    until(lambda: on_host(machine)[0]["outcome"] == "did not end")
    run = history("--json")["runs"][0]
    assert (run["outcome"], run["command"][0], run["id"]) == ("did not end", "restart", on_host(machine)[0]["id"])


def test_the_next_run_is_noted_after_it(machine: Machine) -> None:
    machine.kprov("start")
    assert [(run["command"][0], run["outcome"]) for run in on_host(machine)[:2]] == [
        ("start", "done"),
        ("restart", "did not end"),
    ]


# ------------------------------------------------------------------ logs


def test_logs_shows_the_end_of_every_source(machine: Machine) -> None:
    logs = machine.kprov("logs", "--json", "-n", "500").json["logs"]
    lines = {source["name"]: source["lines"] for source in logs["sources"]}
    assert list(lines) == [
        "server.log",
        "state-change.log",
        "controller.log",
        "log-cleaner.log",
        "kafka-authorizer.log",
        "kafka-request.log",
        "kafka journal",
        "zookeeper.log",
        "zookeeper journal",
    ]
    assert "started (kafka.server.KafkaServer)" in "".join(lines["server.log"])
    assert any("Started" in line and "systemd[1]" in line for line in lines["zookeeper journal"])
    assert lines["log-cleaner.log"] == machine.ssh(f"cat {HOME}/logs/log-cleaner.log").splitlines()
    assert max(len(found) for found in lines.values()) == 500
    assert logs["problems"] == sorted(logs["problems"], key=lambda item: item["time"], reverse=True)


def test_the_newest_problem_comes_first_with_its_trace_and_its_remedy(machine: Machine) -> None:
    machine.ssh(
        f"now=$(date '+%Y-%m-%d %H:%M:%S,999'); cat >>{SERVER_LOG} <<END\n"
        "[$now] ERROR it failed (kafka.test)\njava.io.IOException: No space left on device\n"
        "\tat kafka.Test.run(Test.scala:1)\n[$now] INFO fine (kafka.test)\nEND"
    )
    problem = machine.kprov("logs", "--json").json["logs"]["problems"][0]
    assert (problem["level"], problem["text"], problem["source"]) == ("ERROR", "it failed", "server.log")
    assert problem["lines"][1:] == ["java.io.IOException: No space left on device", "\tat kafka.Test.run(Test.scala:1)"]
    assert problem["remedy"].startswith("the disk is full")
    text = machine.kprov("logs", "--unit", "kafka").out.splitlines()
    assert text[-1].startswith("  -> the disk is full"), "the newest problem is the last thing that one sees"
    assert any("ERROR  server.log" in line for line in text[-5:])


def test_a_service_that_dies_is_a_problem(machine: Machine) -> None:
    """And what is older than --since is not shown."""
    old = machine.kprov("logs", "--json").json["logs"]["problems"]
    assert "it failed" in [problem["text"] for problem in old]
    since = machine.ssh("sleep 1; date +%FT%T").strip()  # the entries so far are of an earlier second
    machine.ssh("systemctl kill -s KILL zookeeper.service")
    until(lambda: machine.ssh("systemctl is-active zookeeper", check=False).strip() != "active")
    logs = machine.kprov("logs", "--json", "--since", since).json["logs"]
    told = [(problem["source"], problem["text"]) for problem in logs["problems"]]
    assert ("zookeeper journal", "zookeeper.service: Main process exited, code=killed, status=9/KILL") in told
    assert "it failed" not in [text for _, text in told]
    machine.kprov("start")
    only = machine.kprov("logs", "--json", "--unit", "zookeeper", "--since", "1h", "-n", "2").json["logs"]["sources"]
    assert [source["name"] for source in only] == ["zookeeper.log", "zookeeper journal"]
    newest = machine.ssh("journalctl -q -u zookeeper -n 2 -o short-iso --no-pager").splitlines()
    assert only[1]["lines"] == newest


def test_logs_include_a_rotated_file(machine: Machine) -> None:
    """log4j has just moved the file: what came before is in the one beside it."""
    machine.ssh(f"cp {SERVER_LOG} {SERVER_LOG}.1; tail -n 1 {SERVER_LOG}.1 >{SERVER_LOG}")
    lines = machine.kprov("logs", "--json", "-n", "3").json["logs"]["sources"][0]["lines"]
    assert len(lines) == 3


def test_a_moment_that_is_none(machine: Machine) -> None:
    assert "is not a time" in machine.kprov("logs", "--since", "yesterday", check=2).err
    assert "cannot be used with --follow" in machine.kprov("logs", "--follow", "--json", check=2).out


def test_logs_takes_one_connection_and_two_exchanges(machine: Machine) -> None:
    """The login with the receipt, and all logs at once."""
    login = read_login(Target(machine.address, "root", None), config=machine.lab.ssh_config)
    with Access().connect(login) as connection:
        read_logs(connection, unit=None, lines=5, since="")
    assert (connection.traffic.connections, connection.traffic.exchanges) == (1, 2)


def test_kprov_takes_less_than_120_mib(machine: Machine) -> None:
    """Also when it reads archives; operators run it for many hosts at the same time.

    A small process starts it: the kernel counts the size of the one that it is forked from.
    """
    peak = "import resource as r, subprocess as s, sys; s.run(sys.argv[1:], check=True, stdout=s.DEVNULL); "
    peak += "print(r.getrusage(r.RUSAGE_CHILDREN).ru_maxrss)"
    words = ("install", machine.address, "--ssh-config", str(machine.lab.ssh_config), "--no-smoke-test", "--yes")
    archives = ("--archives", str(default_directory()), "--java", "temurin-11")
    command = [sys.executable, "-c", peak, sys.executable, "-m", "kprov", *words, *archives]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    assert int(done.stdout) < 120 * 1024  # KiB


@contextmanager
def sshd(machine: Machine, option: str) -> Iterator[None]:
    """An option of the host's sshd, for new connections."""
    path = "/etc/ssh/sshd_config.d/00-test.conf"
    machine.ssh(f"echo '{option}' >{path} && systemctl reset-failed ssh && systemctl restart ssh")
    try:
        yield
    finally:
        machine.ssh(f"rm {path} && systemctl reset-failed ssh && systemctl restart ssh")


@pytest.mark.parametrize(("option", "exchanges"), [("AllowTcpForwarding yes", 2), ("AllowTcpForwarding no", 3)])
def test_readiness_is_asked_through_the_connection_if_sshd_forwards(
    machine: Machine, option: str, exchanges: int
) -> None:
    """Otherwise with a tool on the host, which is an exchange more for each question. No other JVM is started."""
    login = read_login(Target(machine.address, "root", None), config=machine.lab.ssh_config)
    with sshd(machine, option), Access().connect(login) as connection:
        node = installed_on(connection).node
        for role in roles_of(node):
            before = connection.traffic.exchanges
            assert await_ready(connection, role, lambda _: None)
            assert connection.traffic.exchanges - before == exchanges
    assert connection.traffic.forwards == (2 if exchanges == 2 else 0)


def test_the_services_answer_without_a_tool(machine: Machine) -> None:
    assert_answers_directly(machine)


@pytest.mark.parametrize(
    ("words", "counts"),
    [
        (("status",), (2, 0, 0)),  # the login with the receipt, and the probe
        (("logs",), (2, 0, 0)),
        (("plan",), (2, 0, 1)),  # the JVM says which Java it is
        (("install", "--no-smoke-test", "--yes"), (2, 0, 1)),
        # The units, and a tool to create; list, produce and consume at the same time; a tool to delete.
        (("smoke-test",), (5, 2, 5)),
    ],
    ids=lambda value: value[0] if isinstance(value[0], str) else "",
)
@pytest.mark.parametrize("user", ["root", "vagrant"])
def test_what_a_command_takes(
    machine: Machine, user: str, words: tuple[str, ...], counts: tuple[int, int, int]
) -> None:
    """Its exchanges, forwarded questions and JVMs, which make kprov slow on a slow line: none may grow unnoticed.

    Who needs sudo asks for the receipt in an exchange of its own.
    """
    told = replace(machine, user=user).kprov(*words, "-vv").err
    (line,) = (line for line in told.splitlines() if line.startswith("traffic: "))
    found = {noun.rstrip("s"): int(number) for number, noun in re.findall(r"(\d+) ([a-zJVM]+)", line)}
    exchanges, forwards, jvms = counts
    assert (found["connection"], found["exchange"], found["JVM"]) == (1, exchanges + (user != "root"), jvms), line
    # ZooKeeper is asked until the topic is gone.
    assert found["forwarded"] == forwards or (forwards and found["forwarded"] > forwards), line


def test_a_smoke_test_through_an_sshd_that_does_not_forward(machine: Machine) -> None:
    with sshd(machine, "AllowTcpForwarding no"):
        result = machine.kprov("smoke-test", "--json").json["smoke_test"]
    assert [step["passed"] for step in result["steps"]] == [True] * len(result["steps"])


FOLLOWERS = "ps -eo args | grep -E '^(tail|journalctl|sed) ' || true"


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("end", "user"), [(signal.SIGINT, "root"), (signal.SIGKILL, "vagrant")])
def test_follow_shows_lines_as_they_come_and_leaves_nothing_behind(
    machine: Machine, end: signal.Signals, user: str
) -> None:
    """Of files, one of them rotated, and of the journal; ended by Ctrl-C, or by the operator's machine dying."""
    until(lambda: machine.ssh(FOLLOWERS) == "")
    with running(machine, "logs", "--follow", "-n", "1", user=user) as process:
        assert process.stdout is not None
        until(lambda: machine.ssh(FOLLOWERS).count("journalctl") == 2)
        machine.ssh(f"printf 'one\\ttab \\\\t \\\\\\\\ end\\n' >>{SERVER_LOG}")
        seen = read_until(process, "one tab \\t \\\\ end")
        machine.ssh(f"mv {SERVER_LOG} {SERVER_LOG}.1; echo rotated >{SERVER_LOG}; chown kafka: {SERVER_LOG}")
        seen += read_until(process, "rotated")
        machine.ssh("systemctl kill -s CONT kafka.service")
        seen += read_until(process, "SIGCONT")
        process.send_signal(end)
        assert process.wait(20) == (0 if end is signal.SIGINT else -signal.SIGKILL)
        if end is signal.SIGINT:
            assert "interrupted" not in process.communicate()[1]
    sources = {line.split("  ")[0].removesuffix(" 2026").strip() for line in seen}
    assert {"server.log", "controller.log", "zookeeper.log"} <= sources
    assert any(line.startswith("kafka journal") for line in seen)
    until(lambda: machine.ssh(FOLLOWERS) == "")


def read_until(process: subprocess.Popen[str], text: str) -> list[str]:
    """The lines of standard output up to the first that has the text; a test that never sees it runs into its bound."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if text in " ".join(line.split()):  # a terminal's lines have no tabs
            return lines
    raise AssertionError(f"{text!r} never came: {lines}")


# ------------------------------------------------------------------ afterwards


def test_what_is_kept_keeps_its_journal(machine: Machine) -> None:
    machine.kprov("uninstall", "--yes")
    assert on_host(machine)[0]["command"] == ["uninstall"]
    assert "nothing" in machine.kprov("logs", check=3).err


def test_a_host_that_is_left_has_no_journal(machine: Machine) -> None:
    machine.kprov("uninstall", "--purge", "--yes")
    assert on_host(machine) == []
    assert machine.ssh("ls -A /var/lib/kprov 2>&1", check=False) in {
        "",
        "ls: cannot access '/var/lib/kprov': No such file or directory\n",
    }
    assert history("-n", "1").split()[4:6] == ["uninstall", machine.address]
