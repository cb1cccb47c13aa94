"""What status knows, put beside a failure of a service: a part of the installation that is missing explains it best."""

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
    """The error with what differs from the receipt, which may be its cause; as it is where nothing differs."""
    differences: tuple[Drift, ...] = ()
    with suppress(ConnectError, StepError):  # the host does not answer: what is known stays
        seen = probe(connection, [made.query() for made in found.receipt.made.values()])
        differences = drift(found.receipt, seen)
    if not differences and found.receipt.state is not State.APPLYING:
        return error
    hint = explanation(differences, found.receipt.state)
    first, *others = error.problems
    return type(error)([_beside(first, hint, missing=any(map(_is_missing, differences))), *others])


def explanation(differences: Sequence[Drift], state: State) -> str:
    """The differences in words, the missing parts first, and what repairs them."""
    ordered = sorted(differences, key=lambda item: not _is_missing(item))
    named = [f"{item.id.partition(':')[2]} {item.what}" for item in ordered[:_SHOWN]]
    if more := len(ordered) - len(named):
        named.append(f"{more} more differences")
    unfinished = ["the last run did not finish"] if state is State.APPLYING else []
    return f"{'; '.join([*unfinished, *named])}; repair it: kprov install HOST"


def _is_missing(item: Drift) -> bool:
    """Whether something that services read is not there or not what it should be."""
    return item.what == REMOVED or item.id.startswith(("link:", "links:", "release:"))


def _beside(problem: Problem, hint: str, *, missing: bool) -> Problem:
    """What is missing comes before the advice that the log gave; what was only edited after it."""
    if not problem.hint:
        return replace(problem, hint=hint)
    return replace(problem, hint=f"{hint}; its log: {problem.hint}" if missing else f"{problem.hint}; {hint}")
