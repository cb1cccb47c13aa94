"""Questions to a broker or to ZooKeeper as bytes, and their answers. Pure.

These are the few that kprov asks often. Put through the SSH connection (``host/forwarded.py``), they take
milliseconds, where Kafka's own tools start a JVM for each. The versions of the requests are those that every release
from 1.0.0 on understands (https://kafka.apache.org/protocol.html). A library that knows all of them takes longer to
import than these questions take to be answered.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

_METADATA, _METADATA_VERSION = 3, 4
_LIST_OFFSETS, _LIST_OFFSETS_VERSION = 2, 1
_DESCRIBE_CONFIGS, _DESCRIBE_CONFIGS_VERSION = 32, 0
_LIST_REASSIGNMENTS, _LIST_REASSIGNMENTS_VERSION = 46, 0
_TOPIC_RESOURCE = 2
_MINIMUM = "min.insync.replicas"
_EVERYTHING = -1  # the length of an array that is null
_CLIENT = b"kprov"
_CORRELATION = 7
_LATEST = -1  # the timestamp that stands for the end of a partition
_NO_REPLICA = -1  # who asks is a client
_EXISTS, _GET_DATA, _CLOSE_SESSION = 3, 4, -11
_NO_NODE = -101
_SESSION_MS = 10_000
_ANSWER_MS = 5_000
UNKNOWN_TOPIC = 3
"""The error code UNKNOWN_TOPIC_OR_PARTITION."""


class GarbledError(ValueError):
    """The answer is not one to the question that was asked."""


@dataclass(frozen=True)
class Query(Generic[T]):
    """A question: what to call it, the bytes to send, when the answer is complete, and what it means.

    whole: whether these bytes are the complete answer; an answer may also end by the end of the connection. read:
    raises GarbledError. framed: whether the service keeps the connection open after its answer, which begins with its
    length.
    """

    name: str
    request: bytes
    whole: Callable[[bytes], bool]
    read: Callable[[bytes], T]
    framed: bool = False


@dataclass(frozen=True)
class BrokerSeen:
    """A broker as metadata name it: registered, and announced by the controller. rack: empty if it has none."""

    id: int
    host: str
    port: int
    rack: str = ""

    def __str__(self) -> str:
        """As Kafka's own tools write it."""
        return f"{self.host}:{self.port} (id: {self.id} rack: {self.rack or 'null'})"


@dataclass(frozen=True)
class PartitionSeen:
    """A partition as metadata name it: ids of brokers. leader: None if it has none. in_sync: the replicas in sync."""

    number: int
    leader: int | None
    replicas: tuple[int, ...]
    in_sync: tuple[int, ...]


@dataclass(frozen=True)
class TopicSeen:
    """A topic as metadata name it. error: Kafka's code, 0 for none; with one, its partitions are not known."""

    name: str
    error: int
    partitions: tuple[PartitionSeen, ...] = ()


@dataclass(frozen=True)
class Metadata:
    """What a broker says about the cluster.

    brokers: those that are registered. topics: those that were asked about. controller: its id, None while none is
    elected. cluster: the id that Kafka gave the cluster.
    """

    brokers: tuple[BrokerSeen, ...]
    topics: tuple[TopicSeen, ...] = ()
    controller: int | None = None
    cluster: str = ""

    def __str__(self) -> str:
        return "\n".join(map(str, self.brokers)) or "no broker"


# ------------------------------------------------------------------ questions


def metadata(*topics: str, every_topic: bool = False) -> Query[Metadata]:
    """Ask a broker which brokers it knows, and about these topics, or all. None is created by the question."""
    count = _EVERYTHING if every_topic else len(topics)
    body = struct.pack(">i", count) + b"".join(_text(topic) for topic in topics) + b"\0"
    return _kafka("the question for metadata", _METADATA, _METADATA_VERSION, body, _read_metadata)


