"""Numbered messages that flow through a topic while something happens to the cluster, and whether all are there."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from kprov.errors import NotReadyError, PreflightError

_SECONDS_BETWEEN = 0.005
_MESSAGE_MS, _SOCKET_MS = 120_000, 6_000
_READ_SECONDS = 60.0


def library() -> Any:
    """confluent-kafka. Raises PreflightError if it is not installed."""
    try:
        import confluent_kafka  # noqa: PLC0415 (the optional extra "client")
    except ImportError:
        raise PreflightError(
            "confluent-kafka is not installed, and messages must flow from this machine",
            where="--failover",
            hint="pip install confluent-kafka",
        ) from None
    return confluent_kafka


@dataclass
class Flow:
    """A producer that sends to every partition in turn; each message must be acknowledged by all replicas in sync.

    acknowledged: the numbers by partition, in the order of their acknowledgements. refused: why others were not.
    longest_gap: the most seconds between two acknowledgements. begins: the offset in each partition from which on its
    messages are this flow's.
    """

    bootstrap: str
    topic: str
    partitions: int
    acknowledged: dict[int, list[int]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    longest_gap: float = 0.0
    begins: dict[int, int] = field(default_factory=dict)
    _last: float = 0.0
    _stop: threading.Event = field(default_factory=threading.Event)

    @property
    def count(self) -> int:
        """How many messages were acknowledged."""
        return sum(map(len, self.acknowledged.values()))

    @contextmanager
    def running(self) -> Iterator[None]:
        """Send while the block runs, and wait for every acknowledgement at its end. Raises NotReadyError."""
        self.begins = {number: self._end(number) for number in range(self.partitions)}
        producer = library().Producer(
            {
                "bootstrap.servers": self.bootstrap,
                "client.id": "kprov",
                "acks": "all",
                "message.timeout.ms": _MESSAGE_MS,
                # Otherwise the library waits for its own time limit while a new leader is there already.
                "socket.timeout.ms": _SOCKET_MS,
                # Without it, a request that was on its way to the old leader is sent again after later messages.
                "enable.idempotence": True,
                "log_level": 0,
            }
        )
        thread = threading.Thread(target=self._send, args=(producer,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join(_MESSAGE_MS / 1000 + 10)

    def _send(self, producer: Any) -> None:
        number = 0
        while not self._stop.wait(_SECONDS_BETWEEN):
            partition = number % self.partitions
            producer.produce(self.topic, str(number).encode(), partition=partition, on_delivery=self._delivered)
            producer.poll(0)
            number += 1
        producer.flush(_MESSAGE_MS / 1000)

    def _delivered(self, error: Any, message: Any) -> None:
        now = time.monotonic()
        if error is not None:
            self.refused.append(error.str())
            return
        if self._last:
            self.longest_gap = max(self.longest_gap, now - self._last)
        self._last = now
        self.acknowledged.setdefault(message.partition(), []).append(int(message.value()))

    def trouble(self) -> str:
        """What is wrong with the messages in the topic; empty if every acknowledged one is there, in order.

        A message that was not acknowledged may be there, and one whose acknowledgement was lost twice.
        """
        for number, wanted in sorted(self.acknowledged.items()):
            found, problem = self._read(number)
            if problem:
                return problem
            there = list(dict.fromkeys(found))
            if lost := sorted(set(wanted) - set(there)):
                return f"{len(lost)} acknowledged messages of partition {number} are lost, the first is {lost[0]}"
            kept = [item for item in there if item in set(wanted)]
            if wrong := next(((one, two) for one, two in pairwise(kept) if one > two), None):
                return f"partition {number} is out of order: message {wrong[1]} comes after {wrong[0]}"
        return ""

    def _end(self, number: int) -> int:
        """The offset behind the last message that a partition has now. Raises NotReadyError if nobody says it."""
        kafka = library()
        place = kafka.TopicPartition(self.topic, number)
        deadline = time.monotonic() + _READ_SECONDS
        with closing(self._consumer()) as consumer:
            while True:
                try:
                    return int(consumer.get_watermark_offsets(place, timeout=_READ_SECONDS)[1])
                except kafka.KafkaException as error:
                    if time.monotonic() > deadline:
                        what = f"no broker says how many messages partition {number} of {self.topic} has"
                        hint = "see which broker leads it: kprov status HOST"
                        raise NotReadyError(what, cause=error.args[0].str(), hint=hint) from None
                time.sleep(0.5)

    def _consumer(self) -> Any:
        return library().Consumer({"bootstrap.servers": self.bootstrap, "group.id": "kprov-flow", "log_level": 0})

    def _read(self, number: int) -> tuple[list[int], str]:
        """The numbers in a partition, and why it could not be read to its end; empty if it could."""
        kafka = library()
        consumer = self._consumer()
        found: list[int] = []
        deadline = time.monotonic() + _READ_SECONDS
        try:
            place = kafka.TopicPartition(self.topic, number)
            oldest, end = consumer.get_watermark_offsets(place, timeout=_READ_SECONDS)
            first = max(oldest, self.begins.get(number, 0))
            consumer.assign([kafka.TopicPartition(self.topic, number, first)])
            while first < end:
                if time.monotonic() > deadline:
                    return found, f"partition {number} was not read to its end within {_READ_SECONDS:.0f} s"
                message = consumer.poll(1.0)
                if message is not None and message.error() is None:
                    found.append(int(message.value()))
                    first = message.offset() + 1
        except kafka.KafkaException as error:
            return found, f"partition {number}: {error.args[0].str()}"
        finally:
            consumer.close()
        return found, ""
