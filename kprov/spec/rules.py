"""What must hold between several values of a specification; each rule is one function that yields problems."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

from packaging.version import InvalidVersion, Version

from kprov.errors import Problem
from kprov.spec.broker import (
    broker_properties,
    listener_ports,
    log_dirs,
    own_properties,
    parse_listeners,
    zookeeper_data,
)
from kprov.spec.broker_keys import ADDRESS_KEYS, broker_keys, check_property
from kprov.spec.model import Cluster, Host, Mode

_NO_ADDRESS = {"", "0.0.0.0", "::"}  # noqa: S104 (nothing is bound to them here)
Rule = Callable[[Cluster], Iterator[Problem]]


def check(cluster: Cluster) -> list[Problem]:
    """Every problem that can be seen without a host, in the order of the rules."""
    basic = [problem for rule in (_versions, _properties, _unique) for problem in rule(cluster)]
    if basic:  # the rules below read the property values
        return basic
    return [problem for rule in (_listeners, _ports, _broker_ids, _directories, _cross) for problem in rule(cluster)]


def _versions(cluster: Cluster) -> Iterator[Problem]:
    kafka = cluster.kafka.parsed
    if kafka < Version("1.0.0") or kafka >= Version("4.0.0"):
        yield Problem(
            f"Kafka {kafka} is not one that kprov installs",
            "kafka.version",
            hint="choose one from 1.0.0 to 3.9.x; 4.0 and later have no ZooKeeper",
        )


def _property_places(cluster: Cluster) -> Iterator[tuple[str, str, str]]:
    """Each property that the user set, as (key path, name, value)."""
    for name, value in cluster.kafka.properties.items():
        yield f"kafka.properties.{name}", name, value
    for index, host in enumerate(cluster.hosts):
        for name, value in host.broker.properties.items():
            yield f"hosts[{index}].broker.properties.{name}", name, value


def _properties(cluster: Cluster) -> Iterator[Problem]:
    kafka = cluster.kafka.parsed
    for where, name, value in _property_places(cluster):
        if name == "broker.id":
            yield Problem(
                "broker.id is set in two ways", where, hint="set it as hosts[].broker.id, or with --broker-id"
            )
        elif problem := check_property(name, value, kafka):
            yield Problem(problem.what, where, hint=problem.hint)


def _unique(cluster: Cluster) -> Iterator[Problem]:
    first: dict[tuple[str, str | int], int] = {}
    for index, host in enumerate(cluster.hosts):
        for label, value in (
            ("address", host.address),
            ("broker.id", host.broker.id),
            ("zookeeper.id", host.zookeeper.id),
        ):
            taken = first.setdefault((label, value), index)
            if taken != index:
                what = f"{value} is already used by hosts[{taken}]"
                yield Problem(what, f"hosts[{index}].{label}", hint="each host needs its own")


def _listeners(cluster: Cluster) -> Iterator[Problem]:
    for index, host in enumerate(cluster.hosts):
        own = own_properties(cluster, host)
        for name in ("listeners", "advertised.listeners"):
            where = f"hosts[{index}] {name}"
            if name not in own:
                continue
            try:
                listeners = parse_listeners(own[name])
            except ValueError as error:
                what, _, hint = str(error).partition(": ")
                yield Problem(what, where, hint=hint)
                continue
            for label, values in (("name", [x.name for x in listeners]), ("port", [x.port for x in listeners])):
                for value, count in Counter(values).items():
                    if count > 1 and name == "listeners":
                        yield Problem(
                            f"the {label} {value} is used by {count} listeners", where, hint="each needs its own"
                        )
            if name == "advertised.listeners" and any(item.host in _NO_ADDRESS for item in listeners):
                yield Problem(
                    f"{own[name]!r} advertises no address that a client could use",
                    where,
                    hint="name the address by which clients reach the host",
                )
        if any(key in own for key in ADDRESS_KEYS) and "listeners" in own:
            yield Problem(
                "listeners and host.name or port are both set",
                f"hosts[{index}]",
                hint="keep listeners; the broker ignores the others",
            )


def _safe(cluster: Cluster, host: Host) -> bool:
    """Whether the listeners of the host can be read; if not, another rule has said so."""
    try:
        listener_ports(cluster, host)
        parse_listeners(broker_properties(cluster, host)["advertised.listeners"])
    except ValueError:
        return False
    return True


def _ports(cluster: Cluster) -> Iterator[Problem]:
    for index, host in enumerate(cluster.hosts):
        if not _safe(cluster, host):
            continue
        used = {cluster.zookeeper.client_port: "zookeeper.client_port"}
        if cluster.zookeeper.client_port != 22:
            used[22] = "sshd"
        for name, port in listener_ports(cluster, host).items():
            where = f"hosts[{index}] listener {name}"
            if not 1 <= port <= 65535:
                yield Problem(f"{port} is not a port", where, hint="a port is a number from 1 to 65535")
            elif port in used:
                yield Problem(f"port {port} is already used by {used[port]}", where, hint="choose another port")
            used.setdefault(port, where)


def _broker_ids(cluster: Cluster) -> Iterator[Problem]:
    for index, host in enumerate(cluster.hosts):
        own = own_properties(cluster, host)
        reserved = int(own.get("reserved.broker.max.id", "1000"))
        if own.get("broker.id.generation.enable", "true").lower() == "true" and host.broker.id > reserved:
            yield Problem(
                f"{host.broker.id} is out of range: ids above {reserved} are for generated ones",
                f"hosts[{index}].broker.id",
                hint=f"choose one from 0 to {reserved}, or raise reserved.broker.max.id",
            )
        elif host.broker.id > 2**31 - 1:
            yield Problem(f"{host.broker.id} is out of range", f"hosts[{index}].broker.id", hint="choose a smaller one")


def _directories(cluster: Cluster) -> Iterator[Problem]:
    for index, host in enumerate(cluster.hosts):
        places: list[tuple[str, str]] = [("kafka.home", cluster.kafka.home)]
        for path in log_dirs(cluster, host):
            where = f"hosts[{index}] log.dirs"
            if problem := _bad_directory(path):
                yield Problem(problem.what, where, hint=problem.hint)
            else:
                places.append((where, path))
        standalone = cluster.zookeeper.mode is Mode.STANDALONE
        if standalone:
            places.append(("zookeeper.home", cluster.zookeeper.home))
        data, logs = zookeeper_data(cluster)
        places += [("zookeeper.data_dir", data), ("zookeeper.data_log_dir", logs)]
        for (one, first), (two, second) in itertools.combinations(places, 2):
            article = not standalone and one == "kafka.home" and second.startswith(f"{first}/zk_dir/")
            if not article and _overlap(first, second):
                yield Problem(f"{second} overlaps {one} ({first})", two, hint="choose directories outside each other")


def _bad_directory(path: str) -> Problem | None:
    if not path.startswith("/"):
        return Problem(f"{path!r} is a relative path", hint=f"write an absolute one, for instance /{path.lstrip('./')}")
    parts = PurePosixPath(path).parts
    if len(parts) < 3 or ".." in parts:
        return Problem(f"{path!r} is a directory of the system or not a plain path", hint="choose one below it")
    if any(character.isspace() or character in "\"'\\$%:;`" for character in path):
        return Problem(f"{path!r} has a character that start scripts cannot carry", hint="use letters, digits, . _ - /")
    return None


def _overlap(one: str, two: str) -> bool:
    first, second = PurePosixPath(one), PurePosixPath(two)
    return first == second or first in second.parents or second in first.parents


def _cross(cluster: Cluster) -> Iterator[Problem]:
    """What the broker itself checks at its start (KafkaConfig.validateValues), told before it is started."""
    keys = broker_keys(cluster.kafka.parsed)
    for index, host in enumerate(cluster.hosts):
        values = broker_properties(cluster, host)

        def number(name: str, values: dict[str, str] = values) -> int:
            text = values.get(name, keys[name].default)
            return int(text) if text.lstrip("-").isdigit() else 0

        def wrong(name: str, what: str, hint: str, values: dict[str, str] = values, index: int = index) -> Problem:
            return Problem(f"{name}={values.get(name, keys[name].default)} {what}", f"hosts[{index}] {name}", hint=hint)

        for other in ("replica.socket.timeout.ms", "replica.lag.time.max.ms"):
            if number("replica.fetch.wait.max.ms") > number(other):
                yield wrong("replica.fetch.wait.max.ms", f"is greater than {other}={number(other)}", "lower it")
        if 0 < number("queued.max.request.bytes") < number("socket.request.max.bytes"):
            yield wrong(
                "queued.max.request.bytes", "is less than socket.request.max.bytes", "raise it, or set it to -1"
            )
        if number("log.cleaner.dedupe.buffer.size") // max(1, number("log.cleaner.threads")) <= 2**20:
            yield wrong("log.cleaner.dedupe.buffer.size", "gives a cleaner thread 1 MiB or less", "raise it")
        if {"inter.broker.listener.name", "security.inter.broker.protocol"} <= values.keys():
            yield wrong("inter.broker.listener.name", "excludes security.inter.broker.protocol", "keep one of the two")
        for factor in ("offsets.topic.replication.factor", "transaction.state.log.replication.factor"):
            if number(factor) > len(cluster.hosts):
                yield wrong(factor, f"is more than the {len(cluster.hosts)} broker(s)", "lower it")
        if not -1 <= number("offsets.commit.required.acks") <= number("offsets.topic.replication.factor"):
            yield wrong("offsets.commit.required.acks", "exceeds offsets.topic.replication.factor", "lower it")
        yield from _protocol_versions(values, cluster.kafka.parsed, index)


def _protocol_versions(values: dict[str, str], kafka: Version, index: int) -> Iterator[Problem]:
    names = ("inter.broker.protocol.version", "log.message.format.version")
    parsed: dict[str, Version] = {}
    for name in names:
        if name in values:
            try:
                parsed[name] = Version(values[name].split("-")[0])
            except InvalidVersion:
                yield Problem(f"{values[name]!r} is not a version", f"hosts[{index}] {name}", hint="for instance 1.0")
                continue
            if parsed[name].release[:2] > kafka.release[:2]:
                yield Problem(f"{values[name]} is newer than Kafka {kafka}", f"hosts[{index}] {name}", hint="lower it")
    if len(parsed) == 2 and parsed[names[1]] > parsed[names[0]]:
        yield Problem(
            f"{values[names[1]]} is newer than {names[0]}={values[names[0]]}",
            f"hosts[{index}] {names[1]}",
            hint="lower it",
        )
