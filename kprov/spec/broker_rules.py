"""What must hold between the properties of one broker, told before it is started.

The broker finds most of it at its start (KafkaConfig.validateValues) and exits; some of it only when the first
client comes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from packaging.version import Version

from kprov.errors import Problem
from kprov.spec.broker import broker_properties
from kprov.spec.broker_keys import ADDRESS_KEYS, broker_keys
from kprov.spec.broker_values import parse_protocol_map, parse_protocol_version
from kprov.spec.listener import Listener, parse_listeners, reachable
from kprov.spec.places import Places

_LARGEST_INT = 2**31 - 1
_FACTORS = (
    "default.replication.factor",
    "min.insync.replicas",
    "offsets.topic.replication.factor",
    "transaction.state.log.replication.factor",
    "transaction.state.log.min.isr",
)


class _Values:
    """The properties of one broker with the defaults of its Kafka behind them."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.set: Mapping[str, str] = broker_properties(places.cluster, places.host)
        self._keys = broker_keys(places.cluster.kafka.parsed)

    def text(self, name: str) -> str:
        """The value as the broker reads it."""
        return self.set[name].strip() if name in self.set else self._keys[name].default

    def number(self, name: str) -> int:
        return int(self.text(name))

    def problem(self, name: str, what: str, hint: str) -> Problem:
        """A problem of the value of that key."""
        return Problem(f"{name}={self.text(name)} {what}", self.places.of(name), hint=hint)


def listeners_alone(places: Places) -> Iterator[Problem]:
    """Names and ports of listeners are used once."""
    here = parse_listeners(broker_properties(places.cluster, places.host)["listeners"])
    for label, seen in (("name", [item.name for item in here]), ("port", [item.port for item in here])):
        for value, count in Counter(seen).items():
            if count > 1:
                yield Problem(
                    f"the {label} {value} is used by {count} listeners", places.listeners, hint="each needs its own"
                )


def listeners(places: Places) -> Iterator[Problem]:
    """Every name of a listener has a protocol, and clients are told an address."""
    own = places.own
    values = _Values(places)
    here, told = parse_listeners(values.set["listeners"]), parse_listeners(values.set["advertised.listeners"])
    yield from _advertised(places, here, told)
    yield from _protocols(values, here, told)
    if "listeners" in own:
        for name in ADDRESS_KEYS[:2]:
            if name in own:
                yield Problem(
                    f"{name}={own[name]} has no effect beside listeners",
                    places.of(name),
                    hint="write it into listeners, or leave listeners out",
                )
    kafka = places.cluster.kafka
    if "port" in kafka.model_fields_set and places.listeners != "kafka.port":
        setter = "listeners" if "listeners" in own else "port"
        if setter == "listeners" or int(own["port"]) != kafka.port:
            yield Problem(
                f"port {kafka.port} has no effect beside {setter}={own[setter]}",
                "kafka.port",
                hint="keep one of the two",
            )
    if "advertised.listeners" in own:
        for name in ADDRESS_KEYS[2:]:
            if name in own:
                yield Problem(
                    f"{name}={own[name]} has no effect beside advertised.listeners",
                    places.of(name),
                    hint="keep advertised.listeners alone",
                )


def _advertised(places: Places, here: tuple[Listener, ...], told: tuple[Listener, ...]) -> Iterator[Problem]:
    for item in told:
        if not reachable(item.host):
            yield Problem(
                f"{str(item)!r} tells clients no address that they could use",
                places.advertised,
                hint="name the address by which clients reach the host",
            )
    unknown = {item.name for item in told} - {item.name for item in here}
    for name in sorted(unknown):
        yield Problem(
            f"{name} is advertised and no listener has that name",
            places.advertised if "advertised.listeners" in places.own else places.listeners,
            hint="use the names of listeners",
        )


def _protocols(values: _Values, here: tuple[Listener, ...], told: tuple[Listener, ...]) -> Iterator[Problem]:
    places = values.places
    protocols = parse_protocol_map(values.text("listener.security.protocol.map"))
    for item in here:
        if item.name not in protocols:
            yield Problem(
                f"no security protocol is known for the listener {item.name}",
                places.listeners,
                hint=f"add {item.name}:PLAINTEXT or another pair to listener.security.protocol.map",
            )
    names = ("inter.broker.listener.name", "security.inter.broker.protocol")
    if all(name in values.set for name in names):
        yield values.problem(names[0], f"excludes {names[1]}", "keep one of the two")
        return
    chosen = next((name for name in names if name in values.set), None)
    name = values.text(chosen or names[1]).upper()
    if name not in {item.name for item in told}:
        # Listeners that were not set are PLAINTEXT; then the choice is what is wrong.
        where = places.of(chosen) if chosen and "listeners" not in places.own else places.listeners
        yield Problem(
            f"brokers would talk to each other over {name}, which is no advertised listener",
            where,
            hint=f"set inter.broker.listener.name to {' or '.join(item.name for item in told)}",
        )


def broker_id(places: Places) -> Iterator[Problem]:
    """Ids above reserved.broker.max.id are for generated ones."""
    values, number = _Values(places), places.host.broker.id
    where = f"hosts[{places.index}].broker.id"
    reserved = values.number("reserved.broker.max.id")
    if values.text("broker.id.generation.enable").lower() == "true" and number > reserved:
        yield Problem(
            f"{number} is out of range: ids above {reserved} are for generated ones",
            where,
            hint=f"choose one from 0 to {reserved}, or raise reserved.broker.max.id",
        )
    elif number > _LARGEST_INT:
        yield Problem(f"{number} is out of range", where, hint=f"choose one from 0 to {_LARGEST_INT}")


def cross(places: Places) -> Iterator[Problem]:
    """Numbers and versions that bound each other."""
    values = _Values(places)
    brokers = len(places.cluster.hosts)
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
                name, f"gives each of {number('log.cleaner.threads')} cleaner threads 1 MiB or less", "raise it"
            )
        else:
            yield problem("log.cleaner.threads", f"leaves each thread 1 MiB or less of {name}", "lower it")
    for factor in _FACTORS:
        if factor in values.set and number(factor) > brokers:
            count = "one broker" if brokers == 1 else f"{brokers} brokers"
            yield problem(factor, f"is more than there are: {count}", "lower it")
    isr, replicas = "transaction.state.log.min.isr", "transaction.state.log.replication.factor"
    if number(replicas) < number(isr) <= brokers:
        yield _more(values, isr, replicas)
    acks, factor = "offsets.commit.required.acks", "offsets.topic.replication.factor"
    if acks in broker_keys(places.cluster.kafka.parsed) and not -1 <= number(acks) <= number(factor):
        yield problem(acks, f"is not between -1 and {factor}={number(factor)}", "choose one of these, or leave it out")
    yield from _protocol_versions(values)


def _more(values: _Values, greater: str, bound: str) -> Problem:
    """``greater`` is above its bound: the one that the user set is to blame."""
    if bound in values.places.own and greater not in values.places.own:
        return values.problem(bound, f"is less than {greater}={values.number(greater)}", "raise it")
    return values.problem(greater, f"is more than {bound}={values.number(bound)}", "lower it")


def _protocol_versions(values: _Values) -> Iterator[Problem]:
    """inter.broker.protocol.version bounds log.message.format.version; from 3.0 on the latter is ignored then."""
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
