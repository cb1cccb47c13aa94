"""The rules between several properties of one broker.

A broker checks most of them when it starts (KafkaConfig.validateValues), and some only when the first client connects.
kprov checks them before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from packaging.version import Version

from kprov.errors import Problem
from kprov.spec.broker_keys import ADDRESS_KEYS, broker_keys
from kprov.spec.broker_values import parse_protocol_map, parse_protocol_version
from kprov.spec.listener import Listener, reachable
from kprov.spec.places import Places

_LARGEST_INT = 2**31 - 1
_FACTORS = (
    "default.replication.factor",
    "min.insync.replicas",
    "offsets.topic.replication.factor",
    "transaction.state.log.replication.factor",
    "transaction.state.log.min.isr",
)


_IN_SYNC = (
    ("min.insync.replicas", "default.replication.factor"),
    ("transaction.state.log.min.isr", "transaction.state.log.replication.factor"),
)


class _Values:
    """The properties of one broker, with the defaults of its Kafka version."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.set: Mapping[str, str] = places.broker.properties
        self._keys = broker_keys(places.cluster.kafka.parsed)

    def text(self, name: str) -> str:
        """The value as the broker reads it."""
        return self.set[name].strip() if name in self.set else self._keys[name].default

    def number(self, name: str) -> int:
        return int(self.text(name))

    def problem(self, name: str, what: str, hint: str) -> Problem:
        """A problem with the value of that key."""
        return Problem(f"{name}={self.text(name)} {what}", self.places.of(name), hint=hint)


def listeners_alone(places: Places) -> Iterator[Problem]:
    """Every listener has a name and a port of its own."""
    here = places.broker.listeners
    for label, seen in (("name", [item.name for item in here]), ("port", [item.port for item in here])):
        for value, count in Counter(seen).items():
            if count > 1:
                yield Problem(
                    f"the {label} {value} is used by {count} listeners",
                    places.listeners,
                    hint=f"give each listener its own {label}",
                )


def listeners(places: Places) -> Iterator[Problem]:
    """Every listener has a protocol, and the advertised addresses are usable by clients."""
    own = places.own
    values = _Values(places)
    here, advertised = places.broker.listeners, places.broker.advertised
    yield from _advertised(places, here, advertised)
    yield from _protocols(values, here, advertised)
    if "listeners" in own:
        for name in ADDRESS_KEYS[:2]:
            if name in own:
                yield Problem(
                    f"{name}={own[name]} has no effect if listeners is set",
                    places.of(name),
                    hint="put it into listeners, or remove listeners",
                )
    kafka = places.cluster.kafka
    if "port" in kafka.model_fields_set and places.listeners != "kafka.port":
        setter = "listeners" if "listeners" in own else "port"
        if setter == "listeners" or int(own["port"]) != kafka.port:
            yield Problem(
                f"port {kafka.port} has no effect if {setter}={own[setter]} is set",
                "kafka.port",
                hint="keep one of the two",
            )
    if "advertised.listeners" in own:
        for name in ADDRESS_KEYS[2:]:
            if name in own:
                yield Problem(
                    f"{name}={own[name]} has no effect if advertised.listeners is set",
                    places.of(name),
                    hint=f"keep advertised.listeners and remove {name}",
                )


def _advertised(places: Places, here: tuple[Listener, ...], advertised: tuple[Listener, ...]) -> Iterator[Problem]:
    for item in advertised:
        if not reachable(item.host):
            yield Problem(
                f"clients cannot connect to the advertised listener {str(item)!r}",
                places.advertised,
                hint="advertise the address by which clients reach the host",
            )
    unknown = {item.name for item in advertised} - {item.name for item in here}
    for name in sorted(unknown):
        yield Problem(
            f"{name} is advertised, but no listener has that name",
            places.advertised if "advertised.listeners" in places.own else places.listeners,
            hint="use the same names in listeners and advertised.listeners",
        )