def minimums(topics: Sequence[str]) -> Query[dict[str, int]]:
    """Ask a broker for the min.insync.replicas in force for each topic: its own, the broker's, or Kafka's default.

    A topic that the broker does not describe, since it has just been deleted, is left out of the answer.
    """
    wanted = struct.pack(">i", 1) + _text(_MINIMUM)
    resources = (struct.pack(">b", _TOPIC_RESOURCE) + _text(topic) + wanted for topic in topics)
    body = struct.pack(">i", len(topics)) + b"".join(resources)
    name = "the question for min.insync.replicas"
    return _kafka(name, _DESCRIBE_CONFIGS, _DESCRIBE_CONFIGS_VERSION, body, _read_minimums)


def reassigning() -> Query[bool]:
    """Ask the controller, from Kafka 2.4 on, whether replicas of any partition are being reassigned (KIP-455)."""
    no_tags, every_topic = b"\0", b"\0"
    body = no_tags + struct.pack(">i", _ANSWER_MS) + every_topic + no_tags
    name = "the question for reassignments"
    return _kafka(name, _LIST_REASSIGNMENTS, _LIST_REASSIGNMENTS_VERSION, body, _read_reassigning)


def end_offset(topic: str, partition: int = 0) -> Query[int]:
    """Ask the leader of a partition for its end offset; in a new topic that is the number of messages."""
    body = struct.pack(">ii", _NO_REPLICA, 1) + _text(topic) + struct.pack(">iiq", 1, partition, _LATEST)
    return _kafka("the question for the end offset", _LIST_OFFSETS, _LIST_OFFSETS_VERSION, body, _read_end_offset)


def four_letter_word(word: str) -> Query[str]:
    """Ask ZooKeeper, which answers with text and closes the connection."""
    return Query(word, word.encode(), lambda _: False, lambda data: data.decode("utf-8", "replace"))


def node_exists(path: str) -> Query[bool]:
    """Ask ZooKeeper whether there is a node, in a session of its own (ZooKeeper's jute format, 3.4 to 3.9)."""
    return _of_zookeeper("the question for a node", _EXISTS, [path], lambda answers: answers[0] is not None)


def node_data(paths: Sequence[str]) -> Query[tuple[bytes | None, ...]]:
    """Ask ZooKeeper for the data of these nodes, in a session of its own; None for one that is not there."""
    return _of_zookeeper("the question for nodes", _GET_DATA, paths, lambda answers: tuple(map(_data_of, answers)))


def _of_zookeeper(
    name: str, kind: int, paths: Sequence[str], read: Callable[[Sequence[_Reader | None]], T]
) -> Query[T]:
    """The same question about each of these paths. read: gets what answers each, None for a node that is not there."""
    parts = [struct.pack(">iqiqi16x", 0, 0, _SESSION_MS, 0, 16)]
    for number, path in enumerate(paths, 1):
        parts.append(struct.pack(">iii", number, kind, len(path.encode())) + path.encode() + b"\0")
    parts.append(struct.pack(">ii", len(paths) + 1, _CLOSE_SESSION))
    request = b"".join(struct.pack(">i", len(part)) + part for part in parts)

    def read_frames(data: bytes) -> T:
        frames = _frames(data)
        if len(frames) <= len(paths):
            raise GarbledError(f"the answer of {len(data)} bytes is not ZooKeeper's")
        return read([_answer(frame, number) for number, frame in enumerate(frames[1 : len(paths) + 1], 1)])

    return Query(name, request, lambda data: len(_frames(data)) > len(paths), read_frames)


def _answer(frame: bytes, number: int) -> _Reader | None:
    """The rest of the answer to a question about a node; None if there is no such node."""
    reader = _Reader(frame)
    xid, _, error = reader.number("i"), reader.number("q"), reader.number("i")
    if xid != number or error not in {0, _NO_NODE}:
        raise GarbledError(f"ZooKeeper answered with error code {error}")
    return reader if error == 0 else None


def _data_of(reader: _Reader | None) -> bytes | None:
    return None if reader is None else reader.data()


def _frames(data: bytes) -> list[bytes]:
    """The complete frames at the beginning of the data, without their lengths."""
    frames, start = [], 0
    while len(data) >= start + 4:
        end = start + 4 + max(0, int(struct.unpack_from(">i", data, start)[0]))
        if len(data) < end:
            break
        frames.append(data[start + 4 : end])
        start = end
    return frames


