"""The smoke test of a cluster: every broker leads, every broker has replicas, and every broker gives back all messages.

The topic has a partition for each broker, so each leads one, and as many replicas as the cluster gives its own topics.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from functools import partial

from kprov.events import Emit, about
from kprov.host.forwarded import UnansweredError, ask
from kprov.host.tool import ToolRun, Tools
from kprov.queries import Metadata, end_offset, metadata
from kprov.rollout.health import Asked, playing
from kprov.rollout.together import together
from kprov.smoke import client, console
from kprov.smoke.client import Batch
from kprov.smoke.run import create_topic, delete_topic, tidied
from kprov.smoke.steps import TOOL_SECONDS, SmokeResult, SmokeRun
from kprov.spec.model import RoleName

_STEPS, _STEPS_OF_DELETE = 8, 2
_MOST_REPLICAS = 3
_SPREAD_SECONDS, _PAUSE_SECONDS = 20.0, 0.1
_CONSUMER_TIMEOUT_MS = 30000
_ANSWER_SECONDS = 5.0


def cluster_smoke_test(
    members: Sequence[Asked], emit: Emit, topic: str | None = None, *, keep: bool = False
) -> SmokeResult:
    """Create a topic, see that every broker leads a partition of it, produce on one host, read through every broker.

    topic, keep: as for ``smoke_test``. Raises UsageError if ``topic`` already exists.
    """
    brokers = playing(members, RoleName.BROKER)
    first = brokers[0]
    count = _STEPS - _STEPS_OF_DELETE if keep else _STEPS
    name = topic or f"kprov-smoke-{secrets.token_hex(4)}"
    test = SmokeRun(first.connection, first.node, name, about(first.connection.login.name, emit), count)
    replicas = min(_MOST_REPLICAS, len(brokers))
    with tidied(test, keep=keep):
        create_topic(test, named=topic is not None, partitions=len(brokers), replicas=replicas)
        _spread(test, brokers, replicas)
        _produce(test)
        _through_every_broker(test, brokers)
        _counted(test, brokers)
        _from_here(test, brokers)
        if not keep:
            delete_topic(test)
    return SmokeResult(test.topic, first.node.broker.home, _bootstrap(brokers), tuple(test.steps), test.seconds)


def _bootstrap(brokers: Sequence[Asked]) -> str:
    return ",".join(item.node.broker.bootstrap for item in brokers)


def _spread(test: SmokeRun, brokers: Sequence[Asked], replicas: int) -> None:
    """Every broker says that each of them leads a partition, and that every replica is in sync."""
    name = f"check that each of {len(brokers)} brokers leads a partition, with {replicas} replicas in sync"
    with test.step(name, "asked of every broker") as decide:
        deadline = time.monotonic() + _SPREAD_SECONDS
        while trouble := _not_spread(test.topic, brokers, replicas):
            if time.monotonic() > deadline:
                break
            time.sleep(_PAUSE_SECONDS)
        decide(not trouble, trouble, direct=False)


def _not_spread(topic: str, brokers: Sequence[Asked], replicas: int) -> str:
    """What one of the brokers does not say yet; empty if all say the same."""
    ids = {item.node.broker.id for item in brokers}
    for item in brokers:
        where = item.connection.login.name
        try:
            seen: Metadata = item.ask_broker(metadata(topic))
        except UnansweredError as error:
            return f"{where}: {error}"
        partitions = [part for found in seen.topics for part in found.partitions]
        if {part.leader for part in partitions} != ids:
            leaders = ", ".join(f"{part.number}: {part.leader}" for part in sorted(partitions, key=lambda p: p.number))
            return f"{where} names these leaders by partition: {leaders or 'none'}"
        if behind := [part for part in partitions if len(part.in_sync) < replicas]:
            return f"{where}: partition {behind[0].number} has {len(behind[0].in_sync)} of {replicas} replicas in sync"
    return ""


def _produce(test: SmokeRun) -> None:
    command = console.produce(test.node, test.topic, acknowledged=True)
    with test.step(f"produce {len(console.MESSAGES)} messages, acknowledged by all replicas", command.text) as decide:
        run = test.run(command)
        test.sent += console.MESSAGES
        decide(not run.trouble, run.trouble)


def _through_every_broker(test: SmokeRun, brokers: Sequence[Asked]) -> None:
    """A consumer on each host, which knows only the broker there."""
    text = console.consume(test.node, test.topic, _CONSUMER_TIMEOUT_MS).text
    with test.step("consume the messages through every broker, on its host", text) as decide:
        runs = together([partial(_consume, item, test.topic) for item in brokers])
        wrong = [
            f"{item.connection.login.name}: {_difference(run, test.sent)}"
            for item, run in zip(brokers, runs, strict=True)
            if _difference(run, test.sent)
        ]
        decide(not wrong, "; ".join(wrong))


def _consume(item: Asked, topic: str) -> ToolRun:
    command = console.consume(item.node, topic, _CONSUMER_TIMEOUT_MS)
    tools = Tools(item.connection, item.node.java_home, item.node.broker.home)
    return tools.run(command.words, seconds=TOOL_SECONDS)


def _difference(run: ToolRun, expected: Sequence[str]) -> str:
    """Why a consumer did not return these messages, in any order, as partitions have none; empty if it did."""
    got = run.output.splitlines()
    if sorted(got) == sorted(expected):
        return ""
    return run.trouble or f"got {', '.join(got) or 'nothing'} instead of {', '.join(expected)}"


def _counted(test: SmokeRun, brokers: Sequence[Asked]) -> None:
    """The leader of each partition says where it ends."""
    with test.step("count the messages on the leaders", console.end_offsets(test.node, test.topic).text) as decide:
        leaders = {item.node.broker.id: item for item in brokers}
        ends: list[int] = []
        trouble = ""
        try:
            seen = brokers[0].ask_broker(metadata(test.topic))
            for part in (part for found in seen.topics for part in found.partitions):
                item = leaders[part.leader if part.leader is not None else -1]
                question = end_offset(test.topic, part.number)
                ends.append(ask(item.connection, *item.node.broker.local_endpoint, question, seconds=_ANSWER_SECONDS))
        except (UnansweredError, LookupError) as error:
            trouble = f"a partition has no leader that answers: {error}"
        total = f"{sum(ends)} in {len(ends)} partitions"
        decide(not trouble and sum(ends) == len(test.sent), trouble or total, direct=True)


def _from_here(test: SmokeRun, brokers: Sequence[Asked]) -> None:
    """One message with each codec to each partition, from this machine, and all messages back."""
    codecs = test.node.broker.codecs
    batches = [
        Batch((" ".join([f"{codec} {number}"] * 50),), codec, number)
        for number in range(len(brokers))
        for codec in ("none", *codecs)
    ]
    bootstrap = _bootstrap(brokers)
    name = f"produce and consume from this machine on every broker, also with {', '.join(codecs)}"
    with test.step(name, f"confluent-kafka to {bootstrap}") as decide:
        result = client.exchange(bootstrap, test.topic, batches, len(brokers))
        if not result.available:
            decide(None, result.error)
            return
        test.sent += [message for batch in batches for message in batch.messages]
        failure = f"{bootstrap}: {result.error}" if result.error else ""
        if not failure and sorted(result.got) != sorted(test.sent):
            failure = f"got {len(result.got)} messages instead of {len(test.sent)}, or others"
        decide(not failure, failure or f"{len(result.got)} messages at {bootstrap}")
