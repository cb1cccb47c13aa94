"""Which versions of Kafka, the ZooKeeper server and Java run together. Pure; ranges also cover uncatalogued versions.

Pairs that upstream does not document were tested: start a broker, create a topic, produce and consume five messages,
delete the topic, stop the broker (1.0.0, 1.1.1, 2.1.1, 2.8.2, 3.5.2, 3.9.2 on Java 11 and 17, with ZooKeeper 3.4.14,
3.5.3-beta, 3.8.6 and 3.9.5). Pairs that are neither documented nor tested are refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from packaging.version import Version

from kprov.errors import Problem, UsageError
from kprov.releases.catalogue import bundled_zookeeper
from kprov.releases.product import Product, parse_version


class Level(IntEnum):
    """How well a pair runs together; higher is worse."""

    SUPPORTED = 0
    WORKAROUND = 1
    REFUSED = 2


@dataclass(frozen=True)
class Workaround:
    """What makes a pair run.

    name: its name in plans and reports.
    environment: variables for every service that Kafka's kafka-run-class.sh starts: the broker, and the ZooKeeper of
        Kafka's own archive. Empty if the pair runs without them, but upstream does not support it.
    warning: for the user.
    """

    name: str
    warning: str
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PairVerdict:
    """Whether one pair runs together.

    pair: in words: ``Kafka 1.0.0 on Java 11``.
    reason: why, in words.
    hint: what to choose instead, if it is refused.
    """

    pair: str
    level: Level
    reason: str
    workaround: Workaround | None = None
    hint: str = ""


@dataclass(frozen=True)
class Compatibility:
    """The verdicts on every pair of a request."""

    verdicts: tuple[PairVerdict, ...]

    @property
    def level(self) -> Level:
        """The worst of the verdicts; SUPPORTED if there is none."""
        return max((verdict.level for verdict in self.verdicts), default=Level.SUPPORTED)

    @property
    def workarounds(self) -> tuple[Workaround, ...]:
        """The workarounds to apply, each once."""
        return tuple({v.workaround.name: v.workaround for v in self.verdicts if v.workaround}.values())

    @property
    def environment(self) -> dict[str, str]:
        """Variables for every service that kafka-run-class.sh starts; no name or value needs quoting."""
        return {name: value for workaround in self.workarounds for name, value in workaround.environment.items()}

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings about the workarounds."""
        return tuple(v.workaround.warning for v in self.verdicts if v.workaround)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The refused pairs."""
        return tuple(
            Problem(f"{v.pair} does not work", cause=v.reason, hint=v.hint)
            for v in self.verdicts
            if v.level is Level.REFUSED
        )

    def require(self) -> None:
        """Raise UsageError with every refused pair, if there is any."""
        if problems := self.problems:
            raise UsageError(problems)


def check(kafka: str, zookeeper: str | None, java: int | None) -> Compatibility:
    """Check every pair.

    kafka: the version of Kafka. zookeeper: the version of the ZooKeeper server, None for the one in Kafka's archive.
    java: the major version of the Java for both, None if unknown.
    Raises UsageError for a malformed version; a Kafka or ZooKeeper out of range gets the verdict REFUSED.
    """
    return Compatibility(tuple(_verdicts(kafka, zookeeper, java)))


def _verdicts(kafka_text: str, zookeeper_text: str | None, java: int | None) -> Iterator[PairVerdict]:
    kafka = parse_version(Product.KAFKA, kafka_text)
    if refused := _out_of_range(kafka, kafka_text):
        yield refused
        return
    client_text = bundled_zookeeper(kafka_text)
    client = Version(client_text)
    server_text = zookeeper_text or client_text
    server = parse_version(Product.ZOOKEEPER, server_text)
    if java is not None:
        yield _kafka_on_java(kafka, kafka_text, client_text, java)
        yield _zookeeper_on_java(server, server_text, java)
    if zookeeper_text is not None:
        yield _client_and_server(kafka_text, client, client_text, server, server_text)


def _out_of_range(kafka: Version, text: str) -> PairVerdict | None:
    hint = "choose Kafka 1.0.0 to 3.9.x"
    if kafka < Version("1.0.0"):
        return PairVerdict(f"Kafka {text}", Level.REFUSED, "kprov supports Kafka from 1.0.0 on", hint=hint)
    if kafka >= Version("4.0.0"):
        return PairVerdict(f"Kafka {text}", Level.REFUSED, "Kafka 4.0 and later run without ZooKeeper", hint=hint)
    return None


# Since that Kafka: the Java versions that its documentation supports, and the newest that upstream or kprov tested
# (README.md and docs/ops.html of each line; for 1.x to 3.0 on 17 see above).
_KAFKA_JAVA: Mapping[Version, tuple[frozenset[int], int]] = {
    Version("1.0.0"): (frozenset({8}), 17),
    Version("2.2.0"): (frozenset({8, 11}), 17),
    Version("3.1.0"): (frozenset({8, 11, 17}), 17),
    Version("3.6.0"): (frozenset({8, 11, 17}), 20),
    Version("3.7.0"): (frozenset({8, 11, 17}), 21),
}

# Every JVM ignores an unknown property, but Java 8 does not start with an unknown option such as -Xlog.
_GC_LOG_OFF = {"KAFKA_GC_LOG_OPTS": "-Dkprov.gc.log=off"}


def _kafka_on_java(kafka: Version, text: str, client: str, java: int) -> PairVerdict:
    pair = f"Kafka {text} on Java {java}"
    supported, newest = [line for since, line in _KAFKA_JAVA.items() if since <= kafka][-1]
    choose = f"choose Java {_or(sorted(supported))}"
    if java in supported:
        return PairVerdict(pair, Level.SUPPORTED, "documented by Kafka")
    if java < 8:
        return PairVerdict(pair, Level.REFUSED, "kprov supports Java from 8 on", hint=choose)
    if java >= 14 and client in {"3.4.13", "3.4.14"}:
        # client/StaticHostProvider parses InetSocketAddress.toString(), whose form changed in Java 14 (ZOOKEEPER-3779)
        reason = f"its ZooKeeper client, {client}, cannot resolve a host name on Java 14 or later (ZOOKEEPER-3779)"
        return PairVerdict(pair, Level.REFUSED, reason, hint=choose)
    if java > newest:
        return PairVerdict(pair, Level.REFUSED, f"Kafka {text} was not tested on Java above {newest}", hint=choose)
    if java >= 10 and kafka <= Version("1.1.0"):
        # kafka-run-class.sh takes Java 10 for older than 9 and sets options that it refuses; fixed by #4895 in 1.1.1
        reason = "its start script passes garbage collection log options of Java 8, which Java 10 and later refuse"
        warning = f"upstream does not support {pair}; it runs with the workaround no-gc-log, without a GC log"
        return PairVerdict(pair, Level.WORKAROUND, reason, Workaround("no-gc-log", warning, _GC_LOG_OFF))
    return _newer_java(pair, f"Kafka's documentation names Java {_and(sorted(supported))}", choose)


def _zookeeper_on_java(server: Version, text: str, java: int) -> PairVerdict:
    pair = f"ZooKeeper {text} on Java {java}"
    line = server.release[:2]
    choose = "choose Java 8 or 11"
    if java < 8:
        return PairVerdict(pair, Level.REFUSED, "kprov supports Java from 8 on", hint=choose)
    if java in {8, 11}:
        return PairVerdict(pair, Level.SUPPORTED, "documented by ZooKeeper")
    if line >= (3, 6):
        if java in {9, 10}:  # zookeeperAdmin, "Required Software"
            return PairVerdict(pair, Level.REFUSED, "ZooKeeper's documentation excludes Java 9 and 10", hint=choose)
        if java == 12:
            return PairVerdict(pair, Level.SUPPORTED, "documented by ZooKeeper")
        if java == 17:
            return PairVerdict(pair, Level.SUPPORTED, "as part of Kafka 3.3 and later, which support Java 17")
    newest = 21 if line >= (3, 8) else 17  # Kafka 3.7 to 3.9 are tested on 21, with 3.8
    if java > newest:
        return PairVerdict(pair, Level.REFUSED, f"ZooKeeper {text} was not tested on Java above {newest}", hint=choose)
    return _newer_java(pair, "ZooKeeper's documentation does not name it", choose)


def _newer_java(pair: str, reason: str, choose: str) -> PairVerdict:
    warning = f"upstream does not support {pair}, although it runs; {choose}"
    return PairVerdict(pair, Level.WORKAROUND, reason, Workaround("newer-java", warning))


def _client_and_server(kafka: str, client: Version, client_text: str, server: Version, server_text: str) -> PairVerdict:
    pair = f"Kafka {kafka} (ZooKeeper client {client_text}) with ZooKeeper {server_text}"
    client_line, server_line = client.release[:2], server.release[:2]
    if not (3, 4) <= server_line <= (3, 9):
        return PairVerdict(pair, Level.REFUSED, "kprov supports ZooKeeper 3.4 to 3.9", hint="choose one of these")
    if client_line == (3, 4) and server_line > (3, 6):
        # ZooKeeper's release notes: "clients from 3.4 and 3.5" for 3.6, 3.5 and later for 3.7 to 3.9; KIP-902
        reason = f"ZooKeeper {_line(server_line)} supports clients from 3.5 on (KIP-902)"
        return PairVerdict(pair, Level.REFUSED, reason, hint="choose ZooKeeper 3.4 to 3.6, or Kafka 2.4 or later")
    if server_line == (3, 4) and client_line > (3, 5):
        reason = f"ZooKeeper clients of {_line(client_line)} need a server of 3.5 or later (KIP-902)"
        return PairVerdict(pair, Level.REFUSED, reason, hint="choose ZooKeeper 3.5 or later")
    # By ZooKeeper's release policy, adjacent minor versions work in both directions (3.5 client, 3.4 server).
    return PairVerdict(pair, Level.SUPPORTED, "documented by ZooKeeper")


def _line(release: tuple[int, ...]) -> str:
    return ".".join(map(str, release))


def _or(numbers: list[int]) -> str:
    return _join(numbers, "or")


def _and(numbers: list[int]) -> str:
    return _join(numbers, "and")


def _join(numbers: list[int], word: str) -> str:
    *first, last = map(str, numbers)
    return f"{', '.join(first)} {word} {last}" if first else last
