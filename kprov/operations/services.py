"""start, stop and restart (A8, A9, A15): Kafka stops before ZooKeeper, and starts after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from kprov.errors import NotReadyError, PreflightError, Problem, StepError
from kprov.events import Emit, Message, Warned, about
from kprov.host.connection import Connection
from kprov.host.facts import probe
from kprov.kinds.base import Action, Answer, Change
from kprov.kinds.service import UnitState, service_id
from kprov.node.lock import host_lock
from kprov.node.readiness import await_ready
from kprov.node.receipt_store import write_receipt
from kprov.node.steps import run_steps
from kprov.operations.explain import explain
from kprov.operations.report import Report
from kprov.operations.session import accepted_data, installed
from kprov.plan import Plan, Repair, helpers, prepared, repair
from kprov.receipt import Receipt
from kprov.roles.base import Role
from kprov.roles.of_node import roles_of


@dataclass(frozen=True)
class ServicesChanged:
    """done: what was done, one text for each unit or repair."""

    host: str
    done: tuple[str, ...]


@dataclass(frozen=True)
class ServicesAsked:
    """What is to be done with services. verb: start, stop or restart.

    accepted: data directories that are used as they are, whatever the receipt remembers of them. ready: seconds until a
    service that is started must serve; None for the usual ones of ``await_ready``. in_sync, downtime: for a cluster, as
    in ``Request``.
    """

    verb: str
    accepted: tuple[str, ...] = ()
    ready: float | None = None
    in_sync: int | None = None
    downtime: bool = False


def change_one(connection: Connection, asked: ServicesAsked, emit: Emit, planned: Callable[[Plan], None]) -> Report:
    """Start, stop or restart the services of one host.

    planned: called with the plan before it is applied.

    Raises PreflightError if the data of a service that would start are not there, UsageError for a wrong one of
    ``accepted``, and what run_steps and await_ready raise.
    """
    emit = about(connection.login.name, emit)
    found = installed(connection)
    roles = {role.unit: role for role in roles_of(found.node)}
    verb, ready = asked.verb, asked.ready
    anyhow = accepted_data(asked.accepted, found.receipt.made.values())
    with host_lock(connection, verb):
        entries = found.receipt.made.values() if verb != "stop" else ()
        calls = [*(("probe_unit", unit, unit) for unit in roles), *(made.query() for made in entries)]
        seen = probe(connection, calls)
        states = {unit: UnitState.of(seen[unit]) for unit in roles}
        active = {unit for unit, state in states.items() if state.active}
        stops = [unit for unit in reversed(roles) if unit in active] if verb != "start" else []
        starts = [unit for unit in roles if verb == "restart" or unit not in active] if verb != "stop" else []
        needs = {unit: role.starts_after for unit, role in roles.items()}
        helps = helpers(needs, active) if verb != "start" else []
        if helps:
            stops = list(reversed(roles))
        repairs = repairs_of(connection, found.receipt, seen, anyhow, emit) if starts else ()
        changes = [
            *helps,
            *(stop_change(unit) for unit in stops),
            *repairs,
            *(start_change(roles[unit], states[unit], found.receipt) for unit in starts),
        ]
        planned(Plan(connection.login.name, tuple(changes)))
        changed = {change.id for change in changes}
        for unit in roles:
            if service_id(unit) not in changed:
                emit(Message(f"{unit} is {'running' if unit in active else 'stopped'} already"))
        try:
            run_steps(connection, changes, emit, lambda unit: _gate(connection, roles[unit], emit, ready))
        except (NotReadyError, StepError) as error:
            raise explain(connection, found, error) from error
        if starts:
            write_receipt(connection, receipt_after(found.receipt, repairs))
    done = tuple(f"{change.action} {change.title}" for change in changes)
    return Report(verb, (ServicesChanged(connection.login.name, done),))


def repairs_of(
    connection: Connection, receipt: Receipt, seen: Mapping[str, Answer], accepted: frozenset[str], emit: Emit
) -> tuple[Change, ...]:
    """The repairs before anything starts. Raises PreflightError with every obstacle."""
    where = connection.login.name
    result: Repair = repair(receipt, seen, where, accepted)
    if result.obstacles:
        raise PreflightError([Problem(item.what, where, hint=item.hint) for item in result.obstacles])
    for note in result.notes:
        emit(Warned(note))
    return result.changes


def receipt_after(receipt: Receipt, repairs: Sequence[Change]) -> Receipt:
    """The receipt once the services run, with the repairs and the copies that they kept."""
    made = dict(receipt.made)
    for change in repairs:
        if change.entry is not None:
            made[change.id] = change.entry
        made |= {copy.id: copy for copy in change.copies}
    return replace(receipt, made=made)


def _gate(connection: Connection, role: Role, emit: Emit, ready: float | None) -> None:
    await_ready(connection, role, emit, seconds=ready)


def stop_change(unit: str) -> Change:
    """The change that stops a unit."""
    return Change(Action.STOP, service_id(unit), f"service {unit}", "asked for", (("stop_unit", unit),))


def start_change(role: Role, state: UnitState, receipt: Receipt) -> Change:
    """The change that starts the unit of a role. state: as it is now."""
    unit = role.unit
    calls = (*prepared(unit, role.user, state, receipt.made.values()), ("start_unit", unit))
    return Change(Action.START, service_id(unit), f"service {unit}", "asked for", calls, gate=unit)
