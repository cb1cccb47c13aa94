"""start, stop and restart (A8, A9, A15): Kafka is down before ZooKeeper and up after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from kprov.desired.runtime import Runtime
from kprov.errors import NotReadyError, PreflightError, Problem, StepError
from kprov.events import Emit, Message, Warned, about
from kprov.host.connection import Connection
from kprov.host.facts import probe
from kprov.kinds.base import Action, Answer, Change
from kprov.kinds.service import UnitState
from kprov.node.lock import host_lock
from kprov.node.readiness import await_ready
from kprov.node.receipt_store import write_receipt
from kprov.node.steps import run_steps
from kprov.operations.explain import explain
from kprov.operations.report import Report
from kprov.operations.session import accepted_data, installed
from kprov.plan import Plan, Repair, helpers, prepared, repair
from kprov.receipt import Receipt


@dataclass(frozen=True)
class ServicesChanged:
    """done: what was done, one text a unit or repair."""

    host: str
    done: tuple[str, ...]


def change_services(
    connection: Connection,
    verb: str,
    emit: Emit,
    planned: Callable[[Plan], None],
    *,
    ready: float | None = None,
    accepted: Sequence[str] = (),
) -> Report:
    """``verb`` is start, stop or restart.

    planned: called with the plan before it is applied. ready: seconds until a service that is started must serve;
    None for the usual ones of ``await_ready``. accepted: data directories that are used as they are, whatever the
    receipt remembers of them.

    Raises PreflightError where the data of a service that would start are not there, UsageError for a wrong one of
    ``accepted``, and what run_steps and await_ready raise.
    """
    emit = about(connection.login.name, emit)
    found = installed(connection)
    runtime = found.runtime
    anyhow = accepted_data(accepted, found.receipt.made.values())
    with host_lock(connection, verb):
        entries = found.receipt.made.values() if verb != "stop" else ()
        calls = [*(("probe_unit", unit, unit) for unit in runtime.units), *(made.query() for made in entries)]
        seen = probe(connection, calls)
        states = {unit: UnitState.of(seen[unit]) for unit in runtime.units}
        active = {unit for unit, state in states.items() if state.active}
        stops = [unit for unit in reversed(runtime.units) if unit in active] if verb != "start" else []
        starts = [unit for unit in runtime.units if verb == "restart" or unit not in active] if verb != "stop" else []
        helps = helpers(runtime.units, active) if verb != "start" else []
        if helps:
            stops = list(reversed(runtime.units))
        repairs = _repairs(connection, found.receipt, seen, anyhow, emit) if starts else ()
        changes = [
            *helps,
            *(_stop(unit) for unit in stops),
            *repairs,
            *(_start(unit, states[unit], found.receipt) for unit in starts),
        ]
        planned(Plan(connection.login.name, tuple(changes)))
        for unit in runtime.units:
            if not any(unit in change.title for change in changes):
                emit(Message(f"{unit} is {'running' if unit in active else 'stopped'} already"))
        try:
            run_steps(connection, changes, emit, lambda unit: _gate(connection, runtime, unit, emit, ready))
        except (NotReadyError, StepError) as error:
            raise explain(connection, found, error) from error
        if starts:
            write_receipt(connection, _after(found.receipt, repairs))
    done = tuple(f"{change.action} {change.title}" for change in changes)
    return Report(verb, (ServicesChanged(connection.login.name, done),))


def _repairs(
    connection: Connection, receipt: Receipt, seen: Mapping[str, Answer], accepted: frozenset[str], emit: Emit
) -> tuple[Change, ...]:
    """What is put right before anything starts. Raises PreflightError with all that is in the way."""
    where = connection.login.name
    result: Repair = repair(receipt, seen, where, accepted)
    if result.obstacles:
        raise PreflightError([Problem(item.what, where, hint=item.hint) for item in result.obstacles])
    for note in result.notes:
        emit(Warned(note))
    return result.changes


def _after(receipt: Receipt, repairs: Sequence[Change]) -> Receipt:
    """The receipt once the services run, with what was put right and what was kept of it."""
    made = dict(receipt.made)
    for change in repairs:
        if change.entry is not None:
            made[change.id] = change.entry
        made |= {copy.id: copy for copy in change.copies}
    return replace(receipt, made=made)


def _gate(connection: Connection, runtime: Runtime, unit: str, emit: Emit, ready: float | None) -> None:
    await_ready(connection, runtime, unit, emit, seconds=ready)


def _stop(unit: str) -> Change:
    return Change(Action.STOP, f"service:{unit}", f"service {unit}", "asked for", (("stop_unit", unit),))


def _start(unit: str, state: UnitState, receipt: Receipt) -> Change:
    calls = (*prepared(unit, state, receipt.made.values()), ("start_unit", unit))
    return Change(Action.START, f"service:{unit}", f"service {unit}", "asked for", calls, gate=unit)
