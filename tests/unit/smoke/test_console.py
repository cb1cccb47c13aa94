"""The command lines of the console tools, compared with the flags that each version accepts."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest
from packaging.version import Version
from support.specimens import ADDRESS, asked, node

from kprov.smoke import console
from kprov.smoke.console import MESSAGES, Command
from kprov.topology import Node

ZK, BROKER = "192.168.78.141:2181", "192.168.78.141:9092"
OLD = "kafka-run-class.sh kafka.tools.GetOffsetShell --broker-list"
NEW = "kafka-get-offsets.sh --bootstrap-server"
# kafka-topics: --bootstrap-server since 2.2.0; the console producer: since 2.5.0; offsets: a script since 3.0.
TABLE = [
    ("1.0.0", f"--zookeeper {ZK}", "--broker-list", OLD),
    ("1.1.1", f"--zookeeper {ZK}", "--broker-list", OLD),
    ("2.1.1", f"--zookeeper {ZK}", "--broker-list", OLD),
    ("2.2.0", f"--bootstrap-server {BROKER}", "--broker-list", OLD),
    ("2.4.1", f"--bootstrap-server {BROKER}", "--broker-list", OLD),
    ("2.5.0", f"--bootstrap-server {BROKER}", "--bootstrap-server", OLD),
    ("2.8.2", f"--bootstrap-server {BROKER}", "--bootstrap-server", OLD),
    ("3.0.0", f"--bootstrap-server {BROKER}", "--bootstrap-server", NEW),
    ("3.5.2", f"--bootstrap-server {BROKER}", "--bootstrap-server", NEW),
    ("3.9.2", f"--bootstrap-server {BROKER}", "--bootstrap-server", NEW),
]  # fmt: skip


def of(version: str, advertised: str = ADDRESS) -> Node:
    return node(asked(kafka=version, more={"host": {"advertised": advertised}}))


@pytest.mark.parametrize(("version", "topics", "producer", "offsets"), TABLE, ids=[row[0] for row in TABLE])
def test_each_version_gets_the_flags_that_it_accepts(version: str, topics: str, producer: str, offsets: str) -> None:
    found = of(version)
    shape = "--replication-factor 1 --partitions 1 --topic msg"
    assert [
        command.text
        for command in (
            console.create(found, "msg"),
            console.list_topics(found),
            console.delete(found, "msg"),
            console.produce(found, "msg"),
            console.consume(found, "msg", 9000),
            console.end_offsets(found, "msg"),
        )
    ] == [
        f"bin/kafka-topics.sh {topics} --create {shape}",
        f"bin/kafka-topics.sh {topics} --list",
        f"bin/kafka-topics.sh {topics} --delete --topic msg",
        f"printf 'one\\ntwo\\nthree\\nfour\\nfive\\n' | bin/kafka-console-producer.sh {producer} {BROKER} --topic msg",
        f"bin/kafka-console-consumer.sh --bootstrap-server {BROKER} --topic msg --from-beginning "
        "--max-messages 5 --timeout-ms 9000",
        f"bin/{offsets} {BROKER} --topic msg",
    ]


def test_five_messages_are_produced_one_per_line() -> None:
    command = console.produce(of("1.0.0"), "msg")
    assert tuple(command.stdin.splitlines()) == MESSAGES
    assert command.stdin.endswith("\n")
    assert len(set(MESSAGES)) == 5


def test_a_shell_reads_the_shown_text_as_the_same_words() -> None:
    found = of("3.9.2", "2001:db8::1")
    for command in (console.create(found, "a topic"), console.consume(found, "it's", 1)):
        assert tuple(shlex.split(command.text)) == command.words
    assert Command(("a",), "x\n").text == "printf 'x\\n' | a"


def test_versions_are_compared_as_versions_not_as_text() -> None:
    found = of("2.8.2")
    found = replace(found, broker_config=replace(found.broker, version=Version("2.10.0")))
    assert "--bootstrap-server" in console.produce(found, "msg").words
