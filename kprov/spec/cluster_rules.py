"""The rules between the hosts of a cluster; each is one function that yields problems."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kprov.errors import Problem
from kprov.spec.listener import endpoint
from kprov.spec.model import Broker, Cluster, Host, Mode, RoleName, Server
from kprov.spec.places import Places

_MOST_SERVERS = 5
_HOSTS_WITHOUT_ROLES = 3
_RACK = "broker.rack"
# Brokers that differ in one of these do not understand each other, or each creates topics of another shape.
_ALIKE = (
    "zookeeper.connect",
    "inter.broker.protocol.version",
    "inter.broker.listener.name",
    "security.inter.broker.protocol",
    "default.replication.factor",
    "min.insync.replicas",
    "num.partitions",
    "auto.create.topics.enable",
    "unclean.leader.election.enable",
    "offsets.topic.replication.factor",
    "offsets.topic.num.partitions",
    "transaction.state.log.replication.factor",
    "transaction.state.log.min.isr",
    "transaction.state.log.num.partitions",
)


def unique(cluster: Cluster) -> Iterator[Problem]:
    """No two hosts have the same address or the same ids."""
    first: dict[tuple[str, object], int] = {}
    for index, host in enumerate(cluster.hosts):
        # One address may forward several ports.
        ids: list[tuple[str, object, object]] = [("address", host.address, (host.address, host.ssh.port))]
        ids += [("broker.id", host.broker.id, host.broker.id)] if host.plays(RoleName.BROKER) else []
        ids += [("zookeeper.id", host.zookeeper.id, host.zookeeper.id)] if host.plays(RoleName.ZOOKEEPER) else []
        for label, value, key in ids:
            taken = first.setdefault((label, key), index)
            if taken != index:
                what = f"{value} is already used by hosts[{taken}]"
                yield Problem(what, f"hosts[{index}].{label}", hint=f"give each host its own {label}")


def roles(cluster: Cluster) -> Iterator[Problem]:
    """Each role is played, by a number of hosts that makes sense, and a host has no settings of another role."""
    servers = len(cluster.playing(RoleName.ZOOKEEPER))
    without = [host.address for host in cluster.hosts if host.roles is None]
    if len(cluster.hosts) > _HOSTS_WITHOUT_ROLES and without:
        yield Problem(
            f"of {len(cluster.hosts)} hosts, these have no roles: {', '.join(without)}",
            "hosts",
            hint="in kprov.yaml, give one, three or five of them [zookeeper, broker] as roles, the others [broker]",
        )
    elif servers == 0 or cluster.brokers == 0:
        what = "ZooKeeper" if servers == 0 else "a broker"
        yield Problem(f"no host runs {what}", "hosts", hint="add it to the roles of a host")
    else:
        yield from _ensemble(cluster, servers)
    for index, host in enumerate(cluster.hosts):
        yield from _of_another_role(host, f"hosts[{index}]")


def _ensemble(cluster: Cluster, servers: int) -> Iterator[Problem]:
    if servers % 2 == 0:
        yield Problem(
            f"{servers} ZooKeeper servers survive no more failures than {servers - 1}: a majority must be up",
            "hosts",
            hint="run ZooKeeper on one, three or five hosts; in kprov.yaml, give the others roles: [broker]",
        )
    elif servers > _MOST_SERVERS:
        yield Problem(
            f"{servers} ZooKeeper servers make every change wait for {servers // 2 + 1} of them",
            "hosts",
            hint="run ZooKeeper on five hosts, which may lose two; in kprov.yaml, give the others roles: [broker]",
        )
    if cluster.zookeeper.mode is Mode.BUNDLED and len(cluster.hosts) > 1:
        yield Problem(
            "the ZooKeeper in Kafka's archive is for a single host",
            "zookeeper.mode",
            hint="remove it, or write standalone",
        )


def _of_another_role(host: Host, where: str) -> Iterator[Problem]:
    settings = [
        ("broker", RoleName.BROKER, "a broker", host.broker != Broker()),
        ("advertised", RoleName.BROKER, "a broker", host.advertised is not None),
        ("zookeeper", RoleName.ZOOKEEPER, "ZooKeeper", host.zookeeper != Server()),
    ]
    for key, role, what, given in settings:
        if given and not host.plays(role):
            yield Problem(
                f"the host does not run {what}", f"{where}.{key}", hint=f"remove {key}, or add {role} to its roles"
            )


def between_brokers(brokers: Sequence[Places]) -> Iterator[Problem]:
    """The rules between the brokers of a cluster, whose properties are valid each by itself."""
    yield from _advertised_once(brokers)
    yield from _racks(brokers)
    yield from _alike(brokers)


def _advertised_once(brokers: Sequence[Places]) -> Iterator[Problem]:
    """From 2.0 on a broker does not start if another one has its address; before, clients reach either."""
    first: dict[tuple[str, int], int] = {}
    for places in brokers:
        for item in places.broker.advertised:
            taken = first.setdefault((item.host, item.port), places.index)
            if taken != places.index:
                yield Problem(
                    f"{endpoint(item.host, item.port)} is already the address of the broker on hosts[{taken}]",
                    places.advertised,
                    hint=f"set hosts[{places.index}].advertised to the address by which clients reach this broker",
                )


def _racks(brokers: Sequence[Places]) -> Iterator[Problem]:
    """With racks on some brokers only, Kafka up to 2.x refuses to create topics, and later ones ignore the racks."""
    for places in brokers:
        rack, own = places.host.broker.rack, places.own.get(_RACK)
        if rack is not None and own is not None and rack != own:
            yield Problem(
                f"{own} is not the rack in hosts[{places.index}].broker.rack",
                places.of(_RACK),
                hint="keep one of the two",
            )
    without = [places for places in brokers if not places.broker.properties.get(_RACK)]
    if without and len(without) < len(brokers):
        for places in without:
            yield Problem(
                "this broker has no rack, and others have one",
                f"hosts[{places.index}].broker.rack",
                hint="name the rack of every broker, or of none",
            )


def _alike(brokers: Sequence[Places]) -> Iterator[Problem]:
    for name in _ALIKE:
        first = brokers[0].broker.properties.get(name) if brokers else None
        for places in brokers[1:]:
            value = places.broker.properties.get(name)
            if value != first:
                # The one that has a value of its own is to blame, not those that have the shared one.
                blamed = places if name in places.host.broker.properties else brokers[0]
                yield Problem(
                    f"{name} is {value or 'not set'} here and {first or 'not set'} on hosts[{brokers[0].index}]",
                    blamed.of(name),
                    hint=f"all brokers of a cluster need the same: set kafka.properties.{name}",
                )
