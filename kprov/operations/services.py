"""start, stop and restart (A8, A9, A15): Kafka is down before ZooKeeper and up after it."""

from __future__ import annotations

from collections.abc import Callable

from kprov.apply import carry_out, host_lock
from kprov.desired.runtime import Runtime
from kprov.errors import NotReadyError, StepError
from kprov.events import Emit, Message
from kprov.health import await_ready
from kprov.host.connection import Connection
from kprov.host.facts import ask
from kprov.operations.explain import explain
from kprov.operations.session import installed
from kprov.plan import Plan, helpers
from kprov.receipt import Receipt
from kprov.resources.base import Action, Change
from kprov.resources.system import UnitState


def change_services(
    connection: Connection, verb: str, emit: Emit, planned: Callable[[Plan], None], ready: float | None = None
) -> tuple[str, ...]:
    """``verb`` is start, stop or restart; what was done, one text a unit. Raises what apply and health raise.

    planned: called with the plan before it is carried out. ready: seconds until a service that is started must serve;
    None for the usual ones of ``await_ready``.
    """
    found = installed(connection)
    runtime = found.runtime
    with host_lock(connection, verb):
        seen = ask(connection, [("probe_unit", unit, unit) for unit in runtime.units])
        active = {unit for unit in runtime.units if UnitState.of(seen[unit]).active}
        stops = [unit for unit in reversed(runtime.units) if unit in active] if verb != "start" else []
        starts = [unit for unit in runtime.units if verb == "restart" or unit not in active] if verb != "stop" else []
        helps = helpers(runtime.units, active) if verb != "start" else []
        if helps:
            stops = list(reversed(runtime.units))
        changes = [*helps, *(_stop(unit) for unit in stops), *(_start(unit, found.receipt) for unit in starts)]
        planned(Plan(connection.login.name, tuple(changes)))
        for unit in runtime.units:
            if not any(unit in change.title for change in changes):
                emit(Message(f"{unit} is {'running' if unit in active else 'stopped'} already"))
        try:
            carry_out(connection, changes, emit, lambda unit: _gate(connection, runtime, unit, emit, ready))
        except (NotReadyError, StepError) as error:
            raise explain(connection, found, error) from error
    return tuple(f"{change.action} {change.title}" for change in changes)


def _gate(connection: Connection, runtime: Runtime, unit: str, emit: Emit, ready: float | None) -> None:
    await_ready(connection, runtime, unit, emit, seconds=ready)


def _stop(unit: str) -> Change:
    return Change(Action.STOP, f"service:{unit}", f"service {unit}", "asked for", (("stop_unit", unit),))


def _start(unit: str, receipt: Receipt) -> Change:
    """A start; before it, the unit's data go back to its user: somebody may have run it by hand as root."""
    user = unit.removesuffix(".service")
    own = [made for made in receipt.made.values() if made["holds"] in {user, "logs"} and made["owner"] == user]
    calls = (*(("own_tree", made["path"], user, user) for made in own), ("start_unit", unit))
    return Change(Action.START, f"service:{unit}", f"service {unit}", "asked for", calls, gate=unit)
