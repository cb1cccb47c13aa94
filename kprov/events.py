"""Progress of long operations; only ``kprov.ui`` shows it.

Functions that take time have a parameter ``emit`` and call it with one of these. They never print. Each event carries
the host that it is about, by the name that the user gave it; empty for work on this machine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

# The group of a step that the command's result tells again.
TOLD_AGAIN = "test"


@dataclass(frozen=True)
class Message:
    """One line of progress that stands for itself."""

    text: str
    host: str = ""


@dataclass(frozen=True)
class Warned:
    """Something the user should know about that does not stop the run."""

    text: str
    host: str = ""


@dataclass(frozen=True)
class Transfer:
    """Bytes on their way: a download, an upload. ``total`` is None if it is not known."""

    what: str
    done: int
    total: int | None
    host: str = ""


@dataclass(frozen=True)
class StepStarted:
    """Step ``number`` of ``count`` began; a step that stands for itself has 0 for both.

    group: what it may be counted as, such as ``create file``, where steps are not told one by one; TOLD_AGAIN, or
    empty for a step that is always told.
    """

    number: int
    count: int
    text: str
    host: str = ""
    group: str = ""


@dataclass(frozen=True)
class StepDone:
    """Step ``number`` ended well after ``seconds``."""

    number: int
    count: int
    text: str
    seconds: float
    host: str = ""
    group: str = ""


@dataclass(frozen=True)
class StepFailed:
    """Step ``number`` failed; the error that is raised next says why."""

    number: int
    count: int
    text: str
    seconds: float
    host: str = ""


Event = Message | Warned | Transfer | StepStarted | StepDone | StepFailed
Emit = Callable[[Event], None]


def about(host: str, emit: Emit) -> Emit:
    """The emitter for work on one host: its events carry that host's name."""

    def named(event: Event) -> None:
        emit(event if event.host else replace(event, host=host))

    return named


def ignore(event: Event) -> None:
    """The emitter for callers who do not care."""
