"""Standard output and standard error when their reader has gone away, or their disk is full."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import Any, NoReturn, TextIO, cast

from kprov.errors import ClosedPipeError, KprovError, OutputError


class Guarded:
    """Standard output, whose reader may go away and whose disk may be full.

    From the first failure on every write raises ClosedPipeError or OutputError. A flush raises it once: Python flushes
    at its end, when all has been said.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._error: KprovError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        if self._error is not None:
            raise self._error
        try:
            return self._stream.write(text)
        except OSError as error:
            self._lose(error)

    def flush(self) -> None:
        try:
            if self._error is None:
                self._stream.flush()
        except OSError as error:
            self._lose(error)

    def _lose(self, error: OSError) -> NoReturn:
        _forget(self._stream)
        self._error = ClosedPipeError()
        if error.errno != errno.EPIPE:
            what = f"the result cannot be written: {error.strerror}"
            hint = "make room there, or write it elsewhere"
            self._error = OutputError(what, where="standard output", hint=hint)
        raise self._error from None


class Patient:
    """Standard error: progress and messages that nobody can read any more are no reason to stop a run."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lost = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        if not self._lost:
            try:
                return self._stream.write(text)
            except OSError:
                self._lose()
        return len(text)

    def flush(self) -> None:
        if not self._lost:
            try:
                self._stream.flush()
            except OSError:
                self._lose()

    def _lose(self) -> None:
        self._lost = True
        _forget(self._stream)


def _forget(stream: TextIO) -> None:
    """Let what the stream still holds go nowhere: Python writes it once more at its end, and complains."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, stream.fileno())
    finally:
        os.close(nowhere)


def guard_standard_streams() -> None:
    """Put the two into place; one that the caller has closed leads nowhere."""
    # Whoever opens a file next must not get the number of a standard stream.
    sys.stdout = cast("TextIO", Guarded(sys.stdout or _nowhere()))
    sys.stderr = cast("TextIO", Patient(sys.stderr or _nowhere()))


def _nowhere() -> TextIO:
    return Path(os.devnull).open("w", encoding="utf-8")
