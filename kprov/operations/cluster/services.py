"""start, stop and restart for several hosts: the ensemble starts first and stops last, and a restart rolls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from kprov.errors import Problem, UsageError
from kprov.events import Emit, Message, about
from kprov.host.connection import Connection
from kprov.host.facts import probe
from kprov.kinds.base import Change, path_of
from kprov.kinds.data import OPTION
from kprov.kinds.service import Service, UnitState
from kprov.node.lock import host_locks
from kprov.node.receipt_store import write_receipt
from kprov.node.steps import Gate, Numbering, run_steps
from kprov.operations.fleet import Fleet
from kprov.operations.report import OnHosts, Report
from kprov.operations.services import (
    ServicesAsked,
    ServicesChanged,
    change_one,
    receipt_after,
    repairs_of,
    start_change,
    stop_change,
)
from kprov.operations.session import Installed, accepted_data, installed
from kprov.plan import Plan
from kprov.receipt import Receipt
from kprov.roles.of_node import roles_of
from kprov.rollout.acts import services_of
from kprov.rollout.run import Member, Patience, Rollout
from kprov.rollout.together import one_at_a_time, together
from kprov.spec.model import RoleName


@dataclass
class _Changing:
    """The changes to the services of one host, under its lock; the receipt changes only with repairs."""

    connection: Connection
    plan: Plan
    after: Receipt | None
    number: int = 0

    def begin(self, emit: Emit) -> None:
        """Nothing: services are not in the receipt's intent."""
        del emit

    def run(self, changes: Sequence[Change], emit: Emit, gate: Gate) -> None:
        """Make the next changes. Raises StepError and what ``gate`` raises."""
        run_steps(self.connection, changes, emit, gate, Numbering(self.number, len(self.plan.changes)))
        self.number += len(changes)

    def finish(self) -> None:
        """Write what the repairs changed, and what is seen of the data."""
        if self.after is not None:
            write_receipt(self.connection, self.after)


def change_services(found: Fleet, asked: ServicesAsked, emit: Emit, planned: Callable[[Plan], None]) -> Report:
    """Start, stop or restart the services of one host, or of a cluster; planned: as for ``change_one``."""
    if found.several:
        return change_services_of_all(found, asked, emit, planned)
    return change_one(found.connections[0], asked, emit, planned)


def change_services_of_all(found: Fleet, asked: ServicesAsked, emit: Emit, planned: Callable[[Plan], None]) -> Report:
    """Start, stop or restart the services of a cluster, or of those of its hosts that act.

    planned: called with the plan of each host before any is applied. Raises what ``change_services`` raises, and
    NotReadyError if the cluster cannot spare a broker in time.
    """
    emit = one_at_a_time(emit)
    known = together([partial(installed, connection) for connection in found.connections], found.abandon)
    _require_accepted(known, asked.accepted)
    with host_locks(found.acting, asked.verb):
        plans = together(
            [
                partial(_plan, connection, of, asked, about(connection.login.name, emit), acts=found.acts(connection))
                for connection, of in zip(found.connections, known, strict=True)
            ],
            found.abandon,
        )
        members = [
            Member(connection, of.node, plan, services, about(connection.login.name, emit))
            for connection, of, (plan, services, _) in zip(found.connections, known, plans, strict=True)
        ]
        for member in members:
            planned(member.plan)
        rollout = Rollout(
            members, Patience.asked(asked.ready, asked.in_sync, downtime=asked.downtime), found.abandon, emit
        )
        rollout.applications = {
            member.address: _Changing(member.connection, member.plan, after)
            for member, (_, _, after) in zip(members, plans, strict=True)
        }
        if asked.verb == "stop":
            _stop(rollout, found)
        else:
            rollout.require_spare()
            rollout.roll()
            if not found.only:
                rollout.await_brokers()
            rollout.finish()
    changed = tuple(
        ServicesChanged(member.where, tuple(f"{change.action} {change.title}" for change in member.plan.changes))
        for member in members
        if found.acts(member.connection)
    )
    return Report(asked.verb, (OnHosts(changed),))


def _require_accepted(known: Sequence[Installed], accepted: Sequence[str]) -> None:
    """Raise UsageError for a path that is a data directory of no host."""
    for path in accepted:
        problems: list[Problem] = []
        for found in known:
            try:
                accepted_data([path], found.receipt.made.values())
            except UsageError as error:
                problems += error.problems
        if len(problems) == len(known):
            raise UsageError(problems[0].what, where=OPTION, hint=problems[0].hint)


def _plan(
    connection: Connection, found: Installed, asked: ServicesAsked, emit: Emit, *, acts: bool
) -> tuple[Plan, Mapping[RoleName, Service], Receipt | None]:
    """The plan for the services of one host, its services by role, and the receipt to write at the end."""
    where, roles = connection.login.name, roles_of(found.node)
    if not acts:
        return Plan(where, ()), services_of(found.node), None
    entries = found.receipt.made.values() if asked.verb != "stop" else ()
    calls = [*(("probe_unit", role.unit, role.unit) for role in roles), *(made.query() for made in entries)]
    seen = probe(connection, calls)
    states = {role.unit: UnitState.of(seen[role.unit]) for role in roles}
    starting = [role for role in roles if asked.verb == "restart" or not states[role.unit].active]
    starting = starting if asked.verb != "stop" else []
    known = {path_of(entry) for entry in found.receipt.made.values()}
    accepted = frozenset(path for path in asked.accepted if path in known)
    repairs = repairs_of(connection, found.receipt, seen, accepted, emit) if starting else ()
    services = services_of(found.node, frozenset(change.id for change in repairs))
    changes: list[Change] = []
    for role in reversed(roles) if asked.verb == "stop" else roles:
        active = states[role.unit].active
        if active and asked.verb != "start":
            changes.append(stop_change(role.unit))
        if role in starting:
            changes.append(start_change(role, states[role.unit], found.receipt))
        if asked.verb != "restart" and active is (asked.verb == "start"):
            emit(Message(f"{role.unit} is {'running' if active else 'stopped'} already"))
    after = receipt_after(found.receipt, repairs) if starting else None
    return Plan(where, (*repairs, *changes)), services, after


def _stop(rollout: Rollout, found: Fleet) -> None:
    """Stop all brokers, then all ZooKeeper servers; of a part of the hosts, only what the cluster can spare."""
    acting = [member for member in rollout.members if member.plan.changes]
    if found.only:
        for member in acting:
            rollout.await_spare(member)
            rollout.applications[member.address].run(member.plan.changes, member.emit, lambda unit: None)
        return
    acts = {member.address: member.acts.of for member in rollout.members}
    brokers, servers = (
        {address: of.get(role, ()) for address, of in acts.items()} for role in (RoleName.BROKER, RoleName.ZOOKEEPER)
    )
    rollout.stop_brokers(brokers)
    rollout.in_parallel(servers)
