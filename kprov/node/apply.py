"""Applies a plan to one host, exactly as it stands.

Before the first change the receipt says what is about to be made, so that a run that is killed leaves a host that the
next run understands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from kprov.errors import PreflightError, StepError
from kprov.events import Emit
from kprov.host.connection import Connection
from kprov.kinds.base import ABSENT, Answer, Change, Entry
from kprov.node.lock import Held, host_lock
from kprov.node.receipt_store import finish, intent_of, write_exactly
from kprov.node.steps import Gate, Numbering, run_steps
from kprov.node.uploads import push, uploads_of
from kprov.plan import Plan, differs
from kprov.receipt import Receipt


def apply(connection: Connection, plan: Plan, command: str, emit: Emit, gate: Gate) -> None:
    """Apply the plan for ``command``, the name that the lock shows to other runs.

    gate: called with a unit that must be ready before the next change.

    Raises what ``locked`` raises, StepError at the first step that fails; what ``gate`` raises goes through. The plan
    must have no obstacles.
    """
    with locked(connection, plan, command) as applied:
        applied.begin(emit)
        applied.run(plan.changes, emit, gate)
        applied.finish()


@contextmanager
def locked(connection: Connection, plan: Plan, command: str) -> Iterator[Application]:
    """Hold the host's lock for a plan that is about to be applied; nothing is changed yet.

    Raises LockedError while another run has the host, PreflightError if the host is no longer what the plan was made
    from.
    """
    if plan.obstacles:
        raise ValueError("a plan with obstacles must not be applied")
    uploads = uploads_of(plan.changes)
    calls = [*(call for call, _ in plan.expects), *(upload.query() for upload in uploads)]
    with host_lock(connection, command, calls, changes=len(plan.changes)) as held:
        _check_fits(connection, plan, held.seen)
        yield Application(connection, plan, held)


class Application:
    """A plan that is being applied to one host, under its lock: begin, run its changes in parts, finish."""

    def __init__(self, connection: Connection, plan: Plan, held: Held) -> None:
        self.plan = plan
        self.held = held
        self._connection = connection
        self._passed = _Passed(connection, _started(plan), intent_of(plan))
        self._number = 0

    def begin(self, emit: Emit) -> None:
        """Let the receipt say what is about to be made, and push the archives."""
        write_exactly(self._connection, self._passed.receipt)
        for upload in uploads_of(self.plan.changes):
            push(self._connection, upload, self.held.seen.get(upload.stored, ABSENT), emit)

    def run(self, changes: Sequence[Change], emit: Emit, gate: Gate) -> None:
        """Make the next changes of the plan; gate: as for ``apply``. Raises StepError and what ``gate`` raises."""

        def passing(unit: str) -> None:
            self._passed.write()
            gate(unit)
            self._passed.add(unit)

        try:
            run_steps(self._connection, changes, emit, passing, Numbering(self._number, len(self.plan.changes)))
        except StepError:
            self._passed.write()
            raise
        self._number += len(changes)
        self._passed.write()

    def finish(self) -> None:
        """Write the receipt of the whole plan."""
        finish(self._connection, self.plan.after)


def _started(plan: Plan) -> dict[str, Entry]:
    return {change.gate: change.entry for change in plan.changes if change.gate and change.entry}


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
    """Which units have passed their gate: the receipt then says that each runs with the files that it reads.

    That is written while the next unit starts, or after the last step.
    """

    connection: Connection
    started: Mapping[str, Entry]
    receipt: Receipt
    changed: bool = False

    def add(self, unit: str) -> None:
        """Let the receipt say it, the next time that it is written."""
        if made := self.started.get(unit):
            self.receipt = replace(self.receipt, made={**self.receipt.made, made.id: made})
            self.changed = True

    def write(self) -> None:
        """Write the receipt if a unit has passed since it was written."""
        if self.changed:
            self.changed = False
            write_exactly(self.connection, self.receipt)
