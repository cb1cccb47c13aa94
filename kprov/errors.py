"""What kprov raises when it cannot go on, and the exit code that each kind ends with.

Every error that a user may meet is a :class:`KprovError`: it says *what* is wrong, *where*
(a key path, a file, a host), *why* if that is known, and *what to do* about it. Anything else
that reaches the border in ``kprov.cli.main`` is a bug in kprov.
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

    what: the sentence that names the value, without a full stop.
    where: the key path, option, file or host that the value came from; empty if it is the whole run.
    cause: what made it so: an exception's text, the last lines of a log; may have several lines.
    hint: what the user can do about it.
    """

    what: str
    where: str = ""
    cause: str = ""
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" if self.where else self.what


class KprovError(Exception):
    """An error that the user can do something about; carries one or more problems.

    Subclasses only fix the exit code.
    """

    code: ClassVar[ExitCode] = ExitCode.BUG

    def __init__(self, what: str | Sequence[Problem], *, where: str = "", cause: str = "", hint: str = "") -> None:
        if isinstance(what, str):
            self.problems: tuple[Problem, ...] = (Problem(what, where, cause, hint),)
        else:
            self.problems = tuple(what)
        super().__init__("; ".join(str(problem) for problem in self.problems))


class UsageError(KprovError):
    """A flag, a value in kprov.yaml or a given archive is wrong; nothing was touched."""

    code = ExitCode.USAGE


class PreflightError(KprovError):
    """The host cannot take what was asked for; nothing was changed on it."""

    code = ExitCode.PREFLIGHT


class ConnectError(KprovError):
    """The host cannot be reached, refuses the login, or the login cannot become root."""

    code = ExitCode.CONNECT


class StepError(KprovError):
    """A step of the plan failed; what was done before it stands."""

    code = ExitCode.STEP


class NotReadyError(KprovError):
    """A service did not become ready, or the smoke test failed."""

    code = ExitCode.NOT_READY


class DeclinedError(KprovError):
    """The user said no, or could not be asked."""

    code = ExitCode.DECLINED


class LockedError(KprovError):
    """Another run holds the host's lock."""

    code = ExitCode.LOCKED


class OutputError(KprovError):
    """The result could not be written on this machine; what was done on the host stands."""

    code = ExitCode.OUTPUT


def unwritable(error: OSError, what: str, *, where: str, hint: str) -> KprovError:
    """The error for a file of the user's that cannot be written: a full or failing disk is no mistake in the words."""
    kind = OutputError if error.errno in _FULL else UsageError
    return kind(f"{what}: {error.strerror or error}", where=where, hint=hint)


class ClosedPipeError(KprovError):
    """Whoever read standard output has closed it, as ``head`` does: nobody is left to be told anything."""

    code = ExitCode.PIPE

    def __init__(self) -> None:
        super().__init__("standard output was closed")


class InterruptedRunError(KprovError):
    """The user pressed Ctrl-C."""

    code = ExitCode.INTERRUPTED


def did_you_mean(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """``did you mean install?`` for the known word that is nearest; empty where none is near.

    cutoff: how near it must be, from 0 to 1 for the same word (difflib's ratio).
    """
    near = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=cutoff)
    return f"did you mean {near[0]}?" if near else ""


def code_of(error: BaseException) -> ExitCode:
    """The exit code of a run that this ends."""
    if isinstance(error, KprovError):
        return error.code
    return ExitCode.INTERRUPTED if isinstance(error, KeyboardInterrupt) else ExitCode.BUG
