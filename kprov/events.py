"""Progress of long operations; only ``kprov.ui`` shows it.

Functions that take time have a parameter ``emit`` and call it with one of these. They never print.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Message:
    """One line of progress that stands for itself."""

    text: str


@dataclass(frozen=True)
class Warned:
    """Something the user should know about that does not stop the run."""

    text: str


@dataclass(frozen=True)
class Transfer:
    """Bytes on their way: a download, an upload. ``total`` is None where it is not known."""

    what: str
    done: int
    total: int | None


@dataclass(frozen=True)
class StepStarted:
    """Step ``number`` of ``count`` began; a step that stands for itself has 0 for both."""

    number: int
    count: int
    text: str


@dataclass(frozen=True)
class StepDone:
    """Step ``number`` ended well after ``seconds``."""

    number: int
    count: int
    text: str
    seconds: float


@dataclass(frozen=True)
class StepFailed:
    """Step ``number`` failed; the error that is raised next says why."""

    number: int
    count: int
    text: str
    seconds: float


Event = Message | Warned | Transfer | StepStarted | StepDone | StepFailed
Emit = Callable[[Event], None]


def ignore(event: Event) -> None:
    """The emitter for callers who do not care."""
