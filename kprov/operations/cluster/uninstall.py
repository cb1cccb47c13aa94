"""uninstall for several hosts: one question, brokers stop in turn, and each host is probed again at the end."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from kprov.errors import ExitCode, PreflightError, Problem
from kprov.events import Emit, about
from kprov.host.connection import Connection
from kprov.kinds.base import Change
from kprov.kinds.service import service_id
from kprov.node.apply import apply
from kprov.operations.cluster.install import all_locked
from kprov.operations.dialogue import Dialogue
from kprov.operations.fleet import Fleet
from kprov.operations.report import OnHosts, Report
from kprov.operations.session import installed_node, peek_receipt
from kprov.operations.uninstall import leftover_problem, leftovers, plan_uninstall, uninstall_one, uninstalled
from kprov.plan import Plan
from kprov.receipt import Receipt
from kprov.roles.common import KAFKA_UNIT
from kprov.rollout.acts import services_of
from kprov.rollout.health import brokers
from kprov.rollout.plan import ClusterPlan
from kprov.rollout.run import Member, Patience, Rollout
from kprov.rollout.together import one_at_a_time, together
from kprov.words import counted


def uninstall(found: Fleet, dialogue: Dialogue, *, purge: bool, force: bool) -> Report:
    """Remove what is installed on one host, or on the hosts of a cluster that act."""
    if found.several:
        return uninstall_cluster(found, dialogue, purge=purge, force=force)
    return uninstall_one(found.connections[0], dialogue, purge=purge, force=force)


def uninstall_cluster(found: Fleet, dialogue: Dialogue, *, purge: bool, force: bool) -> Report:
    """Plan, show the plan, ask, apply it on all hosts that act, and probe them again; leftovers are a problem.

    Raises PreflightError with the obstacles of all hosts, DeclinedError, and what the steps raise.
    """
    dialogue.reaching(found.count)
    receipts = together([partial(peek_receipt, connection) for connection in found.acting], found.abandon)
    plans = together(
        [partial(plan_uninstall, connection, purge=purge, force=force) for connection in found.acting], found.abandon
    )
    obstacles = [Problem(item.what, plan.host, hint=item.hint) for plan in plans for item in plan.obstacles]
    if obstacles:
        raise PreflightError(obstacles)
    shown = ClusterPlan(tuple(plans))
    dialogue.show(shown)
    if not shown.empty:
        dialogue.confirm(_question(shown))
    with dialogue.changing() as shown_events:
        emit = one_at_a_time(shown_events)
        members = []
        for connection, plan, receipt in zip(found.acting, plans, receipts, strict=True):
            tell = about(connection.login.name, emit)
            if receipt.spec is not None:
                members.append(_member(connection, plan, receipt, tell))
            else:  # only data that an earlier uninstall kept are left
                apply(connection, plan, "uninstall", tell, lambda unit: None)
        rollout = Rollout(members, Patience(), found.abandon, emit)
        if found.only:
            _await_spare(found, emit)
        with all_locked(rollout, "uninstall"):
            rollout.begin()
            halves = {member.address: _halves(member.plan.changes) for member in members}
            rollout.stop_brokers({address: first for address, (first, _) in halves.items()})
            rollout.in_parallel({address: rest for address, (_, rest) in halves.items()})
            rollout.finish()
    left = together(
        [
            partial(leftovers, connection, plan.before, plan.after)
            for connection, plan in zip(found.acting, plans, strict=True)
        ]
    )
    data = (OnHosts(tuple(uninstalled(plan.host, plan, paths) for plan, paths in zip(plans, left, strict=True))),)
    problems = tuple(leftover_problem(plan.host, paths) for plan, paths in zip(plans, left, strict=True) if paths)
    return Report("uninstall", data, problems, ExitCode.STEP if problems else ExitCode.DONE)


def _await_spare(found: Fleet, emit: Emit) -> None:
    """Wait until the others can spare the hosts that act; a broker that does not run is spared already."""
    known = [(connection, peek_receipt(connection)) for connection in found.connections]
    members = [
        _member(connection, Plan(connection.login.name, ()), receipt, emit)
        for connection, receipt in known
        if receipt.spec is not None
    ]
    gate = Rollout(members, Patience(), found.abandon, emit)
    running = brokers(gate.asked).said
    for member in members:
        if found.acts(member.connection) and member.address in running:
            gate.await_spare(member)


def _member(connection: Connection, plan: Plan, receipt: Receipt, emit: Emit) -> Member:
    node = installed_node(receipt)
    return Member(connection, node, plan, services_of(node), emit)


def _halves(changes: Sequence[Change]) -> tuple[Sequence[Change], Sequence[Change]]:
    """The changes that end with the stop of the broker, and the rest."""
    stops = [index for index, change in enumerate(changes) if change.id == service_id(KAFKA_UNIT)]
    return (changes[: stops[-1] + 1], changes[stops[-1] + 1 :]) if stops else ((), changes)


def _question(shown: ClusterPlan) -> str:
    lost = [f"{item} on {plan.host}" for plan in shown.plans for item in plan.lost]
    what = f", and lose for good: {', '.join(lost)}" if lost else ""
    hosts = ", ".join(plan.host for plan in shown.plans)
    return f"Make these {counted(shown.changes, 'change')} on {hosts}{what}?"
