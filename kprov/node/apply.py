"""Applies a plan to one host, exactly as it stands.

Before the first change the receipt says what is about to be made, so that a run that is killed leaves a host that the
next run understands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from kprov.errors import PreflightError, StepError
from kprov.events import Emit
from kprov.host.connection import Connection
from kprov.kinds.base import ABSENT, Answer, Entry
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
        started = {change.gate: change.entry for change in plan.changes if change.gate and change.entry}
        passed = _Passed(connection, gate, started, intent)
        try:
            run_steps(connection, plan.changes, emit, passed)
        except StepError:
            passed.write()
            raise
        passed.write()
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


@dataclass
class _Passed:
    """The gate; once a unit has passed it, the receipt says that the unit runs with the files that it reads.

    That is written while the next unit starts, or after the last step.
    """

    connection: Connection
    gate: Gate
    started: Mapping[str, Entry]
    receipt: Receipt
    changed: bool = False

    def __call__(self, unit: str) -> None:
        self.write()
        self.gate(unit)
        if made := self.started.get(unit):
            self.receipt = replace(self.receipt, made={**self.receipt.made, made.id: made})
            self.changed = True

    def write(self) -> None:
        """Write the receipt if a unit has passed since it was written."""
        if self.changed:
            self.changed = False
            write_exactly(self.connection, self.receipt)
