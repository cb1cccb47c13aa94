"""Runs the smoke test against an installation, and records in the receipt that it passed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from kprov.errors import ExitCode, NotReadyError
from kprov.events import Emit
from kprov.host.connection import Connection
from kprov.host.facts import probe
from kprov.kinds.service import UnitState
from kprov.node.lock import host_lock
from kprov.node.receipt_store import mark_proven
from kprov.receipt import Receipt
from kprov.roles.base import units
from kprov.roles.of_node import roles_of
from kprov.rollout.health import Asked
from kprov.rollout.together import together
from kprov.smoke import SmokeResult, smoke_test
from kprov.smoke.cluster import cluster_smoke_test
from kprov.topology import Node


def prove(
    connection: Connection, node: Node, emit: Emit, topic: str | None = None, *, keep: bool = False
) -> SmokeResult:
    """Run the smoke test. Raises NotReadyError at once if a service is not running."""
    require_running(connection, node)
    return smoke_test(connection, node, emit, topic, keep=keep)


def prove_cluster(found: Sequence[Asked], emit: Emit, topic: str | None = None, *, keep: bool = False) -> SmokeResult:
    """The same for a cluster."""
    together([partial(require_running, item.connection, item.node) for item in found])
    return cluster_smoke_test(found, emit, topic, keep=keep)


def require_running(connection: Connection, node: Node) -> None:
    """Raise NotReadyError if a service of the node is not running."""
    services = units(roles_of(node))
    seen = probe(connection, [("probe_unit", unit, unit) for unit in services])
    for unit in services:
        state = UnitState.of(seen[unit])
        if not state.active:
            what = f"{unit} is {state.properties.get('ActiveState', 'not there')}"
            raise NotReadyError(what, where=connection.login.name, hint=_not_running(unit))


def _not_running(unit: str) -> str:
    return f"start it: kprov start HOST; read its log: kprov logs HOST --unit {unit.removesuffix('.service')}"


def prove_install(connection: Connection, node: Node, receipt: Receipt, command: str, emit: Emit) -> SmokeResult:
    """Run the smoke test after a plan was applied, under the host's lock, and record in the receipt that it passed.

    command: the name that the lock shows to other runs.
    """
    with host_lock(connection, command) as held:
        result = prove(connection, node, emit)
        if result.passed:
            mark_proven(connection, receipt)
        else:
            held.code, held.problem = ExitCode.NOT_READY, "the smoke test failed"
    return result
