"""The commands of Kafka's console tools (A10 to A14), with the flags that each version accepts. Pure.

The flag for the broker's address changed: kafka-topics takes --bootstrap-server from 2.2 on, the console producer
from 2.5 on, the consumer in every version. Since 3.0 the offsets tool has its own script.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from packaging.version import Version

from kprov.topology import Node

MESSAGES = ("one", "two", "three", "four", "five")


@dataclass(frozen=True)
class Command:
    """One command line, run in the Kafka home, and its standard input."""

    words: tuple[str, ...]
    stdin: str = ""

    @property
    def text(self) -> str:
        """The command line as one would type it in a shell."""
        line = shlex.join(self.words)
        if not self.stdin:
            return line
        quoted = self.stdin.replace("\n", "\\n")
        return f"printf '{quoted}' | {line}"


def _topics(node: Node) -> tuple[str, ...]:
    if node.broker.version < Version("2.2.0"):
        return ("bin/kafka-topics.sh", "--zookeeper", node.zookeeper_connect)
    return ("bin/kafka-topics.sh", "--bootstrap-server", node.broker.local)


def create(node: Node, topic: str, partitions: int = 1, replicas: int = 1) -> Command:
    """Create a topic (A10); replicas: of each partition."""
    shape = ("--replication-factor", str(replicas), "--partitions", str(partitions), "--topic", topic)
    return Command((*_topics(node), "--create", *shape))


def list_topics(node: Node) -> Command:
    """List the topics, one per line (A11)."""
    return Command((*_topics(node), "--list"))


def delete(node: Node, topic: str) -> Command:
    """Delete a topic (A12); the broker deletes it a moment after the command."""
    return Command((*_topics(node), "--delete", "--topic", topic))


def produce(
    node: Node, topic: str, messages: Sequence[str] = MESSAGES, codec: str = "none", *, acknowledged: bool = False
) -> Command:
    """Produce messages (A13), compressed with ``codec``; acknowledged: by all replicas in sync."""
    flag = "--broker-list" if node.broker.version < Version("2.5.0") else "--bootstrap-server"
    words = ("bin/kafka-console-producer.sh", flag, node.broker.local, "--topic", topic)
    compressed = ("--compression-codec", codec) if codec != "none" else ()
    acks = ("--request-required-acks", "all") if acknowledged else ()
    return Command((*words, *compressed, *acks), "".join(f"{message}\n" for message in messages))


def consume(node: Node, topic: str, timeout_ms: int, count: int = len(MESSAGES)) -> Command:
    """Consume ``count`` messages from the beginning (A14)."""
    bounds = ("--max-messages", str(count), "--timeout-ms", str(timeout_ms))
    return Command((*read(node, topic).words, *bounds))


def read(node: Node, topic: str) -> Command:
    """Consume from the beginning, without an end."""
    words = ("bin/kafka-console-consumer.sh", "--bootstrap-server", node.broker.local, "--topic", topic)
    return Command((*words, "--from-beginning"))


def end_offsets(node: Node, topic: str) -> Command:
    """Print the number of messages in each partition as ``topic:partition:offset``."""
    words: tuple[str, ...]
    if node.broker.version < Version("3.0.0"):
        words = ("bin/kafka-run-class.sh", "kafka.tools.GetOffsetShell", "--broker-list", node.broker.local)
    else:
        words = ("bin/kafka-get-offsets.sh", "--bootstrap-server", node.broker.local)
    return Command((*words, "--topic", topic))
