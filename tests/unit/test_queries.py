"""Questions to a broker and to ZooKeeper, and their answers, byte by byte."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from kprov.queries import (
    UNKNOWN_TOPIC,
    BrokerSeen,
    GarbledError,
    PartitionSeen,
    Query,
    TopicSeen,
    end_offset,
    four_letter_word,
    metadata,
    minimums,
    node_data,
    node_exists,
    reassigning,
)

# Written after the description of the protocol: Metadata version 4 of two brokers, one with a rack, one topic that
# exists and one that does not.
METADATA = bytes.fromhex(
    "00000007"  # correlation
    "00000000"  # throttled
    "00000002"
    "00000000 0003626f78 00002384 ffff"
    "00000001 00056b61666b61 00002385 000172"
    "00026964"  # the cluster's id
    "00000000"  # controller
    "00000002"
    "0000 000161 00 00000001 0000 00000000 00000001 00000001 00000001 00000001 00000001"
    "0003 000162 00 00000000"
)
END_OFFSET = bytes.fromhex("00000007 00000001 000161 00000001 00000000 0000 ffffffffffffffff 0000000000000005")
# DescribeConfigs version 0: one topic with the wanted key, and one that has just been deleted.
MINIMUMS = bytes.fromhex(
    "00000007 00000000 00000002"
    "0000 ffff 02 000161 00000001"
    "0013 6d696e2e696e73796e632e7265706c69636173 000132 00 01 00"
    "0003 0004676f6e65 02 000162 00000000"
)
# ListPartitionReassignments version 0: of one topic, whose partitions are not read.
MOVING = bytes.fromhex("00000007 00 00000000 0000 00 02")
REFUSED = bytes.fromhex("00000007 00000001 000161 00000001 00000000 0006 ffffffffffffffff ffffffffffffffff")


def framed(body: bytes) -> bytes:
    return struct.pack(">i", len(body)) + body


def test_metadata_name_brokers_and_topics() -> None:
    seen = metadata("a", "b").read(framed(METADATA))
    assert seen.brokers == (BrokerSeen(0, "box", 9092), BrokerSeen(1, "kafka", 9093, "r"))
    assert seen.topics == (TopicSeen("a", 0, (PartitionSeen(0, 1, (1,), (1,)),)), TopicSeen("b", UNKNOWN_TOPIC))
    assert (seen.controller, seen.cluster) == (0, "id")
    assert str(seen) == "box:9092 (id: 0 rack: null)\nkafka:9093 (id: 1 rack: r)"


def test_metadata_without_a_broker() -> None:
    empty = bytes.fromhex("00000007 00000000 00000000 ffff ffffffff 00000000")
    seen = metadata().read(framed(empty))
    assert str(seen) == "no broker"
    assert seen.controller is None


def test_the_end_offset() -> None:
    assert end_offset("a").read(framed(END_OFFSET)) == 5
    with pytest.raises(GarbledError, match="error code 6"):
        end_offset("a").read(framed(REFUSED))


def test_a_question_about_topics_creates_none() -> None:
    """Version 4 has a flag for it, which must be off: brokers create topics that somebody asks about."""
    request = metadata("a").request
    assert request[4:8] == struct.pack(">hh", 3, 4)
    assert request.endswith(b"\0\0\0\1\0\1a\0")
    assert metadata(every_topic=True).request.endswith(b"kprov\xff\xff\xff\xff\0")


def test_a_partition_without_a_leader() -> None:
    led, without = bytes.fromhex("0000 00000000 00000001"), bytes.fromhex("0005 00000000 ffffffff")
    place = METADATA.index(bytes.fromhex("00000001") + led) + 4
    seen = metadata().read(framed(METADATA[:place] + without + METADATA[place + len(led) :]))
    assert seen.topics[0].partitions == (PartitionSeen(0, None, (1,), (1,)),)


def test_the_minimums_of_topics() -> None:
    query = minimums(["a", "b"])
    assert query.read(framed(MINIMUMS)) == {"a": 2}
    assert query.request[4:8] == struct.pack(">hh", 32, 0)
    assert query.request.endswith(b"\2\0\1b\0\0\0\1\0\x13min.insync.replicas")


def test_whether_replicas_move() -> None:
    assert reassigning().read(framed(MOVING)) is True
    assert reassigning().read(framed(MOVING[:-1] + b"\1")) is False
    with pytest.raises(GarbledError, match="error code 41"):
        reassigning().read(framed(bytes.fromhex("00000007 00 00000000 0029 00 01")))


@pytest.mark.parametrize(
    ("query", "body"),
    [
        (metadata(), METADATA),
        (end_offset("a"), END_OFFSET),
        (minimums(["a", "b"]), MINIMUMS),
        (reassigning(), MOVING),
    ],
)
def test_every_answer_that_ends_early_is_noticed(query: Query[Any], body: bytes) -> None:
    for size in range(len(body)):
        assert not query.whole(framed(body)[: size + 4])
        with pytest.raises(GarbledError):
            query.read(framed(body)[: size + 4])
        with pytest.raises(GarbledError):
            query.read(framed(body[:size]))
    assert query.whole(framed(body))


@pytest.mark.parametrize("data", [b"HTTP/1.1 400 Bad Request\r\n", b"\0\0\0\4\0\0\0\1", b"x"])
def test_an_answer_to_something_else_is_noticed(data: bytes) -> None:
    with pytest.raises(GarbledError):
        metadata().read(data)


SESSION = framed(bytes(37))
EXISTS = framed(bytes.fromhex("00000001 0000000000000009 00000000") + bytes(68))
NO_NODE = framed(bytes.fromhex("00000001 0000000000000009 ffffff9b"))


def test_a_node_of_zookeeper() -> None:
    query = node_exists("/brokers/topics/a")
    assert query.read(SESSION + EXISTS) is True
    assert query.read(SESSION + NO_NODE) is False
    assert not query.whole(SESSION + NO_NODE[:-1])
    assert query.whole(SESSION + NO_NODE)


def test_the_data_of_nodes_of_zookeeper() -> None:
    query = node_data(["/a", "/b"])
    data = framed(bytes.fromhex("00000001 0000000000000009 00000000 00000002 7b7d") + bytes(68))
    missing = framed(bytes.fromhex("00000002 0000000000000009 ffffff9b"))
    assert query.read(SESSION + data + missing) == (b"{}", None)
    assert query.whole(SESSION + data + missing)
    for size in range(len(data + missing)):
        assert not query.whole((SESSION + data + missing)[: len(SESSION) + size])
        with pytest.raises(GarbledError):
            query.read((SESSION + data + missing)[: len(SESSION) + size])


@pytest.mark.parametrize(
    "data",
    [
        SESSION,
        SESSION + NO_NODE[:-1],
        SESSION + framed(bytes(5)),
        SESSION + framed(bytes.fromhex("00000001") + bytes(7)),
    ],
)
def test_an_answer_of_zookeeper_that_says_nothing(data: bytes) -> None:
    with pytest.raises(GarbledError):
        node_exists("/a").read(data)


def test_zookeeper_may_refuse() -> None:
    with pytest.raises(GarbledError, match="error code -102"):
        node_exists("/a").read(SESSION + framed(bytes.fromhex("00000001 0000000000000009 ffffff9a")))


def test_zookeeper_answers_until_it_closes_the_connection() -> None:
    query = four_letter_word("srvr")
    assert query.request == b"srvr"
    assert not query.whole(b"Mode: standalone\n")
    assert query.read(b"Mode: standalone\n") == "Mode: standalone\n"
