"""Run a program on a real terminal, and answer its questions."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PATIENCE = 60.0  # seconds; only a failing test waits that long


@dataclass(frozen=True)
class Session:
    """The exit code of a program on a terminal, and everything that it displayed."""

    code: int
    text: str


def on_terminal(words: Sequence[str], answers: Sequence[tuple[str, str]], env: Mapping[str, str]) -> Session:
    """Run a program on its own terminal. answers: pairs of expected text and the line to type, in order."""
    master, slave = os.openpty()
    try:
        # setsid makes the terminal the one that /dev/tty names.
        program = subprocess.Popen(
            ["setsid", "--ctty", "--wait", *words],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**env, "TERM": "dumb", "COLUMNS": "200"},
        )
        os.close(slave)
        seen = _talk(master, list(answers))
        return Session(program.wait(PATIENCE), seen)
    finally:
        os.close(master)


def _talk(master: int, answers: list[tuple[str, str]]) -> str:
    seen, read = b"", 0
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if not select.select([master], [], [], 1.0)[0]:
            continue
        try:
            chunk = os.read(master, 65536)
        except OSError:  # how a terminal says that its last program has ended
            chunk = b""
        if not chunk:
            break
        seen += chunk
        if answers and (at := seen.find(answers[0][0].encode(), read)) >= 0:
            read = at + len(answers[0][0])
            os.write(master, f"{answers.pop(0)[1]}\n".encode())
    text = seen.decode("utf-8", "replace")
    assert not answers, f"it never asked {answers[0][0]!r}:\n{text}"
    return text
