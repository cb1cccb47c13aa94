"""uninstall: removes what the receipt lists, and probes the host again to prove it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kprov.errors import ExitCode, PreflightError, Problem
from kprov.events import about
from kprov.host.connection import Connection
from kprov.host.facts import probe
from kprov.kinds.base import path_of
from kprov.kinds.path import OriginalEntry
from kprov.kinds.port import PortEntry
from kprov.node.apply import apply
from kprov.operations.dialogue import Dialogue
from kprov.operations.kept import writers
from kprov.operations.report import Report
from kprov.operations.session import receipt_answer, receipt_of
from kprov.plan import Plan, uninstall_plan
from kprov.receipt import Receipt
from kprov.words import counted


@dataclass(frozen=True)
class Uninstalled:
    """kept: data that stay, in words; leftovers: what is still there and should not be."""

    host: str
    changes: int
    kept: tuple[str, ...]
    leftovers: tuple[str, ...]


def uninstall_one(connection: Connection, dialogue: Dialogue, *, purge: bool, force: bool) -> Report:
    """Plan, show the plan, ask, apply it and probe again; leftovers are a problem.

    Raises PreflightError if nothing is installed or files were edited, DeclinedError, and what apply raises.
    """
    where = connection.login.name
    plan = plan_uninstall(connection, purge=purge, force=force)
    if plan.obstacles:
        raise PreflightError([Problem(item.what, where, hint=item.hint) for item in plan.obstacles])
    dialogue.show(plan)
    if not plan.empty:
        dialogue.confirm(_question(plan, where))
    with dialogue.changing() as emit:
        apply(connection, plan, "uninstall", about(where, emit), lambda unit: None)
        left = leftovers(connection, plan.before, plan.after)
    result = uninstalled(where, plan, left)
    if not left:
        return Report("uninstall", (result,))
    return Report("uninstall", (result,), (leftover_problem(where, left),), ExitCode.STEP)


def uninstalled(where: str, plan: Plan, left: tuple[str, ...]) -> Uninstalled:
    """The result for a host; left: the leftovers there."""
    return Uninstalled(where, len(plan.changes), plan.kept, left)


def leftover_problem(where: str, left: Sequence[str]) -> Problem:
    """That an uninstall left something."""
    return Problem(
        f"{counted(len(left), 'thing')} left over",
        where,
        "\n".join(left),
        "others put something into them: look, then remove them by hand",
    )


def _question(plan: Plan, where: str) -> str:
    lost = f", and lose for good: {', '.join(plan.lost)}" if plan.lost else ""
    return f"Make these {counted(len(plan.changes), 'change')} on {where}{lost}?"


def plan_uninstall(connection: Connection, *, purge: bool, force: bool) -> Plan:
    """The plan, with its obstacles; raises PreflightError if the host has no receipt."""
    where = connection.login.name
    answer = receipt_answer(connection)
    receipt = receipt_of(answer, where)
    if receipt is None:
        raise PreflightError(
            "kprov has installed nothing on this host", where=where, hint="there is nothing to uninstall"
        )
    seen = probe(connection, [made.query() for made in receipt.made.values()]) if receipt.made else {}
    return uninstall_plan(
        where, {**seen, "receipt": answer}, receipt, purge=purge, force=force, writers=writers(receipt)
    )


def leftovers(connection: Connection, before: Receipt, after: Receipt) -> tuple[str, ...]:
    """What the receipt listed and still exists, apart from what is kept."""
    entries = list(before.made.values())
    adopted = [entry for entry in entries if entry.adopted_as_it_was]
    given_back = {entry.of for entry in entries if isinstance(entry, OriginalEntry)} | {
        path_of(item) for item in adopted
    }
    theirs = {entry.id for entry in entries if entry in adopted or path_of(entry) in given_back - {""}}
    gone = [
        entry
        for entry in entries
        if entry.id not in after.made and entry.id not in theirs and not isinstance(entry, PortEntry)
    ]
    seen = probe(connection, [made.query() for made in gone]) if gone else {}
    return tuple(made.id for made in gone if seen[made.id]["status"] != "absent")
