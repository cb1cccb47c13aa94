"""The command line of an exchange, run by real shells with a stand-in for sudo."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.local_host import needs

from kprov.host.become import READY, Become, Conversation
from kprov.secret import Secret

SCRIPT = b'printf "@kprov\\tout\\tgot=%s\\n" "$(cat)"\n'
PAYLOAD = b"payload\n0\nwith what looks like frames"
# Asks as sudo -S does, reads one line byte by byte, and runs the command if the line is right.
SUDO = """#!/bin/sh
while :; do case $1 in -p) prompt=$2; shift 2 ;; -[SHn]) shift ;; *) break ;; esac; done
[ -z "${prompt-}" ] || { printf '%s' "$prompt" >&2; read -r said; [ "$said" = "a \\"word\\"" ] || exit 1; }
exec "$@"
"""
# tests/lab/test_access.py has tcsh and fish on a host in any case.
_SHELLS = (("dash",), ("bash",), ("bash", "--posix"), ("tcsh",), ("fish",), ("zsh",))
SHELLS = [shell for shell in _SHELLS if shutil.which(shell[0])]


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A PATH with the commands that an exchange may call before the library sets its own."""
    for name in ("head", "cat", "sh"):
        assert name == "sh" or name in needs()
        (tmp_path / name).symlink_to(shutil.which(name) or "/nowhere")
    for name in ("env", "stty"):  # of the core utilities, where sudo asks and where it wants a terminal
        (tmp_path / name).symlink_to(shutil.which(name) or "/nowhere")
    (tmp_path / "sudo").write_text(SUDO)
    (tmp_path / "sudo").chmod(0o755)
    return str(tmp_path)


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
@pytest.mark.parametrize("become", [Become(), Become(sudo=True)], ids=["root", "sudo"])
def test_the_script_and_its_payload_arrive(path: str, shell: tuple[str, ...], become: Become) -> None:
    done = subprocess.run(
        [shutil.which(shell[0]) or shell[0], *shell[1:], "-c", become.command(len(SCRIPT))],
        input=SCRIPT + PAYLOAD,
        env={"PATH": path, "HOME": path},
        capture_output=True,
        check=True,
    )
    assert done.stdout == b"@kprov\tout\tgot=" + PAYLOAD + b"\n"
    assert done.stderr == b""


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
@pytest.mark.parametrize("tty", [False, True])
def test_sudo_gets_the_password_first(path: str, shell: tuple[str, ...], tty: bool) -> None:
    become = Become(sudo=True, asks=True, tty=tty, password=Secret('a "word"'))
    (Path(path) / "stty").unlink()
    (Path(path) / "stty").symlink_to(shutil.which("true") or "/nowhere")  # there is no terminal here
    sent = b"".join(become.framed(chunk) for chunk in (b'a "word"\n', SCRIPT, PAYLOAD[:5], PAYLOAD[5:])) + become.end
    done = subprocess.run(
        [shutil.which(shell[0]) or shell[0], *shell[1:], "-c", become.command(len(SCRIPT))],
        input=sent,
        env={"PATH": path, "HOME": path},
        capture_output=True,
        check=True,
    )
    left = b"\n@kprov\tleft\tstatus=0\n" if tty else b""
    assert done.stdout == READY.encode() + b"@kprov\tout\tgot=" + PAYLOAD + b"\n" + left
    assert done.stderr.decode() == become.prompt + READY


@contextmanager
def terminal() -> Iterator[tuple[int, int]]:
    ours, theirs = os.openpty()
    try:
        yield ours, theirs
    finally:
        for end in (ours, theirs):
            os.close(end)


def read_until(terminal: int, mark: bytes) -> bytes:
    found = b""
    while mark not in found:
        found += os.read(terminal, 65536)
    return found


@pytest.mark.timeout(20)
@pytest.mark.parametrize("sh", [shell for shell in ("dash", "bash") if shutil.which(shell)])
def test_every_byte_arrives_on_a_terminal(path: str, sh: str) -> None:
    """Lengths and data arrive at once and must not end up in the shell's read buffer."""
    become = Become(sudo=True, asks=True, tty=True, password=Secret('a "word"'))
    (Path(path) / "sh").unlink()
    (Path(path) / "sh").symlink_to(shutil.which(sh) or "/nowhere")
    command = become.command(len(SCRIPT)).replace("/bin/sh", f"{path}/sh")
    with terminal() as (ours, theirs):
        process = subprocess.Popen(
            [f"{path}/sh", "-c", command],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={"PATH": path, "HOME": path},
            start_new_session=True,
        )
        try:
            read_until(ours, become.prompt.encode())
            os.write(ours, become.framed(b'a "word"\n'))
            read_until(ours, READY.encode())
            os.write(ours, b"".join(become.framed(chunk) for chunk in (SCRIPT, PAYLOAD[:5], PAYLOAD[5:])) + become.end)
            assert b"@kprov\tout\tgot=" + PAYLOAD + b"\n" in read_until(ours, b"left\tstatus=0\n")
        finally:
            process.kill()
            process.wait()


def test_nothing_secret_is_on_the_command_line() -> None:
    become = Become(sudo=True, asks=True, tty=True, password=Secret("hidden"))
    assert "hidden" not in become.command(1) + repr(become)


# ------------------------------------------------------------------ what sudo says


class Line:
    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


def conversation(line: Line, *, tty: bool = False, given: bool = True) -> Conversation:
    become = Become(sudo=True, asks=True, tty=tty, password=Secret("word") if given else None, prompt="[?]")
    return Conversation(become, line.sent.append, line.close)


def test_the_prompt_is_answered_once_even_if_it_arrives_in_pieces() -> None:
    line = Line()
    talk = conversation(line)
    for piece in ("We trust you\n[", "?", "]"):
        talk.hear(piece)
    assert (line.sent, talk.asked, talk.refused, line.closed) == ([b"word\n"], 1, False, 0)


def test_a_second_prompt_is_a_refusal_whatever_is_printed_between() -> None:
    line = Line()
    talk = conversation(line, tty=True)
    talk.hear("[?]")
    talk.hear("\r\nFalsch!\r\n[?]")
    assert (line.sent, talk.refused, line.closed) == ([b"0000000005word\n"], True, 1)
    assert talk.cause == "Falsch!"


def test_a_prompt_without_a_password_ends_the_exchange() -> None:
    line = Line()
    talk = conversation(line, given=False)
    talk.hear("[?]")
    assert (line.sent, talk.unanswered, talk.refused, line.closed) == ([], True, False, 1)


def test_output_of_the_script_is_not_taken_for_a_prompt() -> None:
    line = Line()
    talk = conversation(line)
    talk.ready = True
    talk.hear("[?]")
    assert (line.sent, talk.asked, talk.refused) == ([], 0, False)


def test_one_try_only() -> None:
    """With passwd_tries=1 in sudoers there is no second prompt; only the English message shows the refusal."""
    talk = conversation(Line())
    talk.hear("[?]sudo: 1 incorrect password attempt\n")
    assert talk.refused
    assert "LC_ALL=C" in talk.become.command(1)
