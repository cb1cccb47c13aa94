"""Applies a prepared plan and proves it; if a new release does not become ready, rolls the host back."""

from __future__ import annotations

from collections.abc import Callable

from kprov.errors import NotReadyError, StepError
from kprov.events import Emit
from kprov.host.connection import Connection
from kprov.node.receipt_store import remember_data
from kprov.operations.prepare import Prepared, apply_prepared
from kprov.operations.prove import prove_install
from kprov.operations.request import Request
from kprov.operations.reset import with_reset_command
from kprov.operations.rollback import Failure, roll_back
from kprov.plan import Plan
from kprov.roles.of_node import roles_of
from kprov.smoke import SmokeResult


def apply_and_prove(
    connection: Connection,
    request: Request,
    prepared: Prepared,
    command: str,
    emit: Emit,
    *,
    smoke_test: bool,
    planned: Callable[[Plan], None],
) -> SmokeResult | None:
    """Apply the plan, wait until the services are ready, and run the smoke test; its result, None without one.

    command: the name that the lock shows to other runs. planned: called with the plan of a rollback before it is
    applied; a rollback asks no question.

    If the plan changes releases and these do not become ready, the host is rolled back, and the error begins with the
    first cause. Raises what apply, await_ready and the smoke test raise.
    """
    before = prepared.before
    where = connection.login.name
    versions = (f"{role.product.label} {role.version}" for role in reversed(roles_of(prepared.node)))
    releases = ", ".join(versions)
    try:
        if prepared.plan.empty:
            remember_data(connection, prepared.plan, command)
        else:
            apply_prepared(connection, prepared, command, emit, request.ready)
        # This also proves an earlier install that was not proven.
        result = prove_install(connection, prepared.node, prepared.plan.after, command, emit) if smoke_test else None
    except (StepError, NotReadyError) as error:
        if before is None:
            raise with_reset_command(error, request, where, prepared.plan) from error
        failure = Failure(error, f"{releases} did not become ready")
        raise roll_back(connection, request, prepared, emit, planned, before=before, failure=failure) from error
    if result is not None and not result.passed and before is not None:
        failed = NotReadyError(
            "the smoke test failed",
            where=where,
            cause=result.failure,
            hint="look for problems in its logs: kprov logs HOST",
        )
        failure = Failure(failed, f"{releases} did not pass the smoke test")
        raise roll_back(connection, request, prepared, emit, planned, before=before, failure=failure)
    return result
