"""uninstall: takes back what the receipt lists, and proves it by looking again."""

from __future__ import annotations

from dataclasses import dataclass

from kprov.apply import apply
from kprov.errors import PreflightError
from kprov.events import Emit
from kprov.host.connection import Connection
from kprov.host.facts import probe
from kprov.operations.kept import writers
from kprov.operations.session import receipt_of
from kprov.plan import Plan, uninstall_plan
from kprov.receipt import QUESTION, Receipt
from kprov.resources.removal import query_of


@dataclass(frozen=True)
class Uninstalled:
    """kept: data that stay, in words; leftovers: what is still there and should not be."""

    host: str
    changes: int
    kept: tuple[str, ...]
    leftovers: tuple[str, ...]


def plan_uninstall(connection: Connection, *, purge: bool, force: bool) -> Plan:
    """The plan; raises PreflightError where the host has no receipt or something in it was changed since."""
    where = connection.login.name
    found = probe(connection, [QUESTION])
    receipt = receipt_of(found["receipt"], where)
    if receipt is None:
        raise PreflightError(
            "kprov has installed nothing on this host", where=where, hint="there is nothing to uninstall"
        )
    seen = probe(connection, [query_of(made) for made in receipt.made.values()]) if receipt.made else {}
    return uninstall_plan(where, {**seen, **found}, receipt, purge=purge, force=force, writers=writers(receipt))


def carry_out_uninstall(connection: Connection, plan: Plan, emit: Emit) -> Uninstalled:
    """Carry the plan out and probe again. Raises what apply raises."""
    apply(connection, plan, "uninstall", emit, lambda unit: None)
    left = _leftovers(connection, plan.before, plan.after)
    return Uninstalled(plan.host, len(plan.changes), plan.kept, left)


def _leftovers(connection: Connection, before: Receipt, after: Receipt) -> tuple[str, ...]:
    """What the receipt listed and is still there, apart from what is meant to stay."""
    given_back = {
        made["of"] or made["path"] for made in before.made.values() if made.kind == "original" or made["adopted"]
    }
    theirs = {made.id for made in before.made.values() if made["adopted"] or made["path"] in given_back}
    gone = [
        made
        for made in before.made.values()
        if made.id not in after.made and made.id not in theirs and made.kind != "firewall"
    ]
    seen = probe(connection, [query_of(made) for made in gone]) if gone else {}
    return tuple(made.id for made in gone if seen[made.id]["status"] != "absent")
