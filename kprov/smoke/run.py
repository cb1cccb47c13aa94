"""Runs the smoke test and compares the messages: the exit codes of the console tools prove little.

A step that failed says which of three things happened: the tool timed out, the tool failed, or the tool returned
something else than expected.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from kprov.diagnosis import known_remedy
from kprov.errors import ConnectError, UsageError
from kprov.events import Emit, StepStarted, Warned
from kprov.host.connection import Connection
from kprov.host.facts import probe
from kprov.host.forwarded import ForwardingForbiddenError, UnansweredError, ask
from kprov.host.tool import ToolRun
from kprov.queries import end_offset, node_exists
from kprov.roles.broker import BrokerRole
from kprov.smoke import client, console
from kprov.smoke.client import Batch
from kprov.smoke.console import MESSAGES, Command
from kprov.smoke.steps import TOOL_SECONDS, SmokeResult, SmokeRun, SmokeStep, StepFailedError, listed
from kprov.topology import Node

_CONSUMER_TIMEOUT_MS = 20000
_GONE_TRIES, _GONE_SECONDS, _GONE_PAUSE = 8, 20, 0.05
_STEPS, _STEPS_OF_DELETE = 9, 2
# Printed by the console consumer when no message arrives within --timeout-ms; later releases print the full class name.
_NO_MORE_MESSAGES = re.compile(r"TimeoutException")
_LIBRARY_NOT_LOADED = re.compile(r"^.*(?:UnsatisfiedLinkError|NoClassDefFoundError).*$", re.MULTILINE)


def smoke_test(
    connection: Connection, node: Node, emit: Emit, topic: str | None = None, *, keep: bool = False
) -> SmokeResult:
    """Create a topic, list it, produce and consume on the host, from here and with each codec, delete the topic.

    topic: its name; random if None. keep: do not delete the topic and its messages. The test never writes to or
    deletes a topic that it did not create: raises UsageError if ``topic`` already exists.
    """
    count = _STEPS - _STEPS_OF_DELETE if keep else _STEPS
    test = SmokeRun(connection, node, topic or f"kprov-smoke-{secrets.token_hex(4)}", emit, count)
    with tidied(test, keep=keep):
        create_topic(test, named=topic is not None)
        _round_trip(test)
        _count(test)
        _from_here(test)
        _codecs(test)
        if not keep:
            delete_topic(test)
    return SmokeResult(test.topic, node.broker.home, node.broker.bootstrap, tuple(test.steps), test.seconds)


def create_topic(test: SmokeRun, *, named: bool, partitions: int = 1, replicas: int = 1) -> None:
    """Create the topic; named: whether the operator chose its name, so that it may exist already."""
    if named:
        topics, trouble = test.topics()
        if trouble:
            with test.step("list the topics", console.list_topics(test.node).text) as decide:
                decide(False, trouble)
        if test.topic in topics:
            raise UsageError(
                f"the topic {test.topic} already exists",
                where="--topic",
                hint="choose another name: the smoke test uses only topics that it created itself",
            )
    command = console.create(test.node, test.topic, partitions, replicas)
    with test.step("create a topic", command.text) as decide:
        # From here on the topic may exist, even if the connection breaks before the tool answers.
        test.created = True
        run = test.run(command)
        confirmed = "Created topic" in run.output
        test.created = confirmed or "already exists" not in run.output + run.errors
        decide(confirmed, "" if confirmed else run.trouble or f"{run.name} did not confirm it: {run.last_words}")


def _round_trip(test: SmokeRun) -> None:
    """List, produce and consume. None needs the end of another, so their three JVMs start at the same time."""
    commands = (
        console.list_topics(test.node),
        console.produce(test.node, test.topic),
        console.consume(test.node, test.topic, _CONSUMER_TIMEOUT_MS),
    )
    listing, producer, consumer = test.run_together("list the topic, produce and consume", commands)
    test.sent += MESSAGES
    topics, trouble = listed(listing)
    unlisted = "" if test.topic in topics else trouble or f"not in the list: {', '.join(topics) or 'no topics'}"
    lost = _consumed(consumer, test.sent)
    steps = (
        ("check that the topic is listed", listing, unlisted, ""),
        (f"produce {len(MESSAGES)} messages", producer, producer.trouble, ""),
        ("consume the messages from the beginning", consumer, lost, ", ".join(test.sent)),
    )
    for command, (name, run, failure, shown) in zip(commands, steps, strict=True):
        test.ended(SmokeStep(name, command.text, round(run.took, 2), not failure, failure or shown))
    if unlisted or producer.trouble or lost:
        raise StepFailedError


def _count(test: SmokeRun) -> None:
    command = console.end_offsets(test.node, test.topic)
    with test.step("count the messages on the broker", command.text) as decide:
        expected = f"{test.topic}:0:{len(MESSAGES)}"
        shown, trouble, direct = _end_offset(test, command)
        exact = shown == expected
        detail = expected if exact else trouble or f"{shown or 'nothing'} instead of {expected}"
        decide(exact, detail, direct=direct)


def _end_offset(test: SmokeRun, command: Command) -> tuple[str, str, bool]:
    """The end offset as the command prints it, why there is none, and whether it was asked without the command."""
    try:
        offset = ask(test.connection, *test.node.broker.local_endpoint, end_offset(test.topic), seconds=TOOL_SECONDS)
    except UnansweredError as error:
        return "", f"{test.node.broker.local}: {error}", True
    except ForwardingForbiddenError:
        run = test.run(command)
        return run.output.strip(), run.trouble, False
    return f"{test.topic}:0:{offset}", "", True


def _consumed(run: ToolRun, expected: Sequence[str]) -> str:
    """Why the console consumer did not return exactly these messages; empty if it did."""
    got = run.output.splitlines()
    if got == list(expected):
        return ""
    if not run.timed_out and _NO_MORE_MESSAGES.search(run.errors):
        waited = _CONSUMER_TIMEOUT_MS // 1000
        return f"got {len(got)} of {len(expected)} messages, then none for {waited} s: {shown(got)}"
    return run.trouble or f"got {shown(got)} instead of {shown(expected)}"


def shown(messages: Sequence[str]) -> str:
    return ", ".join(message[:20] for message in messages) or "nothing"


def _from_here(test: SmokeRun) -> None:
    again = tuple(f"{message} again" for message in MESSAGES)
    name = "produce and consume from this machine"
    with test.step(name, f"confluent-kafka to {test.node.broker.bootstrap}") as decide:
        result = client.exchange(test.node.broker.bootstrap, test.topic, [Batch(again)])
        if not result.available:
            decide(None, result.error)
            return
        test.sent += again
        if result.error:
            decide(
                False,
                f"{test.node.broker.bootstrap}: {result.error}; "
                "check that this machine can reach that address and port",
            )
        else:
            equal = list(result.got) == test.sent
            decide(
                equal,
                f"{len(result.got)} messages at {test.node.broker.bootstrap}"
                if equal
                else f"got {shown(result.got)} instead of {shown(test.sent)}",
            )


def _codecs(test: SmokeRun) -> None:
    """One message with each codec; the broker decompresses every batch (LogValidator in every release)."""
    # Long enough to shrink: the library sends a batch uncompressed if compression does not make it smaller.
    batches = [Batch((" ".join([codec] * 100),), codec) for codec in test.node.broker.codecs]
    name = f"produce and consume with {', '.join(test.node.broker.codecs)}"
    with test.step(name, f"one message with each codec to {test.node.broker.bootstrap}") as decide:
        result = client.exchange(test.node.broker.bootstrap, test.topic, batches)
        test.sent += [message for batch in batches for message in batch.messages]
        failure = _with_tools(test, batches) if not result.available else result.error
        if not failure and result.available and list(result.got) != test.sent:
            failure = f"got {shown(result.got)} instead of {shown(test.sent)}"
        decide(not failure, explained(test, failure) if failure else "")


def _with_tools(test: SmokeRun, batches: Sequence[Batch]) -> str:
    """The same with Kafka's own tools on the host. Why it failed; empty if it did not."""
    for batch in batches:
        if trouble := test.run(console.produce(test.node, test.topic, batch.messages, batch.codec)).trouble:
            return f"{batch.codec}: {trouble}"
    command = console.consume(test.node, test.topic, _CONSUMER_TIMEOUT_MS, len(test.sent))
    return _consumed(test.run(command), test.sent)


