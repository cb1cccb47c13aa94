"""status for several hosts: whether the cluster serves, what each node does, and which replicas are behind."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from kprov.errors import ExitCode, KprovError, PreflightError
from kprov.host.connection import Connection
from kprov.operations.fleet import Fleet
from kprov.operations.report import NextStep, Report
from kprov.operations.session import installed_node, peek_receipt
from kprov.operations.status import Status, status
from kprov.operations.status import report as report_of_one
from kprov.operations.verdict import HostState
from kprov.rollout.availability import ClusterState, Partition
from kprov.rollout.health import Asked, Brokers, Ensemble, brokers, ensemble, states
from kprov.rollout.together import together
from kprov.spec.model import RoleName
from kprov.topology import Node

_WATCH_SECONDS = 2.0


@dataclass(frozen=True)
class NodeStatus:
    """One node of a cluster. status: None if it could not be read; ``why`` then says why.

    mode: of its ZooKeeper server: leader, follower, standalone; empty if it does not serve. broker: its id, None
    without a broker. controller: whether its broker is the controller. registered: whether every broker that answers
    knows its broker.
    """

    host: str
    status: Status | None
    why: str = ""
    roles: tuple[str, ...] = ()
    mode: str = ""
    broker: int | None = None
    controller: bool = False
    registered: bool = False


@dataclass(frozen=True)
class Replicas:
    """The partitions of a cluster: how many, and the names of those that lack something.

    offline: without a leader. behind: with replicas that are not in sync. below: with fewer in sync than
    min.insync.replicas.
    """

    partitions: int
    offline: tuple[str, ...]
    behind: tuple[str, ...]
    below: tuple[str, ...]


@dataclass(frozen=True)
class ClusterStatus:
    """A cluster as status shows it.

    name: of the cluster, empty if it has none. nodes: in the order of the settings. replicas: None if no broker says
    anything about them. troubles: why the cluster is not whole, in words.
    """

    name: str
    nodes: tuple[NodeStatus, ...]
    replicas: Replicas | None
    troubles: tuple[str, ...]

    @property
    def state(self) -> HostState:
        """Serving: every node serves, and nothing is missing in between."""
        if all(node.status is not None and node.status.serving for node in self.nodes) and not self.troubles:
            return HostState.SERVING
        readable = any(node.status is not None for node in self.nodes)
        return HostState.NOT_SERVING if readable else HostState.UNKNOWN

    @property
    def available(self) -> bool:
        """Whether clients are served although something is missing: every partition has enough replicas in sync."""
        return self.replicas is not None and not self.replicas.offline and not self.replicas.below


def report(found: Fleet, *, exit_code: bool = False) -> Report:
    """The status of one host or of a cluster. exit_code: whether it is an exit code that not everything serves.

    Raises what ``status`` raises for a single host.
    """
    result = cluster_report(found) if found.several else report_of_one(found.connections[0])
    return replace(result, code=ExitCode.NOT_READY) if exit_code and not _serves(result) else result


def _serves(result: Report) -> bool:
    item = result.data[0]
    return (
        item.state is HostState.SERVING
        if isinstance(item, ClusterStatus)
        else isinstance(item, Status) and item.serving
    )


def watch(found: Fleet, show: Callable[[Report], None]) -> Report:
    """Show the status again and again until Ctrl-C, which is the normal end."""
    with suppress(KeyboardInterrupt):
        while True:
            show(report(found))
            time.sleep(_WATCH_SECONDS)
    return Report("status")


def cluster_report(found: Fleet) -> Report:
    """The status of a cluster. A node that cannot be reached or read is shown as that."""
    nodes = together([partial(_status, connection) for connection in found.connections], found.abandon)
    known = [item for item in nodes if not isinstance(item, KprovError)]
    if not known:
        raise next(item for item in nodes if isinstance(item, KprovError))
    asked = [
        Asked(connection, item[0])
        for connection, item in zip(found.connections, nodes, strict=True)
        if not isinstance(item, KprovError)
    ]
    servers, kafka = ensemble(asked), brokers(asked)
    shown = [
        NodeStatus(connection.login.name, None, _why(item))
        if isinstance(item, KprovError)
        else _node(item[1], item[0], servers, kafka)
        for connection, item in zip(found.connections, nodes, strict=True)
    ]
    shown += [NodeStatus(name, None, _why(error)) for name, error in found.unreachable]
    order = [host.address for host in known[0][0].cluster.hosts]
    places = {connection.login.name: connection.login.hostname for connection in found.connections}
    shown.sort(key=lambda node: _place(order, places.get(node.host, node.host)))
    seen = states(asked) if kafka.said else []
    replicas = _replicas(seen)
    troubles = [text for text in (servers.trouble if servers.servers else "", kafka.trouble, *_lacks(replicas)) if text]
    result = ClusterStatus(known[0][0].cluster.name or "", tuple(shown), replicas, tuple(dict.fromkeys(troubles)))
    following = next((node.status.verdict.next for node in shown if node.status and node.status.verdict.next), "")
    return Report("status", (result, NextStep(f"kprov {following} HOST")) if following else (result,))


def _status(connection: Connection) -> tuple[Node, Status] | KprovError:
    try:
        receipt = peek_receipt(connection)
        found = status(connection)
        return installed_node(receipt), found
    except KprovError as error:
        return error


def _place(order: Sequence[str], address: str) -> int:
    return order.index(address) if address in order else len(order)


def _why(error: KprovError) -> str:
    what = error.problems[0].what
    return f"not installed: {what}" if isinstance(error, PreflightError) else what


def _node(found: Status, node: Node, servers: Ensemble, kafka: Brokers) -> NodeStatus:
    address = node.host.address
    mode = next((server.mode for server in servers.servers if server.address == address), "")
    id_ = node.broker.id if RoleName.BROKER in node.roles else None
    known = [{broker.id for broker in seen.brokers} for seen in kafka.said.values()]
    return NodeStatus(
        found.host,
        found,
        roles=tuple(node.roles),
        mode=mode,
        broker=id_,
        controller=kafka.controller == address,
        registered=bool(known) and all(id_ in ids for ids in known),
    )


def _replicas(seen: Sequence[ClusterState]) -> Replicas | None:
    """What any of the states lacks counts."""
    if not seen:
        return None
    every = [partition for state in seen for partition in state.partitions]

    def named(items: Sequence[Partition]) -> tuple[str, ...]:
        return tuple(sorted({item.name for item in items}))

    return Replicas(
        len({item.name for item in every}),
        named([item for item in every if item.leader is None]),
        named([item for item in every if len(item.in_sync) < len(item.replicas)]),
        named([item for item in every if len(item.in_sync) < _needed(item)]),
    )


def _needed(partition: Partition) -> int:
    """How many replicas must be in sync for messages to be taken; all of them if no broker says how many."""
    count = len(partition.replicas)
    return count if partition.minimum is None else min(partition.minimum, count)


def _lacks(replicas: Replicas | None) -> list[str]:
    if replicas is None:
        return ["no broker says anything about the partitions"]
    found = []
    for names, what in (
        (replicas.offline, "without a leader"),
        (replicas.below, "with fewer replicas in sync than min.insync.replicas"),
        (replicas.behind, "with replicas that are not in sync"),
    ):
        if names:
            listed = f"{', '.join(names[:3])}{' ...' if len(names) > 3 else ''}"
            found.append(f"{len(names)} of {replicas.partitions} partitions {what}: {listed}")
    return found
