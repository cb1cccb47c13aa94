"""Carries a prepared plan out and proves it; a release that does not come up goes back to the one before."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from kprov.apply import remember_data
from kprov.errors import KprovError, NotReadyError, Problem, StepError
from kprov.events import Emit, Message, Warned
from kprov.host.connection import Connection
from kprov.operations.prepare import Prepared, carry_out, prepare
from kprov.operations.prove import prove_install
from kprov.operations.request import Goal, Request
from kprov.operations.taken_back import with_way_back
from kprov.plan import Plan
from kprov.smoke import SmokeResult


def execute(
    connection: Connection,
    request: Request,
    prepared: Prepared,
    command: str,
    emit: Emit,
    *,
    smoke_test: bool,
    planned: Callable[[Plan], None],
) -> SmokeResult | None:
    """Make the changes, wait until the services serve, run the smoke test; its result, None where it was left out.

    planned: called with the plan of a way back before it is carried out, since nobody is asked then.

    Where other releases were asked for than before and do not come to serve, the host goes back to those, and the
    error that is raised says both. Raises what apply, health and the smoke test raise.
    """
    try:
        if prepared.plan.empty:
            remember_data(connection, prepared.plan)
        else:
            carry_out(connection, prepared, command, emit, request.ready)
        # What a run before this one has made and not proven is proven now.
        result = prove_install(connection, prepared.runtime, prepared.plan.after, emit) if smoke_test else None
    except (StepError, NotReadyError) as error:
        if prepared.before is None:
            raise with_way_back(error, request, connection.login.name, prepared.plan) from error
        raise _gone_back(connection, request, prepared, emit, planned, before=prepared.before, error=error) from error
    if result is not None and not result.passed and prepared.before is not None:
        failed = NotReadyError("the smoke test failed", where=connection.login.name, cause=result.failure)
        raise _gone_back(connection, request, prepared, emit, planned, before=prepared.before, error=failed)
    return result


def _gone_back(
    connection: Connection,
    request: Request,
    prepared: Prepared,
    emit: Emit,
    planned: Callable[[Plan], None],
    *,
    before: Goal,
    error: KprovError,
) -> KprovError:
    """Go back to the releases that ran before; the error to raise, of the kind of what went wrong."""
    where = connection.login.name
    was = f"Kafka {before.cluster.kafka.version}"
    for problem in error.problems:
        emit(Warned(f"{problem}: going back to {was}"))
    # What was asked before is all of it: no option of this run has a say in the way back.
    new = frozenset(change.id for change in prepared.plan.changes if change.upload)
    back = Request(
        None,
        request.host,
        (),
        request.access,
        request.archives,
        ignored=request.ignored,
        accepted=request.accepted,
        back=before,
        drop=new,
    )
    try:
        prior = prepare(connection, back, before, emit)
        planned(prior.plan)
        carry_out(connection, prior, "rollback", emit, request.ready)
        emit(Message(f"{where}: {was} serves again"))
        with suppress(StepError):
            prove_install(connection, prior.runtime, prior.plan.after, emit)
    except (StepError, NotReadyError) as second:
        return type(error)(
            [
                *error.problems,
                Problem(f"going back to {was} failed as well", where, hint="the two causes are above and below"),
                *second.problems,
            ]
        )
    asked_for = f"Kafka {prepared.runtime.kafka}, ZooKeeper {prepared.runtime.zookeeper}"
    back_again = Problem(
        f"{asked_for} did not come to serve, so the host is back on {was}",
        where,
        hint="the cause is above; no message was lost, and what was unpacked for it is removed again",
    )
    return type(error)([*error.problems, back_again])