def _kafka(name: str, key: int, version: int, body: bytes, read: Callable[[_Reader], T]) -> Query[T]:
    header = struct.pack(">hhih", key, version, _CORRELATION, len(_CLIENT)) + _CLIENT
    message = header + body

    def read_message(data: bytes) -> T:
        reader = _Reader(data)
        if reader.number("i") != len(data) - 4 or reader.number("i") != _CORRELATION:
            raise GarbledError(f"the answer of {len(data)} bytes is not Kafka's")
        return read(reader)

    return Query(name, struct.pack(">i", len(message)) + message, _whole, read_message, framed=True)


def _whole(data: bytes) -> bool:
    return len(data) >= 4 and len(data) >= 4 + int(struct.unpack_from(">i", data)[0])


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">h", len(data)) + data


# ------------------------------------------------------------------ answers


class _Reader:
    """Reads the fields of an answer, one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def number(self, kind: str) -> int:
        """The next number; ``kind`` as for struct."""
        size = struct.calcsize(f">{kind}")
        return int(struct.unpack(f">{kind}", self._take(size))[0])

    def text(self) -> str:
        """The next text; empty if it is null."""
        return self._take(max(0, self.number("h"))).decode("utf-8", "replace")

    def data(self) -> bytes:
        """The next bytes, after their length; none if they are null."""
        return self._take(max(0, self.number("i")))

    def count(self) -> range:
        """The positions of the array that comes next."""
        return range(self.number("i"))

    def numbers(self) -> tuple[int, ...]:
        """The array of ids that comes next."""
        return tuple(self.number("i") for _ in self.count())

    def compact(self) -> int:
        """The next length in the compact form: one more than the length, seven bits in each byte; 0 is null."""
        value = shift = 0
        while True:
            byte = self._take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def _take(self, size: int) -> bytes:
        taken = self._data[self._at : self._at + size]
        if len(taken) < size:
            raise GarbledError(f"the answer ends after {len(self._data)} bytes, in the middle of a field")
        self._at += size
        return taken


def _read_metadata(reader: _Reader) -> Metadata:
    reader.number("i")  # how long the broker throttled us
    brokers = []
    for _ in reader.count():
        brokers.append(BrokerSeen(reader.number("i"), reader.text(), reader.number("i"), reader.text()))
    cluster, controller = reader.text(), reader.number("i")
    topics = []
    for _ in reader.count():
        error, name = reader.number("h"), reader.text()
        reader.number("b")  # whether it is internal
        topics.append(TopicSeen(name, error, tuple(_read_partition(reader) for _ in reader.count())))
    return Metadata(tuple(brokers), tuple(topics), _id_or_none(controller), cluster)


def _read_partition(reader: _Reader) -> PartitionSeen:
    reader.number("h")  # its error says again that it has no leader
    number, leader = reader.number("i"), reader.number("i")
    return PartitionSeen(number, _id_or_none(leader), reader.numbers(), reader.numbers())


def _id_or_none(number: int) -> int | None:
    return number if number >= 0 else None


def _read_minimums(reader: _Reader) -> dict[str, int]:
    reader.number("i")
    found = {}
    for _ in reader.count():
        reader.number("h")  # with an error, there are no entries
        reader.text()
        reader.number("b")
        topic = reader.text()
        for _ in reader.count():
            name, value = reader.text(), reader.text()
            for _ in range(3):  # read-only, default, sensitive
                reader.number("b")
            if name == _MINIMUM and value.isdigit():
                found[topic] = int(value)
    return found


def _read_reassigning(reader: _Reader) -> bool:
    if reader.compact():
        raise GarbledError("the answer has tags that nobody knows")
    reader.number("i")
    if error := reader.number("h"):
        raise GarbledError(f"Kafka answered with error code {error}")
    for _ in range(reader.compact() - 1):  # the message, null without an error
        reader.number("b")
    return reader.compact() > 1


def _read_end_offset(reader: _Reader) -> int:
    offset = None
    for _ in reader.count():
        reader.text()
        for _ in reader.count():
            reader.number("i")
            if error := reader.number("h"):
                raise GarbledError(f"Kafka answered with error code {error}")
            reader.number("q")
            offset = reader.number("q")
    if offset is None:
        raise GarbledError("the answer names no partition")
    return offset
