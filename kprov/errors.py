"""The errors that kprov raises, and their exit codes.

Every error that a user can cause or meet is a :class:`KprovError`: it says *what* is wrong, *where*
(a key path, a file, a host), *why* if known, and *how to fix* it. Any other exception that reaches
``kprov.cli.main`` is a bug in kprov.
"""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG})


class ExitCode(IntEnum):
    """How a run ended. Documented for users in docs/exit-codes.md."""

    DONE = 0
    BUG = 1
    USAGE = 2
    PREFLIGHT = 3
    CONNECT = 4
    STEP = 5
    NOT_READY = 6
    DECLINED = 7
    LOCKED = 8
    OUTPUT = 9
    CHANGES = 10
    INTERRUPTED = 130
    PIPE = 141


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    what: a sentence with the value, without a full stop.
    where: the key path, option, file or host that the value came from; empty for the whole run.
    cause: the reason, such as an exception's text or the last lines of a log; may have several lines.
    hint: how to fix it.
    """

    what: str
    where: str = ""
    cause: str = ""
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" if self.where else self.what


class KprovError(Exception):
    """An error that the user can fix; it carries one or more problems.

    Subclasses only set the exit code.
    """

    code: ClassVar[ExitCode] = ExitCode.BUG

    def __init__(self, what: str | Sequence[Problem], *, where: str = "", cause: str = "", hint: str = "") -> None:
        if isinstance(what, str):
            self.problems: tuple[Problem, ...] = (Problem(what, where, cause, hint),)
        else:
            self.problems = tuple(what)
        super().__init__("; ".join(str(problem) for problem in self.problems))


class UsageError(KprovError):
    """An option, a value in kprov.yaml or a given archive is wrong; nothing was changed."""

    code = ExitCode.USAGE


class PreflightError(KprovError):
    """The host does not meet the requirements; nothing was changed on it."""

    code = ExitCode.PREFLIGHT


class ConnectError(KprovError):
    """The host cannot be reached, refuses the login, or does not let the user become root."""

    code = ExitCode.CONNECT


class StepError(KprovError):
    """A step of the plan failed; the steps before it are not undone."""

    code = ExitCode.STEP


class NotReadyError(KprovError):
    """A service did not become ready, or the smoke test failed."""

    code = ExitCode.NOT_READY


class DeclinedError(KprovError):
    """The user declined, or there was no terminal to ask on."""

    code = ExitCode.DECLINED


class LockedError(KprovError):
    """Another run holds the host's lock."""

    code = ExitCode.LOCKED


class OutputError(KprovError):
    """The result could not be written on this machine; changes on the host are not undone."""

    code = ExitCode.OUTPUT


def unwritable(error: OSError, what: str, *, where: str, hint: str) -> KprovError:
    """The error for a user's file that cannot be written: OutputError for a full or failing disk, else UsageError."""
    kind = OutputError if error.errno in _FULL else UsageError
    return kind(f"{what}: {error.strerror or error}", where=where, hint=hint)


class ClosedPipeError(KprovError):
    """The reader of standard output closed it, as ``head`` does; nothing more can be printed."""

    code = ExitCode.PIPE

    def __init__(self) -> None:
        super().__init__("standard output was closed")


class InterruptedRunError(KprovError):
    """The user pressed Ctrl-C."""

    code = ExitCode.INTERRUPTED


def did_you_mean(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """``did you mean install?`` for the most similar known word; empty if none is similar.

    cutoff: the required similarity, from 0 to 1 for equal words (difflib's ratio).
    """
    near = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=cutoff)
    return f"did you mean {near[0]}?" if near else ""


def code_of(error: BaseException) -> ExitCode:
    """The exit code of a run that ends with this error."""
    if isinstance(error, KprovError):
        return error.code
    return ExitCode.INTERRUPTED if isinstance(error, KeyboardInterrupt) else ExitCode.BUG
