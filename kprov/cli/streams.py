"""Standard output and standard error, if their reader has closed the pipe or their disk is full."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import Any, NoReturn, TextIO, cast

from kprov.errors import ClosedPipeError, KprovError, OutputError


class Guarded:
    """Standard output, whose reader may close the pipe and whose disk may be full.

    After the first failure every write raises ClosedPipeError or OutputError. A flush raises it once, since Python
    flushes again when it exits, after the error has been reported.
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
    """Standard error: a run continues even if nobody can read its progress and messages any more."""

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
    """Discard what the stream still buffers; otherwise Python tries to write it at exit, and prints an error."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, stream.fileno())
    finally:
        os.close(nowhere)


def guard_standard_streams() -> None:
    """Replace both streams; one that the caller has closed becomes /dev/null."""
    # The next file to be opened must not get the number of a standard stream.
    sys.stdout = cast("TextIO", Guarded(sys.stdout or _nowhere()))
    sys.stderr = cast("TextIO", Patient(sys.stderr or _nowhere()))


def _nowhere() -> TextIO:
    return Path(os.devnull).open("w", encoding="utf-8")
