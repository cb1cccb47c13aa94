"""Rolls a plan for each node of a cluster out: stage after stage, each behind its gates.

A broker or a ZooKeeper server that serves is stopped only when the cluster can spare it, and the next one only when it
is back. Whatever a killed run left is found on the hosts: the same judgement is asked anew before each stage, and
nothing about the order is remembered.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from kprov.errors import KprovError, NotReadyError, PreflightError, Problem
from kprov.events import Emit, StepDone, StepFailed, StepStarted
from kprov.host.connection import Connection
from kprov.kinds.base import Change
from kprov.kinds.service import Service
from kprov.node.readiness import await_ready
from kprov.node.steps import Gate
from kprov.plan import Plan
from kprov.roles.of_node import role_of
from kprov.rollout.acts import Acts, acts
from kprov.rollout.availability import ClusterState, Holdup, Judgement, is_back, may_stop
from kprov.rollout.health import Asked, brokers, ensemble, playing, states
from kprov.rollout.plan import ClusterPlan, StagePlanned
from kprov.rollout.stages import Due, Stage, Work, stages
from kprov.rollout.together import together
from kprov.spec.model import RoleName
from kprov.topology import Node

_PAUSE_SECONDS = 0.5
_ENSEMBLE_SECONDS = 60.0
_BROKERS_SECONDS = 60.0
_SAID_AGAIN_SECONDS = 4.0
_NAMED = 5  # partitions in a message


@dataclass(frozen=True)
class Member:
    """A node of the run. services: those of its plan, by role. emit: for events about it."""

    connection: Connection
    node: Node
    plan: Plan
    services: Mapping[RoleName, Service]
    emit: Emit

    @property
    def address(self) -> str:
        return self.node.host.address

    @property
    def where(self) -> str:
        """Its name in messages."""
        return self.connection.login.name

    @property
    def acts(self) -> Acts:
        return acts(self.plan.changes, self.services)

    @property
    def asked(self) -> Asked:
        return Asked(self.connection, self.node)


class Applying(Protocol):
    """The changes of one member while they are made, as ``Application``."""

    def begin(self, emit: Emit) -> None:
        """What comes before the first change."""

    def run(self, changes: Sequence[Change], emit: Emit, gate: Gate) -> None:
        """Make the next changes."""

    def finish(self) -> None:
        """What comes after the last change."""


@dataclass(frozen=True)
class Patience:
    """How long the gates wait, in seconds, and what they let pass.

    ready: for a service that was started; None for what its role says. in_sync: for the replicas before and after a
    restart. downtime: whether partitions that no order can spare may be unavailable during a restart.
    """

    ready: float | None = None
    in_sync: float = 600.0
    downtime: bool = False

    @classmethod
    def asked(cls, ready: float | None, in_sync: float | None, *, downtime: bool) -> Patience:
        """As the options say; None for one that was not given."""
        return cls(ready, downtime=downtime) if in_sync is None else cls(ready, in_sync, downtime)


@dataclass
class Rollout:
    """The rollout of the members' plans.

    abandon: ends all exchanges that are under way. acting: the members whose services stop and start now, or failed to.
    """

    members: Sequence[Member]
    patience: Patience
    abandon: Callable[[], None]
    emit: Emit
    applications: dict[str, Applying] = field(default_factory=dict)
    acting: list[Member] = field(default_factory=list)

    @property
    def asked(self) -> list[Asked]:
        return [member.asked for member in self.members]

    # ------------------------------------------------------------- before anything is changed

    def planned(self) -> ClusterPlan:
        """The plans of all nodes, and the stages as they would be now."""
        names = {member.address: member for member in self.members}
        stages_now = [
            StagePlanned(
                names[stage.hosts[0]].services[stage.role].unit,
                stage.work,
                tuple(names[address].where for address in stage.hosts),
            )
            for stage in self._stages({member.address: set() for member in self.members})
        ]
        return ClusterPlan(tuple(member.plan for member in self.members), tuple(stages_now))

    def require_spare(self) -> None:
        """Raise PreflightError if a broker is to restart that some partition cannot spare in any order."""
        if self.patience.downtime:
            return
        restarting = [item for item in self.members if item.acts.due(item.address).broker is Work.RESTART]
        if not restarting:
            return
        seen = states(self.asked)
        found: dict[Holdup, str] = {}
        for member in restarting:
            for holdup in self._judgement(member, seen).lasting:
                found.setdefault(holdup, member.where)
        if found:
            raise PreflightError(
                f"a restart makes partitions unavailable: {_listed(found)}",
                where=", ".join(dict.fromkeys(found.values())),
                hint="give these topics more replicas than min.insync.replicas; or allow that their partitions are "
                "unavailable while their broker restarts: --allow-downtime",
            )

    # ------------------------------------------------------------- the changes

    def begin(self) -> None:
        """Write every receipt's intent, and push all archives."""

        def begin_one(member: Member) -> None:
            if not member.plan.empty:
                self.applications[member.address].begin(member.emit)

        self._together(self.members, begin_one)

    def roll(self) -> None:
        """Make the changes that need no stage, then run the stages until none is left.

        Raises StepError and NotReadyError.
        """
        self.in_parallel({member.address: member.acts.first for member in self.members})
        done: dict[str, set[RoleName]] = {member.address: set() for member in self.members}
        while found := self._stages(done):
            stage, *rest = found
            self._run_stage(stage, rest)
            for address in stage.hosts:
                done[address].add(stage.role)
        self._leftover(done)

    def finish(self) -> None:
        """Write every receipt."""

        def finish_one(member: Member) -> None:
            if not member.plan.empty:
                self.applications[member.address].finish()

        self._together(self.members, finish_one)

    def _together(self, members: Sequence[Member], work: Callable[[Member], None]) -> None:
        together([_bound(work, member) for member in members], self.abandon)

    def _run(self, member: Member, changes: Sequence[Change]) -> None:
        if changes:
            gate = self._gate(member)
            self.applications[member.address].run(changes, member.emit, gate)

    def _gate(self, member: Member) -> Callable[[str], None]:
        def gate(unit: str) -> None:
            await_ready(member.connection, role_of(member.node, unit), member.emit, seconds=self.patience.ready)

        return gate

    def _stages(self, done: Mapping[str, set[RoleName]]) -> list[Stage]:
        """The stages that are left, as they are right now."""
        due = []
        for member in self.members:
            work = member.acts.due(member.address)
            gone = done[member.address]
            due.append(
                Due(
                    work.host,
                    None if RoleName.ZOOKEEPER in gone else work.zookeeper,
                    None if RoleName.BROKER in gone else work.broker,
                )
            )
        if not any(item.zookeeper or item.broker for item in due):
            return []
        servers, kafka = ensemble(self.asked), brokers(self.asked)
        serving = [RoleName.ZOOKEEPER] * servers.serves + [RoleName.BROKER] * bool(kafka.said)
        return stages(due, serving=serving, leader=servers.leader, controller=kafka.controller)

    def stop_brokers(self, changes: Mapping[str, Sequence[Change]]) -> None:
        """Stop brokers in turn, the controller last: all at once, they would have nobody to hand their leaders to.

        changes: for each address, those that end with the stop.
        """
        last = brokers(self.asked).controller
        for member in sorted(self.members, key=lambda item: item.address == last):
            self._run(member, changes.get(member.address, ()))

    def in_parallel(self, changes: Mapping[str, Sequence[Change]]) -> None:
        """Make the changes of all members at the same time, by address."""
        self._together(self.members, lambda member: self._run(member, changes.get(member.address, ())))

    def await_spare(self, member: Member) -> None:
        """Wait until the cluster can spare this node; raises NotReadyError when the time is up."""
        self._await_ensemble(f"before services stop on {member.where}")
        if RoleName.BROKER in member.node.roles:
            self._await_spare(member)

    def _run_stage(self, stage: Stage, rest: Sequence[Stage]) -> None:
        acting = [member for member in self.members if member.address in stage.hosts]
        if stage.role is RoleName.ZOOKEEPER:
            if stage.work is Work.RESTART:
                self._await_ensemble(f"before ZooKeeper restarts on {acting[0].where}")
            self._act(acting, stage.role)
            if not any(later.role is stage.role and later.work is Work.START for later in rest):
                self._await_ensemble()
            return
        self._await_ensemble()
        before = self._await_spare(acting[0]) if stage.work is Work.RESTART else None
        self._act(acting, stage.role)
        if before is not None:
            self._await_back(acting[0], before)

    def _act(self, members: Sequence[Member], role: RoleName) -> None:
        self.acting = list(members)
        try:
            self._together(members, lambda member: self._run(member, member.acts.of[role]))
        except NotReadyError as error:
            raise NotReadyError([*error.problems, *self._elsewhere()]) from error
        self.acting = []

    def _elsewhere(self) -> list[Problem]:
        """What is wrong with the hosts that are not acting: it may be why a service of one that is was not ready."""
        try:
            servers = ensemble(self.asked).servers
        except KprovError as error:
            return list(error.problems)
        acting = {member.address for member in self.acting}
        silent = [server.address for server in servers if not server.mode and server.address not in acting]
        return [Problem(f"ZooKeeper does not serve on {', '.join(silent)}", hint=_servers_hint())] if silent else []

    def _leftover(self, done: Mapping[str, set[RoleName]]) -> None:
        """Changes of a role without any work for its service, such as one that is only enabled."""
        for member in self.members:
            for role, changes in member.acts.of.items():
                if role not in done[member.address]:
                    self._run(member, changes)

    # ------------------------------------------------------------- gates

    def _await_ensemble(self, when: str = "") -> None:
        """Until every ZooKeeper server serves in one ensemble. Raises NotReadyError after a minute."""
        servers = playing(self.asked, RoleName.ZOOKEEPER)
        if not servers:
            return

        def trouble() -> str:
            return ensemble(self.asked).trouble

        self._await(
            "the ensemble to be whole", trouble, min(_ENSEMBLE_SECONDS, self.patience.in_sync), _servers_hint(), when
        )

    def await_brokers(self) -> None:
        """Until every broker names all brokers, and they agree on the controller. Raises NotReadyError."""
        if len(playing(self.asked, RoleName.BROKER)) > 1:
            hint = "look for problems in the brokers' logs: kprov logs HOST"
            self._await("every broker to know all", lambda: brokers(self.asked).trouble, _BROKERS_SECONDS, hint)

    def _await_spare(self, member: Member) -> ClusterState:
        """Until the cluster can spare a broker; the state then. Raises NotReadyError when the time is up."""
        last: list[ClusterState] = []

        def trouble() -> str:
            last[:] = states(self.asked)
            judged = self._judgement(member, last)
            if judged.lasting and not self.patience.downtime:
                hint = "run this again with --allow-downtime, or give the topics more replicas"
                what = f"broker {member.node.broker.id} was not restarted: {_listed(judged.lasting)}"
                raise NotReadyError(what, where=member.where, hint=hint)
            return _listed(judged.waits)

        what = f"until broker {member.node.broker.id} may stop"
        hint = "every broker serves as before; see which replicas are behind: kprov status HOST; then run this again"
        self._await(what, trouble, self.patience.in_sync, hint, where=member.where, emit=member.emit)
        return last[0]

    def _await_back(self, member: Member, before: ClusterState) -> None:
        """Until a broker that restarted is back in sync, as the others see it. Raises NotReadyError."""
        id_ = member.node.broker.id
        alone = len(playing(self.asked, RoleName.BROKER)) == 1

        def trouble() -> str:
            seen = states(self.asked, without="" if alone else member.address)
            behind = [state for state in seen if not is_back(id_, state, before)]
            if seen and not behind:
                return ""
            late = [item for state in behind for item in state.partitions if id_ in item.replicas - item.in_sync]
            names = list(dict.fromkeys(item.name for item in late))
            return f"broker {id_} is not in sync for {_some(names)}" if names else f"broker {id_} is not registered yet"

        what = f"until broker {id_} is back in sync"
        hint = "it serves and catches up; no other broker was stopped: wait, then run this again to continue"
        self._await(what, trouble, self.patience.in_sync, hint, where=member.where, emit=member.emit)

    def _judgement(self, member: Member, seen: Sequence[ClusterState]) -> Judgement:
        ids = [item.node.broker.id for item in playing(self.asked, RoleName.BROKER)]
        judged = may_stop(member.node.broker.id, seen, ids)
        # A single broker is everything that there is: its restart is an outage that nobody can avoid.
        return Judgement() if len(ids) == 1 else judged

    def _await(
        self,
        what: str,
        trouble: Callable[[], str],
        seconds: float,
        hint: str,
        when: str = "",
        *,
        where: str = "",
        emit: Emit | None = None,
    ) -> None:
        """Ask until there is no trouble, and say what it is. Raises NotReadyError when the time is up."""
        tell = emit or self.emit
        began = said = time.monotonic()
        text = f"waiting {what if what.startswith('until') else f'for {what}'}"
        started = False
        while problem := trouble():
            now = time.monotonic()
            if not started or now - said > _SAID_AGAIN_SECONDS:
                started, said = True, now
                tell(StepStarted(0, 0, f"{text}: {problem}"))
            if now - began > seconds:
                tell(StepFailed(0, 0, text, now - began))
                late = f"{problem} {when}".strip()
                raise NotReadyError([Problem(f"{late}, after {seconds:.0f} s", where, hint=hint)])
            time.sleep(_PAUSE_SECONDS)
        if started:
            tell(StepDone(0, 0, text, time.monotonic() - began))


def _bound(work: Callable[[Member], None], member: Member) -> Callable[[], None]:
    return lambda: work(member)


def _servers_hint() -> str:
    return "look for problems in ZooKeeper's logs: kprov logs HOST --unit zookeeper"


def _listed(holdups: Sequence[Holdup] | Mapping[Holdup, str]) -> str:
    """What speaks against a stop; partitions of the same cause together, the first of them by name."""
    by_cause: dict[str, list[str]] = {}
    for holdup in holdups:
        partition = holdup.partition
        text = str(holdup) if partition is None else holdup.cause.value
        by_cause.setdefault(text, []).extend([partition.name] if partition is not None else [])
    return "; ".join(f"{_some(names)} {text}" if names else text for text, names in by_cause.items())


def _some(names: Sequence[str]) -> str:
    rest = len(names) - _NAMED
    return f"{', '.join(names[:_NAMED])}{f' and {rest} more partitions' if rest > 0 else ''}"
