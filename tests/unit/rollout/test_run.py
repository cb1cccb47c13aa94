"""A rollout over a cluster that is made up: what acts when, and what stops it. Real ones are in tests/lab."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from kprov.errors import NotReadyError, PreflightError, StepError
from kprov.events import Emit, Event, StepStarted, ignore
from kprov.kinds.base import Action, Change
from kprov.kinds.service import Service
from kprov.node.steps import Gate
from kprov.plan import Plan
from kprov.queries import Metadata
from kprov.rollout import run
from kprov.rollout.availability import ClusterState, Partition
from kprov.rollout.health import Asked, Brokers, Ensemble, Server
from kprov.rollout.run import Member, Patience, Rollout
from kprov.spec.load import load
from kprov.spec.model import RoleName
from kprov.topology import topology

HOSTS = ("a", "b", "c")
ZOOKEEPER, KAFKA = "service:zookeeper.service", "service:kafka.service"


@dataclass
class World:
    """A cluster as its services tell it, and what the rollout did with it, in order.

    catches_up: how often the others must be asked until a broker that restarted is in sync. broken: hosts on which the
    start of a service fails.
    """

    servers: set[str] = field(default_factory=lambda: set(HOSTS))
    brokers: set[str] = field(default_factory=lambda: set(HOSTS))
    leader: str = "b"
    controller: str = "c"
    minimum: int = 2
    replicas: tuple[int, ...] = (0, 1, 2)
    behind: dict[int, int] = field(default_factory=dict)
    catches_up: int = 0
    broken: set[str] = field(default_factory=set)
    log: list[str] = field(default_factory=list)

    def ensemble(self, members: Sequence[Asked]) -> Ensemble:
        modes = {host: "leader" if host == self.leader else "follower" for host in self.servers}
        serves = len(self.servers) > 1
        return Ensemble(
            tuple(Server(item.address, modes.get(item.address, "") if serves else "", 5) for item in members)
        )

    def told(self, members: Sequence[Asked]) -> Brokers:
        up = [item for item in members if item.address in self.brokers]
        ids = {item.address: item.node.broker.id for item in members}
        known = tuple(SimpleNamespace(id=ids[item.address]) for item in up)
        controller = ids.get(self.controller) if self.controller in self.brokers else min(ids.values(), default=None)
        return Brokers({item.address: Metadata(known, (), controller) for item in up}, ids)  # type: ignore[arg-type]

    def states(self, members: Sequence[Asked], without: str = "") -> list[ClusterState]:
        del without
        ids = {item.node.broker.id for item in members if item.address in self.brokers}
        late = {id_ for id_, asks in self.behind.items() if asks > 0}
        self.behind = {id_: asks - 1 for id_, asks in self.behind.items() if asks > 0}
        in_sync = frozenset(id_ for id_ in self.replicas if id_ in ids and id_ not in late)
        part = Partition("t", 0, min(in_sync, default=None), frozenset(self.replicas), in_sync, self.minimum)
        return [ClusterState(frozenset(ids), 2, (part,))] * 3


@dataclass
class Applying:
    """Plays the changes of one host in the world."""

    world: World
    host: str

    def begin(self, emit: Emit) -> None:
        del emit
        self.world.log.append(f"begin {self.host}")

    def run(self, changes: Sequence[Change], emit: Emit, gate: Gate) -> None:
        del emit
        for change in changes:
            self.world.log.append(f"{change.action} {change.title} {self.host}")
            up = self.world.servers if change.id == ZOOKEEPER else self.world.brokers
            if change.id in {ZOOKEEPER, KAFKA}:
                if change.action is not Action.START:
                    up.discard(self.host)
                if change.action is not Action.STOP:
                    if self.host in self.world.broken:
                        raise StepError("it does not start", where=self.host)
                    up.add(self.host)
                    self.world.behind[HOSTS.index(self.host)] = self.world.catches_up
            if change.gate:
                gate(change.gate)

    def finish(self) -> None:
        self.world.log.append(f"finish {self.host}")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    found = World()
    monkeypatch.setattr(run, "ensemble", found.ensemble)
    monkeypatch.setattr(run, "brokers", found.told)
    monkeypatch.setattr(run, "states", found.states)
    monkeypatch.setattr(run, "await_ready", lambda *_, **__: 1)
    monkeypatch.setattr(run, "_PAUSE_SECONDS", 0.001)
    return found


def rollout(
    world: World, *actions: tuple[Action, str], patience: Patience | None = None, emit: Emit = ignore
) -> Rollout:
    """A rollout in which each host has these changes."""
    members = []
    for node in topology(load(None, HOSTS)):
        changes = [
            Change(action, id_, id_.split(":")[1].partition(".")[0], "", (("true",),)) for action, id_ in actions
        ]
        services = {role: Service(f"{name}.service", name, frozenset(), "") for role, name in NAMES.items()}
        connection = SimpleNamespace(login=SimpleNamespace(name=node.host.address))
        members.append(Member(connection, node, Plan(node.host.address, tuple(changes)), services, emit))  # type: ignore[arg-type]
    found = Rollout(members, patience or Patience(in_sync=0.2), lambda: None, emit)
    found.applications = {member.address: Applying(world, member.address) for member in members}
    return found


NAMES = {RoleName.ZOOKEEPER: "zookeeper", RoleName.BROKER: "kafka"}
RESTART = ((Action.RESTART, ZOOKEEPER), (Action.RESTART, KAFKA))


def test_a_new_cluster_starts_together_the_ensemble_first(world: World) -> None:
    world.servers, world.brokers = set(), set()
    found = rollout(world, (Action.START, ZOOKEEPER), (Action.START, KAFKA))
    found.begin()
    found.roll()
    found.finish()
    assert sorted(world.log[3:6]) == [f"start zookeeper {host}" for host in HOSTS]
    assert sorted(world.log[6:9]) == [f"start kafka {host}" for host in HOSTS]


def test_a_roll_takes_one_node_at_a_time_the_leader_and_the_controller_last(world: World) -> None:
    rollout(world, *RESTART).roll()
    assert world.log == [
        *(f"restart zookeeper {host}" for host in "acb"),
        *(f"restart kafka {host}" for host in "abc"),
    ]


def test_the_next_broker_waits_until_the_one_before_is_back_in_sync(world: World) -> None:
    world.catches_up = 3
    said: list[Event] = []
    rollout(world, (Action.RESTART, KAFKA), emit=said.append).roll()
    assert world.log == [f"restart kafka {host}" for host in "abc"]
    waits = [event.text for event in said if isinstance(event, StepStarted)]
    assert "waiting until broker 0 is back in sync: broker 0 is not in sync for t-0" in waits


def test_a_broker_that_does_not_catch_up_ends_the_roll_with_the_others_untouched(world: World) -> None:
    world.catches_up = 10**9
    with pytest.raises(NotReadyError) as caught:
        rollout(world, (Action.RESTART, KAFKA)).roll()
    assert world.log == ["restart kafka a"]
    assert world.brokers == set(HOSTS)
    assert "broker 0 is not in sync for t-0, after 0 s" in str(caught.value)


def test_no_broker_stops_while_another_is_missing(world: World) -> None:
    world.brokers = {"a", "b"}
    with pytest.raises(NotReadyError) as caught:
        rollout(world, (Action.RESTART, KAFKA)).roll()
    assert world.log == []
    assert "a broker is not registered: 2" in str(caught.value)


def test_no_broker_stops_while_the_ensemble_is_not_whole(world: World) -> None:
    world.servers = {"a", "b"}
    with pytest.raises(NotReadyError, match="ZooKeeper does not serve on c"):
        rollout(world, (Action.RESTART, KAFKA)).roll()
    assert world.log == []


def test_no_server_restarts_while_another_is_down(world: World) -> None:
    world.servers = {"a", "b"}
    with pytest.raises(NotReadyError, match="ZooKeeper does not serve on c before ZooKeeper restarts on a"):
        rollout(world, (Action.RESTART, ZOOKEEPER)).roll()
    assert world.log == []


@pytest.mark.parametrize(("replicas", "said"), [((1,), "a single replica"), ((0, 1), "needs all of its replicas")])
def test_what_no_order_can_spare_is_refused_before_anything_is_changed(
    replicas: tuple[int, ...], said: str, world: World
) -> None:
    world.replicas = replicas
    found = rollout(world, (Action.RESTART, KAFKA))
    with pytest.raises(PreflightError, match=said):
        found.require_spare()
    with pytest.raises(NotReadyError, match=said):  # it came up only while the roll was under way
        found.roll()
    allowed = replace(found.patience, downtime=True)
    world.log.clear()
    again = rollout(world, (Action.RESTART, KAFKA), patience=allowed)
    again.require_spare()
    again.roll()
    assert len(world.log) == 3


def test_a_start_needs_nobody_s_leave(world: World) -> None:
    world.replicas, world.brokers = (1,), {"a"}
    found = rollout(world, (Action.START, KAFKA))
    found.require_spare()
    found.roll()
    assert sorted(world.log) == [f"start kafka {host}" for host in HOSTS]


def test_a_failure_ends_the_roll_and_names_who_was_acting(world: World) -> None:
    world.broken = {"a"}
    found = rollout(world, (Action.STOP, KAFKA), (Action.START, KAFKA))
    with pytest.raises(StepError):
        found.roll()
    assert world.log == ["stop kafka a", "start kafka a"]
    assert [member.address for member in found.acting] == ["a"]


def test_a_service_that_is_not_ready_is_not_named_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that is no part of the stage may be why: without the ensemble, no broker starts."""

    def late(connection: Any, *_: object, **__: object) -> int:
        world.servers.discard("c")
        raise NotReadyError("kafka.service is failed", where=connection.login.name)

    monkeypatch.setattr(run, "await_ready", late)
    found = rollout(world, (Action.STOP, KAFKA))
    gated = Change(Action.START, KAFKA, "kafka", "", (("true",),), gate="kafka.service")
    found.members = [replace(member, plan=Plan(member.address, (gated,))) for member in found.members]
    world.brokers = {"b", "c"}
    with pytest.raises(NotReadyError) as caught:
        found.roll()
    said = [str(problem) for problem in caught.value.problems]
    assert said[-1] == "ZooKeeper does not serve on c"
    assert "a: kafka.service is failed" in said


