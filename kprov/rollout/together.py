"""Work on several hosts at the same time, each in a thread of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Lock
from typing import TypeVar

from kprov.errors import ExitCode, KprovError
from kprov.events import Emit, Event

T = TypeVar("T")

# From the most to the least severe, for several hosts that fail in different ways.
_SEVERITY = (
    ExitCode.LOCKED,
    ExitCode.STEP,
    ExitCode.NOT_READY,
    ExitCode.CONNECT,
    ExitCode.PREFLIGHT,
    ExitCode.USAGE,
)


def together(works: Sequence[Callable[[], T]], abandon: Callable[[], None] = lambda: None) -> list[T]:
    """The results of all works, in their order, once every one has ended.

    abandon: called when the operator interrupts, so that works that wait for a host end at once.

    If some fail, raises the most severe error with the problems of all; a bug in one of them goes through.
    """
    if len(works) == 1:
        return [works[0]()]
    with ThreadPoolExecutor(max_workers=max(1, len(works))) as pool:
        futures = [pool.submit(work) for work in works]
        try:
            wait(futures)
        except BaseException:
            abandon()
            raise
    return _results(futures)


def _results(futures: Sequence[Future[T]]) -> list[T]:
    errors = [error for future in futures if (error := future.exception()) is not None]
    if not errors:
        return [future.result() for future in futures]
    for error in errors:
        if not isinstance(error, KprovError):
            raise error
    raise merged([error for error in errors if isinstance(error, KprovError)])


def merged(errors: Sequence[KprovError]) -> KprovError:
    """One error for those of several hosts: of the kind of the most severe one, with each problem once."""
    worst = min(errors, key=lambda error: _SEVERITY.index(error.code) if error.code in _SEVERITY else -1)
    if len(errors) == 1:
        return worst
    problems = dict.fromkeys(problem for error in (worst, *errors) for problem in error.problems)
    return type(worst)(list(problems))


def one_at_a_time(emit: Emit) -> Emit:
    """The emitter for events of several threads: one event after the other."""
    lock = Lock()

    def guarded(event: Event) -> None:
        with lock:
            emit(event)

    return guarded