def _protocols(values: _Values, here: tuple[Listener, ...], advertised: tuple[Listener, ...]) -> Iterator[Problem]:
    places = values.places
    protocols = parse_protocol_map(values.text("listener.security.protocol.map"))
    for item in here:
        if item.name not in protocols:
            yield Problem(
                f"the listener {item.name} has no security protocol",
                places.listeners,
                hint=f"add it to listener.security.protocol.map, for instance {item.name}:PLAINTEXT",
            )
    names = ("inter.broker.listener.name", "security.inter.broker.protocol")
    if all(name in values.set for name in names):
        yield values.problem(names[0], f"cannot be set together with {names[1]}", "keep one of the two")
        return
    chosen = next((name for name in names if name in values.set), None)
    name = values.text(chosen or names[1]).upper()
    if name not in {item.name for item in advertised}:
        # The default listener is PLAINTEXT; with it, the chosen name is what is wrong.
        where = places.of(chosen) if chosen and "listeners" not in places.own else places.listeners
        yield Problem(
            f"brokers would connect to each other through {name}, which is not an advertised listener",
            where,
            hint=f"set inter.broker.listener.name to {' or '.join(item.name for item in advertised)}",
        )


def broker_id(places: Places) -> Iterator[Problem]:
    """Ids above reserved.broker.max.id are reserved for generated ids."""
    values, number = _Values(places), places.host.broker.id
    where = f"hosts[{places.index}].broker.id"
    reserved = values.number("reserved.broker.max.id")
    if values.text("broker.id.generation.enable").lower() == "true" and number > reserved:
        yield Problem(
            f"{number} is out of range: ids above {reserved} are reserved for generated ids",
            where,
            hint=f"choose one from 0 to {reserved}, or raise reserved.broker.max.id",
        )
    elif number > _LARGEST_INT:
        yield Problem(f"{number} is out of range", where, hint=f"choose one from 0 to {_LARGEST_INT}")


def cross(places: Places) -> Iterator[Problem]:
    """Numbers and versions that limit each other."""
    values = _Values(places)
    brokers = places.cluster.brokers
    number, problem = values.number, values.problem
    for other in ("replica.socket.timeout.ms", "replica.lag.time.max.ms"):
        if number("replica.fetch.wait.max.ms") > number(other):
            yield _more(values, "replica.fetch.wait.max.ms", other)
    if 0 < number("queued.max.request.bytes") < number("socket.request.max.bytes"):
        limit = number("socket.request.max.bytes")
        yield problem(
            "queued.max.request.bytes", f"is less than socket.request.max.bytes={limit}", "raise it, or set it to -1"
        )
    if number("log.cleaner.dedupe.buffer.size") // max(1, number("log.cleaner.threads")) <= 2**20:
        name = "log.cleaner.dedupe.buffer.size"
        if name in values.set:
            yield problem(
                name, f"gives each of the {number('log.cleaner.threads')} cleaner threads 1 MiB or less", "raise it"
            )
        else:
            yield problem("log.cleaner.threads", f"leaves each thread 1 MiB or less of {name}", "lower it")
    for factor in _FACTORS:
        if factor in values.set and number(factor) > brokers:
            count = "one broker" if brokers == 1 else f"{brokers} brokers"
            yield problem(factor, f"is too high for {count}", f"lower it to {brokers} or less")
    for isr, replicas in _IN_SYNC:
        # Otherwise such a topic could not be written with acks=all.
        if number(replicas) < number(isr) <= brokers:
            yield _more(values, isr, replicas)
    acks, factor = "offsets.commit.required.acks", "offsets.topic.replication.factor"
    if acks in broker_keys(places.cluster.kafka.parsed) and not -1 <= number(acks) <= number(factor):
        yield problem(
            acks,
            f"is not between -1 and {factor}={number(factor)}",
            f"choose a value from -1 to {number(factor)}, or remove it",
        )
    yield from _protocol_versions(values)


def _more(values: _Values, greater: str, bound: str) -> Problem:
    """The problem that ``greater`` exceeds its bound, placed at the one that the user set."""
    if bound in values.places.own and greater not in values.places.own:
        return values.problem(bound, f"is less than {greater}={values.number(greater)}", "raise it")
    return values.problem(greater, f"is more than {bound}={values.number(bound)}", "lower it")


def _protocol_versions(values: _Values) -> Iterator[Problem]:
    """The message format must not be later than the protocol; from 3.0 on the broker ignores the format."""
    if values.places.cluster.kafka.parsed >= Version("3.0.0"):
        return
    name, bounded = "inter.broker.protocol.version", "log.message.format.version"
    limit, format_version = parse_protocol_version(values.text(name)), parse_protocol_version(values.text(bounded))
    if limit is None or format_version is None or format_version.release[:2] <= limit.release[:2]:
        return
    if bounded in values.set:
        yield values.problem(bounded, f"is newer than {name}={values.text(name)}", "lower it")
    else:
        yield values.problem(
            name, f"is older than {bounded}={values.text(bounded)}, its default", f"set {bounded} to the same version"
        )
