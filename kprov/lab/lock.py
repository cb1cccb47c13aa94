"""Lock a directory: no file is left behind, and the kernel releases the lock when its holders end."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kprov.events import Emit, Message


@contextmanager
def locked(directory: Path, emit: Emit, *, waiting_for: str) -> Iterator[int]:
    """Make ``directory`` if it is missing, and hold its lock until the block ends; wait if it is taken.

    waiting_for: shown to a user who has to wait.

    Yields the open file that holds the lock; a child that inherits it holds the lock as well. The block
    may remove the directory.
    """
    while True:
        directory.mkdir(parents=True, exist_ok=True)
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            _wait(fd, emit, waiting_for)
            if _is(fd, directory):
                yield fd
                return
        finally:
            os.close(fd)


def _wait(fd: int, emit: Emit, waiting_for: str) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        emit(Message(f"waiting for {waiting_for}"))
        fcntl.flock(fd, fcntl.LOCK_EX)


def _is(fd: int, directory: Path) -> bool:
    """Whether ``directory`` is still the one that was opened; the previous holder may have removed it."""
    try:
        return os.path.samestat(os.fstat(fd), os.stat(directory))
    except FileNotFoundError:
        return False
