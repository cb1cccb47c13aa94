"""What the services of a cluster say about it, asked through the connections to its nodes.

No answer is believed alone. Of the ensemble, every server is asked. Of the brokers, the controller and another one are
asked, since a broker that was cut off from ZooKeeper gives old answers for ever; and which replicas are in sync is read
from ZooKeeper as well, where the leaders write it: until 2.7, metadata say so up to seconds later (KIP-497).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from packaging.version import Version

from kprov.errors import PreflightError
from kprov.host.connection import Connection
from kprov.host.forwarded import ForwardingForbiddenError, UnansweredError, ask
from kprov.queries import (
    Metadata,
    Query,
    TopicSeen,
    four_letter_word,
    metadata,
    minimums,
    node_data,
    node_exists,
    reassigning,
)
from kprov.rollout.availability import ClusterState, Partition
from kprov.rollout.together import together
from kprov.spec.model import RoleName
from kprov.topology import Node

T = TypeVar("T")

_SECONDS = 5.0
_SLICE = 500  # nodes of ZooKeeper in one question
_LISTS_REASSIGNMENTS_SINCE = Version("2.4")
_ADDS_A_NODE_SINCE = Version("3.5")
_LEADER, _FOLLOWER, _STANDALONE = "leader", "follower", "standalone"


@dataclass(frozen=True)
class Asked:
    """A node whose services are asked."""

    connection: Connection
    node: Node

    @property
    def address(self) -> str:
        return self.node.host.address

    def ask_broker(self, query: Query[T]) -> T:
        """Raises UnansweredError."""
        return self._ask(*self.node.broker.local_endpoint, query)

    def ask_zookeeper(self, query: Query[T]) -> T:
        """Raises UnansweredError."""
        return self._ask("localhost", self.node.cluster.zookeeper.client_port, query)

    def _ask(self, address: str, port: int, query: Query[T]) -> T:
        try:
            return ask(self.connection, address, port, query, seconds=_SECONDS)
        except ForwardingForbiddenError as error:
            raise PreflightError(
                "the services of this host cannot be asked: sshd does not forward, and there is no bash",
                where=self.connection.login.name,
                cause=str(error),
                hint="set AllowTcpForwarding yes in /etc/ssh/sshd_config, or install bash",
            ) from None


@dataclass(frozen=True)
class Server:
    """A ZooKeeper server as it describes itself.

    mode: empty if it does not serve. nodes: how many its tree has, without the one that 3.5 and later add by themselves
    (/zookeeper/config): while an ensemble is upgraded, only some of its servers have it.
    """

    address: str
    mode: str = ""
    nodes: int = 0


@dataclass(frozen=True)
class Ensemble:
    """All ZooKeeper servers of a cluster, as each describes itself."""

    servers: tuple[Server, ...]

    @property
    def leader(self) -> str | None:
        """The address of the leader, or of the only server; None if there is not exactly one."""
        leading = [server.address for server in self.servers if server.mode in {_LEADER, _STANDALONE}]
        return leading[0] if len(leading) == 1 else None

    @property
    def serves(self) -> bool:
        """Whether any of them serves."""
        return any(server.mode for server in self.servers)

    @property
    def trouble(self) -> str:
        """Why it is not whole, as a sentence without a full stop; empty if it is.

        Whole: one leader, all others follow it, and all trees have the same size. Servers that do not know each other
        are each a leader, or standalone.
        """
        silent = [server.address for server in self.servers if not server.mode]
        if silent:
            return f"ZooKeeper does not serve on {', '.join(silent)}"
        wanted = sorted([_LEADER, *[_FOLLOWER] * (len(self.servers) - 1)]) if len(self.servers) > 1 else [_STANDALONE]
        if sorted(server.mode for server in self.servers) != wanted:
            found = ", ".join(f"{server.address} is {server.mode}" for server in self.servers)
            return f"the ZooKeeper servers are not one ensemble: {found}"
        if len({server.nodes for server in self.servers}) > 1:
            found = ", ".join(f"{server.nodes} on {server.address}" for server in self.servers)
            return f"the ZooKeeper servers do not have the same number of nodes: {found}"
        return ""


def playing(members: Sequence[Asked], role: RoleName) -> list[Asked]:
    """Those that play a role."""
    return [member for member in members if role in member.node.roles]


def ensemble(members: Sequence[Asked]) -> Ensemble:
    """Ask every ZooKeeper server."""
    servers = playing(members, RoleName.ZOOKEEPER)
    return Ensemble(tuple(together([_later(_server, member) for member in servers]) if servers else ()))


def _server(member: Asked) -> Server:
    try:
        said = member.ask_zookeeper(four_letter_word("srvr"))
    except UnansweredError:
        return Server(member.address)
    mode = re.search(r"^Mode: (\w+)", said, re.MULTILINE)
    nodes = re.search(r"^Node count: (\d+)", said, re.MULTILINE)
    version = re.search(r"^Zookeeper version: (\d+\.\d+)", said, re.MULTILINE)
    added = 1 if version and Version(version[1]) >= _ADDS_A_NODE_SINCE else 0
    return Server(member.address, mode[1] if mode else "", int(nodes[1]) - added if nodes else 0)


@dataclass(frozen=True)
class Brokers:
    """What every broker of a cluster that answers says about it, by its address."""

    said: Mapping[str, Metadata]
    ids: Mapping[str, int]

    @property
    def controller(self) -> str | None:
        """The address of the controller; None if there is none, or the brokers do not agree."""
        controllers = {seen.controller for seen in self.said.values()}
        return next((address for address, id_ in self.ids.items() if controllers == {id_}), None)

    @property
    def trouble(self) -> str:
        """Why the cluster is not whole, as a sentence without a full stop; empty if every broker names all of them."""
        if silent := [address for address in self.ids if address not in self.said]:
            return f"the broker does not answer on {', '.join(silent)}"
        for address, seen in self.said.items():
            if missing := set(self.ids.values()) - {broker.id for broker in seen.brokers}:
                listed = ", ".join(map(str, sorted(missing)))
                return f"the broker on {address} does not know broker {listed}"
        return "" if self.controller is not None else "the brokers do not agree on a controller"


def brokers(members: Sequence[Asked]) -> Brokers:
    """Ask every broker."""
    asked = playing(members, RoleName.BROKER)
    answers = together([_later(_metadata, member) for member in asked]) if asked else []
    said = {member.address: seen for member, seen in zip(asked, answers, strict=True) if seen is not None}
    return Brokers(said, {member.address: member.node.broker.id for member in asked})


def _metadata(member: Asked) -> Metadata | None:
    try:
        return member.ask_broker(metadata(every_topic=True))
    except UnansweredError:
        return None


def states(members: Sequence[Asked], without: str = "") -> list[ClusterState]:
    """The cluster as the controller sees it, as another broker does, and with what ZooKeeper has of the replicas.

    without: the address of a broker that is not asked, since it has just started. Fewer than two states mean that
    fewer than two brokers answered.
    """
    found = brokers(members)
    by_id = {found.ids[address]: address for address in found.said if address != without}
    first = next((by_id[seen.controller] for seen in found.said.values() if seen.controller in by_id), None)
    order = [address for address in (first, *by_id.values()) if address is not None]
    asked = [member for address in dict.fromkeys(order) for member in members if member.address == address][:2]
    if not asked:
        return []
    topics = found.said[asked[0].address].topics
    least = _minimums(asked[0], [topic.name for topic in topics if not topic.error])
    moving = _moving(members, asked[0])
    seen = [_state(found.said[member.address], least, moving=moving) for member in asked]
    # One answer stays one: the judgement must know that there was no second.
    return [*seen, _with_written(members, seen[0])] if len(seen) >= min(2, len(found.ids)) else seen


def _minimums(member: Asked, topics: Sequence[str]) -> Mapping[str, int]:
    if not topics:
        return {}
    try:
        return member.ask_broker(minimums(topics))
    except UnansweredError:
        return {}


def _moving(members: Sequence[Asked], controller: Asked) -> bool:
    """Whether replicas are being reassigned: a node of ZooKeeper says so, and from 2.4 on the controller."""
    node = f"{_root(controller.node)}/admin/reassign_partitions"
    if _first_answer(members, node_exists(node)):
        return True
    if controller.node.broker.version < _LISTS_REASSIGNMENTS_SINCE:
        return False
    try:
        return controller.ask_broker(reassigning())
    except UnansweredError:  # an older one still runs during an upgrade
        return False


def _state(seen: Metadata, least: Mapping[str, int], *, moving: bool) -> ClusterState:
    partitions = [partition for topic in seen.topics for partition in _partitions(topic, least)]
    return ClusterState(frozenset(broker.id for broker in seen.brokers), seen.controller, tuple(partitions), moving)


def _partitions(topic: TopicSeen, least: Mapping[str, int]) -> Iterator[Partition]:
    for item in topic.partitions:
        replicas, in_sync = frozenset(item.replicas), frozenset(item.in_sync)
        yield Partition(topic.name, item.number, item.leader, replicas, in_sync, least.get(topic.name))


def _with_written(members: Sequence[Asked], state: ClusterState) -> ClusterState:
    """The state with leaders and replicas in sync as ZooKeeper has them."""
    root = _root(members[0].node)
    written: list[Partition] = []
    for start in range(0, len(state.partitions), _SLICE):
        some = state.partitions[start : start + _SLICE]
        paths = [f"{root}/brokers/topics/{item.topic}/partitions/{item.number}/state" for item in some]
        found = _first_answer(members, node_data(paths)) or ()
        written += [
            _as_written(partition, data) for partition, data in zip(some, found or (None,) * len(some), strict=True)
        ]
    return replace(state, partitions=tuple(written))


def _as_written(partition: Partition, data: bytes | None) -> Partition:
    """The partition with what ZooKeeper has of it; as it is if ZooKeeper has nothing, since its topic was deleted."""
    if data is None:
        return partition
    node = json.loads(data)
    leader = node["leader"] if node["leader"] >= 0 else None
    return replace(partition, leader=leader, in_sync=frozenset(node["isr"]))


def _first_answer(members: Sequence[Asked], query: Query[T]) -> T | None:
    """The answer of the first ZooKeeper server that gives one."""
    for member in playing(members, RoleName.ZOOKEEPER):
        try:
            return member.ask_zookeeper(query)
        except UnansweredError:
            continue
    return None


def _root(node: Node) -> str:
    """The node of ZooKeeper below which Kafka's are; empty if they are at the top."""
    root = node.zookeeper_connect.partition("/")[2]
    return f"/{root}" if root else ""


def _later(work: Callable[[Asked], T], member: Asked) -> Callable[[], T]:
    return lambda: work(member)
