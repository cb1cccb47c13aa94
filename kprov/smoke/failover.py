"""The failover test: a broker is killed while messages flow. Others take its place, nothing is lost, and it returns.

systemd starts the killed broker again by itself; that is a part of the test.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kprov.errors import NotReadyError, PreflightError
from kprov.events import Emit, about
from kprov.host.forwarded import UnansweredError
from kprov.node.lock import exchange_under_lock
from kprov.queries import metadata
from kprov.roles.common import KAFKA_UNIT
from kprov.rollout.availability import ClusterState, is_back, may_stop
from kprov.rollout.health import Asked, playing, states
from kprov.smoke.flow import Flow, library
from kprov.smoke.run import create_topic, delete_topic, tidied
from kprov.smoke.steps import FailoverResult, SmokeRun
from kprov.spec.model import RoleName

_STEPS = 7
_MOST_REPLICAS = 3
_BEFORE_SECONDS, _AFTER_SECONDS = 1.0, 1.0
_LEADER_SECONDS, _BACK_SECONDS, _SPREAD_SECONDS = 90.0, 300.0, 20.0
_PAUSE_SECONDS = 0.1


@dataclass(frozen=True)
class Victim:
    """The broker that is killed."""

    asked: Asked

    @property
    def id(self) -> int:
        """Its broker.id."""
        return self.asked.node.broker.id

    @property
    def where(self) -> str:
        """The name of its host."""
        return self.asked.connection.login.name


def choose(members: Sequence[Asked]) -> Victim:
    """The broker to kill: one that is not the controller.

    Raises PreflightError if there are fewer than three brokers or the client library is missing, and NotReadyError if
    a partition cannot spare it now.
    """
    library()
    brokers = playing(members, RoleName.BROKER)
    if len(brokers) < _MOST_REPLICAS:
        raise PreflightError(
            f"a failover needs three brokers, and there are {len(brokers)}",
            where="--failover",
            hint="run the smoke test without --failover",
        )
    seen = states(members)
    ids = [item.node.broker.id for item in brokers]
    victim = Victim(next((item for item in brokers if seen and item.node.broker.id != seen[0].controller), brokers[0]))
    judged = may_stop(victim.id, seen, ids)
    if not judged.allows():
        reasons = "; ".join(map(str, (*judged.waits, *judged.lasting)[:5]))
        raise NotReadyError(
            f"broker {victim.id} was not killed: {reasons}",
            where=victim.where,
            hint="the cluster must be able to spare a broker: see its state with kprov status HOST",
        )
    return victim


def failover_test(members: Sequence[Asked], victim: Victim, emit: Emit) -> FailoverResult:
    """Kill the broker while messages flow, under the locks of all hosts, which the caller holds."""
    brokers = playing(members, RoleName.BROKER)
    others = [item for item in brokers if item is not victim.asked]
    first = others[0]
    topic = f"kprov-failover-{secrets.token_hex(4)}"
    test = SmokeRun(first.connection, first.node, topic, about(first.connection.login.name, emit), _STEPS)
    bootstrap = ",".join(item.node.broker.bootstrap for item in brokers)
    flow = Flow(bootstrap, topic, len(brokers))
    with tidied(test):
        create_topic(test, named=False, partitions=len(brokers), replicas=_MOST_REPLICAS)
        before = _spread(test, members, len(brokers))
        with flow.running():
            time.sleep(_BEFORE_SECONDS)
            _kill(test, victim, others)
            _back(test, members, victim, before)
            time.sleep(_AFTER_SECONDS)
        _nothing_lost(test, flow)
        delete_topic(test)
    return FailoverResult(topic, first.node.broker.home, bootstrap, tuple(test.steps), test.seconds)


def _spread(test: SmokeRun, members: Sequence[Asked], count: int) -> ClusterState:
    """Wait until every replica of the topic is in sync; the cluster then."""
    with test.step("check that every replica is in sync", "asked of the brokers") as decide:
        found: list[ClusterState] = []

        def whole() -> bool:
            found[:] = states(members)
            mine = [item for item in found[0].partitions if item.topic == test.topic] if found else []
            return len(mine) == count and all(item.in_sync == item.replicas for item in mine)

        decide(_until(whole, _SPREAD_SECONDS), "")
    return found[0]


def _kill(test: SmokeRun, victim: Victim, others: Sequence[Asked]) -> None:
    """Kill the broker, and wait until others lead what it led."""
    command = f"systemctl kill -s KILL {KAFKA_UNIT}"
    name = f"kill broker {victim.id} on {victim.where}, and wait until others lead its partitions"
    with test.step(name, command) as decide:
        reply = exchange_under_lock(victim.asked.connection, [("step", "0", "kill_unit", KAFKA_UNIT)])
        if not any(record.number("number") == 0 for record in reply.of_kind("end")):
            decide(False, reply.errors.strip() or "it could not be killed")
            return
        began = time.monotonic()
        led = _until(lambda: _lead_without(test.topic, victim, others), _LEADER_SECONDS)
        seconds = time.monotonic() - began
        decide(led, f"after {seconds:.1f} s" if led else f"not within {seconds:.0f} s")


def _lead_without(topic: str, victim: Victim, others: Sequence[Asked]) -> bool:
    """Whether every other broker says that others lead all partitions."""
    for item in others:
        try:
            seen = item.ask_broker(metadata(topic))
        except UnansweredError:
            return False
        leaders = [part.leader for found in seen.topics for part in found.partitions]
        if not leaders or any(leader in {None, victim.id} for leader in leaders):
            return False
    return True


def _back(test: SmokeRun, members: Sequence[Asked], victim: Victim, before: ClusterState) -> None:
    with test.step(f"broker {victim.id} returns and is in sync", "started by systemd") as decide:
        began = time.monotonic()

        def back() -> bool:
            seen = states(members, without=victim.asked.address)
            return bool(seen) and all(is_back(victim.id, state, before) for state in seen)

        returned = _until(back, _BACK_SECONDS)
        seconds = time.monotonic() - began
        decide(returned, f"after {seconds:.1f} s" if returned else f"not within {seconds:.0f} s")


def _nothing_lost(test: SmokeRun, flow: Flow) -> None:
    with test.step("read back every acknowledged message, in order", f"confluent-kafka to {flow.bootstrap}") as decide:
        trouble = flow.trouble() if flow.count else f"none was acknowledged: {', '.join(set(flow.refused)) or '?'}"
        decide(not trouble, trouble or f"{flow.count} messages; the longest gap was {flow.longest_gap:.1f} s")


def _until(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether a condition is met in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE_SECONDS)
    return True
