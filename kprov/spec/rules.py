"""The rules between several values of a specification; each rule is one function that yields problems."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Set

from packaging.version import Version

from kprov.errors import Problem
from kprov.spec import broker_rules, cluster_rules
from kprov.spec.broker_keys import check_plugin_property, check_property
from kprov.spec.directory import overlap
from kprov.spec.model import Broker, Cluster, Kafka, Mode, RoleName
from kprov.spec.places import Places
from kprov.spec.zookeeper import BUNDLED_FOLDER, ELECTION_PORT, PEER_PORT, zookeeper_data

_FIRST_FREE_PORT = 1024  # below it only root may listen (ip_unprivileged_port_start)
_SSH_PORT = 22
_RULES = (broker_rules.listeners_alone, broker_rules.listeners, broker_rules.broker_id, broker_rules.cross)


def check(cluster: Cluster) -> list[Problem]:
    """Every problem that can be found without a host, in the order of the rules; each place is a key path."""
    problems = [*_versions(cluster), *cluster_rules.unique(cluster), *cluster_rules.roles(cluster)]
    if not any(
        problem.where == "kafka.version" for problem in problems
    ):  # the version decides which properties are valid
        wrong = wrong_properties(cluster, cluster.kafka.parsed)
        sound = _without(cluster, wrong.keys())
        problems += wrong.values()
        hosts = [Places(sound, index) for index in range(len(sound.hosts))]
        brokers = [places for places in hosts if places.host.plays(RoleName.BROKER)]
        for places in hosts:
            problems += _root_ports(places)
            problems += _ports(places)
            problems += _directories(places)
        for places in brokers:
            problems += _overlapping_data(places)
            problems += _twice(places)
            for rule in _RULES:
                problems += rule(places)
        problems += cluster_rules.between_brokers(brokers)
    return list(dict.fromkeys(problems))


def check_alone(cluster: Cluster, kafka: Version | None) -> list[Problem]:
    """The problems that do not depend on the settings that a host already has.

    kafka: the version, if this run gives one. With None, values that only some versions refuse are not reported.
    """
    problems = list(_versions(cluster)) if kafka is not None else []
    if problems:
        return problems
    wrong = wrong_properties(cluster, kafka)
    sound = _without(cluster, wrong.keys())
    problems += wrong.values()
    for index in range(len(sound.hosts)):
        places = Places(sound, index)
        problems += _root_ports(places)
        problems += _overlapping_data(places)
        problems += broker_rules.listeners_alone(places)
    return list(dict.fromkeys(problems))


def wrong_properties(cluster: Cluster, kafka: Version | None) -> dict[str, Problem]:
    """The properties with a wrong name or value, by key path. kafka: None if the version is unknown."""
    found: dict[str, Problem] = {}
    for where, name, value, plugins in _set_properties(cluster):
        check_one = check_plugin_property if plugins else check_property
        if problem := check_one(name, value, kafka):
            found[where] = Problem(problem.what, where, hint=problem.hint)
    return found


def _set_properties(cluster: Cluster) -> Iterator[tuple[str, str, str, bool]]:
    """Each property that the user set, as (key path, name, value, whether it is for a plugin)."""
    groups = [("kafka", cluster.kafka.properties, cluster.kafka.plugin_properties)]
    for index, host in enumerate(cluster.hosts):
        groups.append((f"hosts[{index}].broker", host.broker.properties, host.broker.plugin_properties))
    for where, properties, plugins in groups:
        for name, value in properties.items():
            yield f"{where}.properties.{name}", name, value, False
        for name, value in plugins.items():
            yield f"{where}.plugin_properties.{name}", name, value, True


def _without(cluster: Cluster, wrong: Set[str]) -> Cluster:
    """The cluster without those properties, so that the rest can be checked."""
    if not wrong:
        return cluster

    def kept(prefix: str, properties: Mapping[str, str]) -> dict[str, str]:
        return {name: value for name, value in properties.items() if f"{prefix}.{name}" not in wrong}

    def sound(prefix: str, part: Kafka | Broker) -> dict[str, dict[str, str]]:
        return {
            "properties": kept(f"{prefix}.properties", part.properties),
            "plugin_properties": kept(f"{prefix}.plugin_properties", part.plugin_properties),
        }

    hosts = tuple(
        host.model_copy(update={"broker": host.broker.model_copy(update=sound(f"hosts[{index}].broker", host.broker))})
        for index, host in enumerate(cluster.hosts)
    )
    kafka = cluster.kafka.model_copy(update=sound("kafka", cluster.kafka))
    return cluster.model_copy(update={"kafka": kafka, "hosts": hosts})


def _versions(cluster: Cluster) -> Iterator[Problem]:
    kafka = cluster.kafka.parsed
    if kafka < Version("1.0.0") or kafka >= Version("4.0.0"):
        yield Problem(
            f"kprov does not install Kafka {kafka}",
            "kafka.version",
            hint="choose a version from 1.0.0 to 3.9.x; 4.0 and later have no ZooKeeper",
        )
    if cluster.kafka.protocol is not None and Version(cluster.kafka.protocol) > kafka:
        yield Problem(
            f"protocol {cluster.kafka.protocol} is later than Kafka {kafka}",
            "kafka.protocol",
            hint=f"remove it, or set it to {kafka.major}.{kafka.minor} or earlier",
        )


def _wanted_ports(places: Places) -> list[tuple[int, str]]:
    """The ports that the services need, each with the key path that sets it."""
    cluster, host = places.cluster, places.host
    wanted = [(cluster.zookeeper.client_port, "zookeeper.client_port")] if host.plays(RoleName.ZOOKEEPER) else []
    if host.plays(RoleName.BROKER):
        wanted += [(port, places.listeners) for port in sorted(set(places.broker.ports.values()))]
        wanted += [(cluster.kafka.jmx_port, "kafka.jmx_port")] if cluster.kafka.jmx_port else []
    return wanted


def _root_ports(places: Places) -> Iterator[Problem]:
    """The services do not run as root, so they cannot use the ports below 1024."""
    for port, where in _wanted_ports(places):
        if port < _FIRST_FREE_PORT and port != (places.host.ssh.port or _SSH_PORT):
            yield Problem(
                f"only root may listen on port {port}, and the services do not run as root",
                where,
                hint=f"choose a port from {_FIRST_FREE_PORT} to 65535",
            )


def _ports(places: Places) -> Iterator[Problem]:
    """Each port is used only once on a host."""
    cluster = places.cluster
    taken = {places.host.ssh.port or _SSH_PORT: "sshd"}
    if places.host.plays(RoleName.ZOOKEEPER) and len(cluster.playing(RoleName.ZOOKEEPER)) > 1:
        taken |= dict.fromkeys((PEER_PORT, ELECTION_PORT), "the ZooKeeper servers among themselves")
    used = dict(taken)
    for port, where in _wanted_ports(places):
        if port in used:
            # Report the port that the user set, not the default that it conflicts with.
            blamed, other = (used[port], where) if _is_default(cluster, where) else (where, used[port])
            if blamed in taken.values():
                blamed, other = other, blamed
            yield Problem(f"port {port} is already used by {other}", blamed, hint="choose another port")
        used.setdefault(port, where)


def _is_default(cluster: Cluster, where: str) -> bool:
    return where == "kafka.port" and "port" not in cluster.kafka.model_fields_set


def _directories(places: Places) -> Iterator[Problem]:
    """No directory is inside another, except the bundled ZooKeeper's data in Kafka's home, as in the article."""
    cluster = places.cluster
    standalone = cluster.zookeeper.mode is Mode.STANDALONE
    data, logs = zookeeper_data(cluster)
    broker, server = (places.host.plays(role) for role in (RoleName.BROKER, RoleName.ZOOKEEPER))
    given = [("kafka.home", cluster.kafka.home)] if broker else []
    given += [("zookeeper.home", cluster.zookeeper.home)] if server and standalone else []
    given += [("zookeeper.data_dir", data), ("zookeeper.data_log_dir", logs)] if server else []
    given += [(places.of("log.dirs"), path) for path in places.broker.log_dirs] if broker else []
    for (one, first), (two, second) in itertools.combinations(given, 2):
        article = not standalone and one == "kafka.home" and second.startswith(f"{first}/{BUNDLED_FOLDER}/")
        if article or not overlap(first, second):
            continue
        if one == two:
            continue
        yield Problem(f"{second} overlaps {one} ({first})", two, hint="choose directories that do not overlap")


def _overlapping_data(places: Places) -> Iterator[Problem]:
    """No directory of log.dirs is inside another."""
    for first, second in itertools.combinations(places.broker.log_dirs, 2):
        if overlap(first, second):
            what = f"{second} is listed twice" if first == second else f"{second} and {first} overlap"
            yield Problem(what, places.of("log.dirs"), hint="choose directories that do not overlap")


def _twice(places: Places) -> Iterator[Problem]:
    """A property is either for the broker or for a plugin."""
    for name in sorted(places.own.keys() & places.broker.plugin_properties.keys()):
        yield Problem(f"{name} is also among plugin_properties", places.of(name), hint="keep one of the two")