def test_nobody_is_acting_while_a_gate_is_closed(world: World) -> None:
    """A broker that the roll did not reach has nothing to be rolled back."""
    world.catches_up = 10**9
    found = rollout(world, (Action.RESTART, KAFKA))
    with pytest.raises(NotReadyError):
        found.roll()
    assert found.acting == []


def test_all_brokers_stop_in_turn_the_controller_last(world: World) -> None:
    found = rollout(world, (Action.STOP, KAFKA))
    found.stop_brokers({member.address: member.plan.changes for member in found.members})
    assert world.log == [f"stop kafka {host}" for host in "abc"]
    world.log.clear()
    world.brokers, world.controller = set(HOSTS), "a"
    found.stop_brokers({member.address: member.plan.changes for member in found.members})
    assert world.log == [f"stop kafka {host}" for host in "bca"]


def test_the_stages_are_shown_as_they_would_be_now(world: World) -> None:
    shown = rollout(world, *RESTART).planned()
    assert [(stage.unit, stage.hosts) for stage in shown.stages] == [
        *(("zookeeper.service", (host,)) for host in "acb"),
        *(("kafka.service", (host,)) for host in "abc"),
    ]
    assert world.log == []


def test_every_broker_must_know_all(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_BROKERS_SECONDS", 0.01)
    found = rollout(world)
    found.await_brokers()
    world.brokers = {"a", "b"}
    with pytest.raises(NotReadyError, match="the broker does not answer on c"):
        found.await_brokers()