def explained(test: SmokeRun, failure: str) -> str:
    """The failure, with the line of the broker's log about a library that it could not load, if there is one."""
    broker = BrokerRole(test.node)
    call = ("probe_log", "log", broker.unit, "200", broker.log_files[0])
    found = _LIBRARY_NOT_LOADED.findall(probe(test.connection, [call])["log"].get("text", ""))
    return f"{failure}; the broker's log: {found[0].strip()}; {known_remedy(found[0])}" if found else failure


def delete_topic(test: SmokeRun) -> None:
    """Delete the topic, and check that it is gone: two steps."""
    command = console.delete(test.node, test.topic)
    with test.step("delete the topic", command.text) as decide:
        run = test.run(command)
        failure = run.trouble or (run.last_words if "Error" in run.output + run.errors else "")
        decide(not failure, failure)
    with test.step("check that the topic is gone", console.list_topics(test.node).text) as decide:
        gone, trouble, direct = _gone(test)
        still = "" if gone else trouble or "still listed; check that delete.topic.enable is true"
        decide(gone, still, direct=direct)
        test.created = not gone


def _gone(test: SmokeRun) -> tuple[bool, str, bool]:
    """Whether the topic disappears, why that cannot be said, and whether ZooKeeper itself was asked, not the tool."""
    servers, _, root = test.node.zookeeper_connect.partition("/")
    address, _, port = servers.split(",")[0].rpartition(":")
    question = node_exists(f"/{root}/brokers/topics/{test.topic}" if root else f"/brokers/topics/{test.topic}")
    deadline = time.monotonic() + _GONE_SECONDS
    try:
        while ask(test.connection, address.strip("[]"), int(port), question, seconds=_GONE_SECONDS):
            if time.monotonic() > deadline:
                return False, "", True
            time.sleep(_GONE_PAUSE)
    except (ForwardingForbiddenError, UnansweredError):
        return _gone_from_list(test)
    return True, "", True


def _gone_from_list(test: SmokeRun) -> tuple[bool, str, bool]:
    for _ in range(_GONE_TRIES):
        topics, trouble = test.topics()
        if trouble or test.topic not in topics:
            return not trouble, trouble, False
    return False, "", False


@contextmanager
def tidied(test: SmokeRun, *, keep: bool = False) -> Iterator[None]:
    """Run the steps of the block until one fails; afterwards the topic is gone, unless it is kept."""
    try:
        yield
    except StepFailedError:
        pass
    finally:
        if test.created and not keep:
            _clean_up(test)


def _clean_up(test: SmokeRun) -> None:
    """Delete the topic after a failure, if the cluster still allows it.

    Tools that still run after a Ctrl-C would create it again.
    """
    test.emit(StepStarted(0, 0, "deleting the topic"))
    try:
        test.tools.await_end(test.topic, seconds=_CONSUMER_TIMEOUT_MS // 1000 + 5)
        trouble = test.run(console.delete(test.node, test.topic)).trouble
    except ConnectError:
        trouble = "the connection was lost"
    if trouble:
        test.emit(Warned(f"the topic {test.topic} may still exist: {trouble}"))
