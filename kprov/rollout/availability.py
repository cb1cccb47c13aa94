"""Whether a broker may stop now, and whether it is back, judged by what the other brokers say of the cluster. Pure.

Kafka itself does not ask: a controlled shutdown moves leaders, and looks neither at min.insync.replicas nor at
partitions that have a single replica (KafkaController.doControlledShutdown in 1.0.0, 2.8.2 and 3.5.2).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True)
class Partition:
    """A partition as metadata name it.

    leader: the id of its broker, None if it has none. replicas, in_sync: ids of brokers. minimum: the effective
    min.insync.replicas of its topic, None if no broker says it.
    """

    topic: str
    number: int
    leader: int | None
    replicas: frozenset[int]
    in_sync: frozenset[int]
    minimum: int | None

    @property
    def name(self) -> str:
        return f"{self.topic}-{self.number}"


@dataclass(frozen=True)
class ClusterState:
    """A cluster as one broker sees it.

    brokers: the ids of those that are registered. controller: its id, None while none is elected. moving: whether
    replicas are being reassigned.
    """

    brokers: frozenset[int]
    controller: int | None
    partitions: tuple[Partition, ...]
    moving: bool = False


class Cause(StrEnum):
    """What speaks against the stop of a broker. The words continue ``orders-3``, or stand alone."""

    BROKER_MISSING = "a broker is not registered"
    NO_CONTROLLER = "no controller is elected"
    TOO_FEW_ANSWERS = "fewer than two brokers answer"
    DISAGREEMENT = "the brokers do not agree about the cluster"
    MOVING = "replicas are being reassigned"
    OFFLINE = "has no leader"
    LAST_IN_SYNC = "has no other replica in sync"
    BELOW_MINIMUM = "would have fewer replicas in sync than min.insync.replicas"
    NOT_IN_SYNC = "has replicas that are not in sync"
    SINGLE_REPLICA = "has a single replica"
    NONE_TO_SPARE = "needs all of its replicas in sync"
    MINIMUM_UNKNOWN = "has a min.insync.replicas that no broker says"


# No waiting and no order helps against these: somebody must allow the downtime.
_LASTING = {Cause.SINGLE_REPLICA, Cause.NONE_TO_SPARE}


@dataclass(frozen=True)
class Holdup:
    """One thing that speaks against the stop. partition: None if it is about the whole cluster."""

    cause: Cause
    partition: Partition | None = None
    broker: int | None = None

    def __str__(self) -> str:
        if self.partition is not None:
            return f"{self.partition.name} {self.cause}"
        return str(self.cause) if self.broker is None else f"{self.cause}: {self.broker}"


@dataclass(frozen=True)
class Judgement:
    """Whether a broker may stop. waits: what passes by waiting. lasting: what no order can avoid."""

    waits: tuple[Holdup, ...] = ()
    lasting: tuple[Holdup, ...] = ()

    def allows(self, *, downtime: bool = False) -> bool:
        """Whether the broker may stop; downtime: whether the partitions that it alone can serve may be unavailable."""
        return not self.waits and (downtime or not self.lasting)


def may_stop(broker: int, states: Collection[ClusterState], expected: Collection[int]) -> Judgement:
    """Judge whether a broker may stop now.

    states: the cluster as the controller and at least one other broker see it, if there is another one; a broker that
    was cut off from ZooKeeper gives old answers for ever, so what only one of them says counts as well. expected: the
    ids of all brokers.
    """
    found = dict.fromkeys(holdup for state in states for holdup in _holdups(broker, state, expected))
    if len(states) < min(2, len(expected)):
        found[Holdup(Cause.TOO_FEW_ANSWERS)] = None
    if len({(state.brokers, state.controller) for state in states}) > 1:
        found[Holdup(Cause.DISAGREEMENT)] = None
    return Judgement(
        tuple(item for item in found if item.cause not in _LASTING),
        tuple(item for item in found if item.cause in _LASTING),
    )


def _holdups(broker: int, state: ClusterState, expected: Collection[int]) -> Iterator[Holdup]:
    for missing in sorted(set(expected) - state.brokers):
        yield Holdup(Cause.BROKER_MISSING, broker=missing)
    if state.controller is None:
        yield Holdup(Cause.NO_CONTROLLER)
    if state.moving:
        yield Holdup(Cause.MOVING)
    for partition in state.partitions:
        if partition.leader is None or partition.leader not in state.brokers:
            yield Holdup(Cause.OFFLINE, partition)
        elif broker in partition.replicas and (cause := _of_partition(broker, partition)):
            yield Holdup(cause, partition)


def _of_partition(broker: int, partition: Partition) -> Cause | None:
    """What the partition loses by the stop of one of its replicas; None if it can spare it."""
    count, rest = len(partition.replicas), partition.in_sync - {broker}
    if count == 1:
        return Cause.SINGLE_REPLICA
    if not rest:
        return Cause.LAST_IN_SYNC
    minimum = partition.minimum
    if len(partition.in_sync) < count:
        # Also if min.insync.replicas is 1: the second last copy of messages with acks=1 must not go.
        below = minimum is not None and len(rest) < minimum <= count - 1
        return Cause.BELOW_MINIMUM if below else Cause.NOT_IN_SYNC
    if minimum is None:
        return Cause.MINIMUM_UNKNOWN
    return Cause.NONE_TO_SPARE if len(rest) < minimum else None


def is_back(broker: int, state: ClusterState, before: ClusterState) -> bool:
    """Whether a broker that was started serves again and has caught up, as the controller sees it.

    before: the same before the stop. A broker that has just started, or been elected controller, knows fewer brokers
    and partitions than there are for a moment, and so finds nothing wrong with them.
    """
    known = {(partition.topic, partition.number) for partition in state.partitions}
    return (
        broker in state.brokers
        and before.brokers <= state.brokers | {broker}
        and known >= {(partition.topic, partition.number) for partition in before.partitions}
        and all(broker in partition.in_sync for partition in state.partitions if broker in partition.replicas)
    )
