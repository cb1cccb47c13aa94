"""Applies a plan to one host, exactly as it stands.

Before the first change the receipt says what is about to be made, so that a run that is killed leaves a host that the
next run understands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from kprov.errors import PreflightError
from kprov.events import Emit
from kprov.host.connection import Connection
from kprov.kinds.base import ABSENT, Answer
from kprov.node.lock import host_lock
from kprov.node.receipt_store import finish, intent_of, write_exactly
from kprov.node.steps import Gate, run_steps
from kprov.node.uploads import push, uploads_of
from kprov.plan import Plan, differs
from kprov.receipt import Receipt


def apply(connection: Connection, plan: Plan, command: str, emit: Emit, gate: Gate) -> None:
    """Apply the plan for ``command``, the name that the lock shows to other runs.

    gate: called with a unit that must be ready before the next change.

    Raises LockedError while another run has the host, PreflightError if the host is no longer what the plan was
    made from, StepError at the first step that fails; what ``gate`` raises goes through. The plan must have no
    obstacles.
    """
    if plan.obstacles:
        raise ValueError("a plan with obstacles must not be applied")
    uploads = uploads_of(plan.changes)
    calls = [*(call for call, _ in plan.expects), *(upload.query() for upload in uploads)]
    with host_lock(connection, command, calls, changes=len(plan.changes)) as held:
        _check_fits(connection, plan, held.seen)
        intent = intent_of(plan)
        write_exactly(connection, intent)
        for upload in uploads:
            push(connection, upload, held.seen.get(upload.stored, ABSENT), emit)
        run_steps(connection, plan.changes, emit, _recording(connection, plan, intent, gate))
        finish(connection, plan.after)


def _check_fits(connection: Connection, plan: Plan, seen: Mapping[str, Answer]) -> None:
    """Somebody may have changed the host while the plan was read and agreed to."""
    changed = [call[1] for call, expected in plan.expects if differs(expected, seen.get(call[1], ABSENT))]
    if changed:
        raise PreflightError(
            "the host has changed since the plan was made; nothing was changed",
            where=connection.login.name,
            cause="\n".join(changed),
            hint="run the same command again and read the new plan",
        )


def _recording(connection: Connection, plan: Plan, intent: Receipt, gate: Gate) -> Gate:
    """The gate; once a unit has passed it, the receipt says that the unit runs with the files that it reads."""
    started = {change.gate: change.entry for change in plan.changes if change.gate and change.entry}
    current = intent

    def passed(unit: str) -> None:
        nonlocal current
        gate(unit)
        if made := started.get(unit):
            current = replace(current, made={**current.made, made.id: made})
            write_exactly(connection, current)

    return passed
