"""The test from the operator's machine: a real client library connects to the advertised listener."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

TIMEOUT_SECONDS = 20.0


@dataclass(frozen=True)
class Batch:
    """Messages that are produced together, to one partition, with a codec: ``none``, ``gzip``, ``snappy`` ..."""

    messages: tuple[str, ...]
    codec: str = "none"
    partition: int = 0


@dataclass(frozen=True)
class ClientResult:
    """available: whether the client library is installed. got: all messages of the topic, partition by partition.

    error: what failed.
    """

    available: bool
    got: tuple[str, ...] = ()
    error: str = ""


def exchange(bootstrap: str, topic: str, batches: Sequence[Batch], partitions: int = 1) -> ClientResult:
    """Produce the batches to the topic, then read its partitions from beginning to end."""
    try:
        import confluent_kafka  # noqa: PLC0415 (the optional extra "client")
    except ImportError:
        return ClientResult(available=False, error="confluent-kafka is not installed: pip install confluent-kafka")
    errors: list[str] = []
    settings: dict[str, Any] = {
        "bootstrap.servers": bootstrap,
        "client.id": "kprov",
        "socket.timeout.ms": 5000,
        "error_cb": lambda error: errors.append(error.str()),
        # The library's own log lines would break the progress display on standard error.
        "log_level": 0,
    }
    failure = ""
    for batch in batches:
        if failure := _produce(confluent_kafka, settings, topic, batch):
            failure = f"{batch.codec}: {failure}" if batch.codec != "none" else failure
            break
    got: tuple[str, ...] = ()
    for partition in range(partitions):
        if not failure:
            more, failure = _consume(confluent_kafka, settings, topic, partition)
            got += more
    if failure and errors:
        failure = f"{failure}: {errors[-1]}"
    return ClientResult(available=True, got=got, error=failure)


def _produce(library: Any, settings: dict[str, Any], topic: str, batch: Batch) -> str:
    """Why some message was not acknowledged; empty if all were."""
    failures: list[str] = []

    def delivered(error: Any, _message: Any) -> None:
        if error is not None:
            failures.append(error.str())

    timeout_ms = int(TIMEOUT_SECONDS * 1000)
    producer = library.Producer(
        {**settings, "acks": "all", "message.timeout.ms": timeout_ms, "compression.type": batch.codec}
    )
    for message in batch.messages:
        producer.produce(topic, message.encode(), partition=batch.partition, on_delivery=delivered)
    left = producer.flush(TIMEOUT_SECONDS + 2)
    if failures:
        return f"not acknowledged: {failures[0]}"
    return f"{left} messages were not acknowledged within {TIMEOUT_SECONDS:.0f} s" if left else ""


def _consume(library: Any, settings: dict[str, Any], topic: str, partition: int) -> tuple[tuple[str, ...], str]:
    """The messages of a partition, and why it could not be read to its end; empty if it could."""
    consumer = library.Consumer({**settings, "group.id": "kprov-smoke", "enable.auto.commit": False})
    got: list[str] = []
    deadline = time.monotonic() + TIMEOUT_SECONDS
    try:
        # This also makes the library look for the partition's leader at once; by itself it waits half a second.
        first, end = consumer.get_watermark_offsets(library.TopicPartition(topic, partition), timeout=TIMEOUT_SECONDS)
        consumer.assign([library.TopicPartition(topic, partition, first)])
        while first < end and time.monotonic() < deadline:
            message = consumer.poll(0.1)
            if message is None:
                continue
            if message.error() is not None:
                return tuple(got), str(message.error().str())
            got.append((message.value() or b"").decode("utf-8", "replace"))
            first = message.offset() + 1
        missing = f"the end of the topic was not reached within {TIMEOUT_SECONDS:.0f} s"
        return tuple(got), missing if first < end else ""
    except library.KafkaException as error:
        return tuple(got), str(error.args[0].str())
    finally:
        consumer.close()
