"""Adds drift to the error of a service that failed: a missing part of the installation explains it best."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from kprov.drift import Drift, drift
from kprov.errors import ConnectError, NotReadyError, Problem, StepError
from kprov.host.connection import Connection
from kprov.host.facts import probe
from kprov.kinds.base import REMOVED
from kprov.operations.session import Installed
from kprov.receipt import State

_SHOWN = 5


def explain(connection: Connection, found: Installed, error: NotReadyError | StepError) -> NotReadyError | StepError:
    """The error with the drift, which may be its cause; unchanged if there is none."""
    differences: tuple[Drift, ...] = ()
    with suppress(ConnectError, StepError):  # the host does not answer: report the error as it is
        seen = probe(connection, [made.query() for made in found.receipt.made.values()])
        differences = drift(found.receipt, seen)
    if not differences and found.receipt.state is not State.APPLYING:
        return error
    hint = explanation(differences, found.receipt.state)
    first, *others = error.problems
    return type(error)([_beside(first, hint, missing=any(map(_is_missing, differences))), *others])


def explanation(differences: Sequence[Drift], state: State) -> str:
    """The differences in words, missing parts first, and the command that repairs them."""
    ordered = sorted(differences, key=lambda item: not _is_missing(item))
    named = [f"{item.id.partition(':')[2]} {item.what}" for item in ordered[:_SHOWN]]
    if more := len(ordered) - len(named):
        named.append(f"{more} more differences")
    unfinished = ["the last run did not finish"] if state is State.APPLYING else []
    return f"{'; '.join([*unfinished, *named])}; repair it: kprov install HOST"


def _is_missing(item: Drift) -> bool:
    """Whether a part that services read is missing or replaced."""
    return item.what == REMOVED or item.id.startswith(("link:", "links:", "release:"))


def _beside(problem: Problem, hint: str, *, missing: bool) -> Problem:
    """Name missing parts before the advice from the log, and edited ones after it."""
    if not problem.hint:
        return replace(problem, hint=hint)
    return replace(problem, hint=f"{hint}; its log: {problem.hint}" if missing else f"{problem.hint}; {hint}")
