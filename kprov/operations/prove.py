"""Runs the smoke test against an installation, and records in the receipt that it passed."""

from __future__ import annotations

from kprov.desired.runtime import Runtime
from kprov.errors import ExitCode, NotReadyError
from kprov.events import Emit
from kprov.host.connection import Connection
from kprov.host.facts import probe
from kprov.kinds.service import UnitState
from kprov.node.lock import host_lock
from kprov.node.receipt_store import mark_proven
from kprov.receipt import Receipt
from kprov.smoke import SmokeResult, smoke_test


def prove(
    connection: Connection, runtime: Runtime, emit: Emit, topic: str | None = None, *, keep: bool = False
) -> SmokeResult:
    """Run the smoke test. Raises NotReadyError at once where a service is not running."""
    where = connection.login.name
    seen = probe(connection, [("probe_unit", unit, unit) for unit in runtime.units])
    for unit in runtime.units:
        state = UnitState.of(seen[unit])
        if not state.active:
            what = f"{unit} is {state.properties.get('ActiveState', 'not there')}"
            raise NotReadyError(what, where=where, hint=_not_running(unit))
    return smoke_test(connection, runtime, emit, topic, keep=keep)


def _not_running(unit: str) -> str:
    return f"start it: kprov start HOST; read its log: kprov logs HOST --unit {unit.removesuffix('.service')}"


def prove_install(connection: Connection, runtime: Runtime, receipt: Receipt, command: str, emit: Emit) -> SmokeResult:
    """The smoke test after a plan was applied, with the host's lock held; the receipt records that it passed.

    command: the name that the lock shows to other runs.
    """
    with host_lock(connection, command) as held:
        result = prove(connection, runtime, emit)
        if result.passed:
            mark_proven(connection, receipt)
        else:
            held.code, held.problem = ExitCode.NOT_READY, "the smoke test failed"
    return result
