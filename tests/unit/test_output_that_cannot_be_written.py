"""A reader that goes away, and a full disk: each ends a command with a code of its own, and with no stack of frames."""

from __future__ import annotations

import errno
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.schemas import validated

from kprov.cli.main import main
from kprov.errors import ExitCode
from kprov.host.connection import Connection
from kprov.receipt import Receipt

KPROV = (sys.executable, "-m", "kprov")
FULL = Path("/dev/full")
COMMANDS = {
    "help": ["--help"],
    "the help of a command": ["install", "--help"],
    "the version": ["--version"],
    "text": ["render", "kafka-1"],
    "a document": ["render", "kafka-1", "--json"],
    "a list": ["history"],
}


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """A user with a home of their own."""
    own = {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state"), "PYTHONUNBUFFERED": ""}
    return {**os.environ, **own}


def run(words: list[str], env: dict[str, str], cwd: Path, **streams: object) -> subprocess.CompletedProcess[str]:
    words = [*KPROV, *words]
    return subprocess.run(words, env=env, cwd=cwd, text=True, check=False, timeout=60, **streams)  # type: ignore[call-overload,no-any-return]


@pytest.fixture
def gone() -> Iterator[int]:
    """The writing end of a pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_closed_pipe_ends_a_command_quietly(name: str, gone: int, env: dict[str, str], tmp_path: Path) -> None:
    """As head leaves it: the code is that of a tool that ended by SIGPIPE, and nothing is said."""
    done = run(COMMANDS[name], env, tmp_path, stdout=gone, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (ExitCode.PIPE, "")
    assert ExitCode.PIPE == 128 + signal.SIGPIPE


@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_full_disk_is_named(name: str, unbuffered: str, env: dict[str, str], tmp_path: Path) -> None:
    """Whether Python writes at once or later, and whether click asks the stream what it is."""
    env["PYTHONUNBUFFERED"] = unbuffered
    with FULL.open("w") as full:
        done = run(COMMANDS[name], env, tmp_path, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == ExitCode.OUTPUT
    assert done.stderr.splitlines() == [
        "error: standard output: the result cannot be written: No space left on device",
        "  -> make room there, or write it elsewhere",
    ]


def test_a_command_that_failed_keeps_its_code(gone: int, env: dict[str, str], tmp_path: Path) -> None:
    words = ["install", "kafka-1", "--set", "num.partitons=3", "--json"]
    done = run(words, env, tmp_path, stdout=gone, stderr=subprocess.PIPE)
    assert done.returncode == ExitCode.USAGE
    with FULL.open("w") as full:
        done = run(words, env, tmp_path, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == ExitCode.USAGE
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("where", ["closed", "full"])
def test_messages_that_nobody_can_read_stop_nothing(where: str, gone: int, env: dict[str, str], tmp_path: Path) -> None:
    """Standard error is no result: the command comes to its own end."""
    with FULL.open("w") as full:
        stream = gone if where == "closed" else full
        done = run(["render", "kafka-1", "--json"], env, tmp_path, stdout=subprocess.PIPE, stderr=stream)
        assert done.returncode == ExitCode.DONE
        assert validated(done.stdout)["files"]
        done = run(["instal"], env, tmp_path, stdout=subprocess.PIPE, stderr=stream)
        assert done.returncode == ExitCode.USAGE
        done = run(["status", "kafka-1.invalid"], env, tmp_path, stdout=subprocess.PIPE, stderr=stream)
        assert done.returncode == ExitCode.CONNECT


@pytest.mark.parametrize("redirection", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_the_caller_has_closed_is_no_bug(redirection: str, env: dict[str, str], tmp_path: Path) -> None:
    script = f'"{KPROV[0]}" -m kprov render kafka-1 {redirection}'
    done = subprocess.run(["sh", "-c", script], env=env, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == ExitCode.DONE
    assert "Traceback" not in done.stderr
    assert (tmp_path / "rendered").is_dir()


def test_rendered_files_on_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file is named, and the code says that the words were right."""

    def full(self: Path, *_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    assert main(["render", "kafka-1", "--to", str(tmp_path)]) == ExitCode.OUTPUT
    err = capsys.readouterr().err
    assert err.startswith(f"error: --to: {tmp_path}/")
    assert " cannot be written: No space left on device\n" in err


def test_rendered_files_where_they_may_not_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main(["render", "kafka-1", "--to", str(tmp_path / "file")]) == ExitCode.USAGE
    assert "Not a directory" in capsys.readouterr().err


def test_a_journal_on_a_full_disk_is_warned_of_and_the_run_continues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    write = os.write

    def full(file: int, data: bytes) -> int:
        if data.startswith(b'{"record"'):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(file, data)

    monkeypatch.setattr(os, "write", full)
    assert main(["stop", "kafka-1.invalid"]) == ExitCode.CONNECT
    err = capsys.readouterr().err
    assert err.count("warning: the journal of this run cannot be written: No space left on device") == 1
    assert "error: kafka-1.invalid: the host name kafka-1.invalid cannot be resolved" in err


# ------------------------------------------------------------------ Ctrl-C


def interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("command", ["install", "plan", "status", "uninstall", "start", "smoke-test"])
def test_ctrl_c_before_anything_was_changed_says_so(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr("kprov.operations.install.verify_local_archives", lambda *_, **__: None)
    monkeypatch.setattr(Connection, "__enter__", interrupt)
    assert main([command, "kafka-1"]) == ExitCode.INTERRUPTED
    err = capsys.readouterr().err
    assert "error: interrupted, nothing was changed\n" in err
    assert "continue" not in err


def test_a_command_without_a_host_says_nothing_of_hosts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("kprov.cli.render.operation.render", interrupt)
    assert main(["render", "kafka-1", "--to", str(tmp_path)]) == ExitCode.INTERRUPTED
    assert capsys.readouterr().err.endswith("error: interrupted\n")


def test_programs_get_a_document_of_an_interrupted_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Connection, "__enter__", interrupt)
    assert main(["status", "kafka-1", "--json"]) == ExitCode.INTERRUPTED
    document = json.loads(capsys.readouterr().out)
    assert (document["exit_code"], document["problems"][0]["what"]) == (130, "interrupted, nothing was changed")


def test_ctrl_c_while_a_host_is_changed_says_how_to_continue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(Connection, "__enter__", lambda self: self)
    monkeypatch.setattr(Connection, "__exit__", lambda *_: None)
    monkeypatch.setattr("kprov.operations.fleet.peek_receipt", lambda _: Receipt())
    monkeypatch.setattr("kprov.cli.services.change_services", interrupt)
    assert main(["restart", "kafka-1"]) == ExitCode.INTERRUPTED
    err = capsys.readouterr().err
    assert "error: interrupted\n  -> run the same command again to continue\n" in err


@pytest.mark.parametrize(
    ("typed", "said", "code"),
    [
        (b"\x03", "interrupted, nothing was changed", 130),
        (b"\x04", "declined, nothing was changed", 7),
        (b"n\n", "declined, nothing was changed", 7),
    ],
    ids=["Ctrl-C", "the end of input", "no"],
)
def test_an_answer_to_a_question_that_is_no_yes(
    typed: bytes, said: str, code: int, env: dict[str, str], tmp_path: Path
) -> None:
    """On a real terminal, at the question that every change asks."""
    program = (
        "from kprov.cli.options import HOST_ARGUMENTS, command\n"
        "from kprov.commands import HostArguments\n"
        "import click\n"
        "@click.command()\n"
        "def ask():\n"
        "    click.get_current_context().meta[HOST_ARGUMENTS] = HostArguments('kafka-1')\n"
        "    with command('plan', as_json=False) as output:\n"
        "        output.confirm('Make these 3 changes on kafka-1?')\n"
        "import kprov.cli.main as it\n"
        "it.cli.add_command(ask, 'ask')\n"
        "it._Commands.get_command = lambda self, ctx, name: ask\n"
        "raise SystemExit(it.main(['ask']))\n"
    )
    master, slave = os.openpty()
    words = ["setsid", "--ctty", "--wait", sys.executable, "-c", program]
    with subprocess.Popen(words, stdin=slave, stdout=slave, stderr=slave, env=env, cwd=tmp_path) as child:
        os.close(slave)
        timer = threading.Timer(60, child.kill)
        timer.start()
        seen = b""
        while b"[y/N]" not in seen:
            seen += os.read(master, 4096)
        # A Ctrl-C between Python's last look at signals and its wait for input is lost: a person presses it again.
        try:
            while True:
                os.write(master, typed)
                until = time.monotonic() + 5
                while (left := until - time.monotonic()) > 0:
                    if select.select([master], [], [], left)[0]:
                        seen += os.read(master, 4096)
        except OSError:  # the terminal's other end has been closed
            pass
        timer.cancel()
        assert child.wait() == code
    os.close(master)
    text = seen.decode()
    assert said in text
    assert "continue" not in text


def test_a_closed_socket_is_no_closed_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An EPIPE from elsewhere than standard output is not the end of the reader."""

    def broken(*_: object) -> None:
        raise BrokenPipeError(errno.EPIPE, "of a socket")

    monkeypatch.setattr(Connection, "__enter__", broken)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with socket.socket():
        assert main(["status", "kafka-1"]) == ExitCode.BUG
    (report,) = (tmp_path / "kprov/bugs").iterdir()
    assert "of a socket" in report.read_text()
