"""Runs the smoke test and compares the messages: the exit codes of the console tools prove little.

A step that failed says which of three things happened: the tool timed out, the tool failed, or the tool returned
something else than expected.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from kprov.diagnosis import known_remedy
from kprov.errors import ConnectError, UsageError
from kprov.events import Emit, StepDone, StepFailed, StepStarted, Warned
from kprov.host.connection import Connection
from kprov.host.facts import probe
from kprov.host.forwarded import ForwardingForbiddenError, UnansweredError, ask
from kprov.host.tool import ToolRun, Tools
from kprov.queries import end_offset, node_exists
from kprov.roles.broker import BrokerRole
from kprov.smoke import client, console
from kprov.smoke.client import Batch
from kprov.smoke.console import MESSAGES, Command
from kprov.topology import Node

_TOOL_SECONDS = 60
_CONSUMER_TIMEOUT_MS = 20000
_GONE_TRIES, _GONE_SECONDS, _GONE_PAUSE = 8, 20, 0.05
_STEPS, _STEPS_OF_DELETE = 9, 2
# Printed by the console consumer when no message arrives within --timeout-ms; later releases print the full class name.
_NO_MORE_MESSAGES = re.compile(r"TimeoutException")
_LIBRARY_NOT_LOADED = re.compile(r"^.*(?:UnsatisfiedLinkError|NoClassDefFoundError).*$", re.MULTILINE)


@dataclass(frozen=True)
class SmokeStep:
    """One step: its name, the command that one would type for it, seconds, and whether it passed (None: not run).

    direct: whether kprov put the question to the service itself, in place of the command.
    """

    name: str
    command: str
    seconds: float
    passed: bool | None
    detail: str = ""
    direct: bool = False


@dataclass(frozen=True)
class SmokeResult:
    """All steps; the test passed if none failed. ``home``: the directory in which the commands run."""

    topic: str
    home: str
    bootstrap: str
    steps: tuple[SmokeStep, ...]

    @property
    def passed(self) -> bool:
        return all(step.passed is not False for step in self.steps)

    @property
    def failure(self) -> str:
        """The step that failed, with its detail; empty if none did."""
        return next((f"{step.name}: {step.detail}" for step in self.steps if step.passed is False), "")


class _StepFailedError(Exception):
    """A step failed, so the steps after it are skipped."""


@dataclass
class _Test:
    connection: Connection
    node: Node
    topic: str
    emit: Emit
    count: int
    steps: list[SmokeStep] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    created: bool = False

    @property
    def tools(self) -> Tools:
        return Tools(self.connection, self.node.java_home, self.node.broker.home)

    def run(self, command: Command) -> ToolRun:
        """Run one of Kafka's tools on the host."""
        return self.tools.run(command.words, seconds=_TOOL_SECONDS, stdin=command.stdin)

    def run_together(self, name: str, commands: Sequence[Command]) -> list[ToolRun]:
        """Run several of Kafka's tools on the host at the same time; name: of what they do, for progress."""
        self.emit(StepStarted(len(self.steps) + 1, self.count, name))
        lines = [(command.words, command.stdin) for command in commands]
        return self.tools.run_together(lines, seconds=_TOOL_SECONDS)

    @contextmanager
    def step(self, name: str, command: str) -> Iterator[Callable[..., None]]:
        """Time a step; the block calls the function that it gets with (passed, detail, direct=...)."""
        began = time.monotonic()
        self.emit(StepStarted(len(self.steps) + 1, self.count, name))
        verdict = [SmokeStep(name, command, 0, passed=False, detail="it did not finish")]

        def decide(passed: bool | None, detail: str = "", *, direct: bool = False) -> None:
            verdict[0] = SmokeStep(name, command, 0, passed, detail, direct)

        try:
            yield decide
        finally:
            self.ended(replace(verdict[0], seconds=round(time.monotonic() - began, 2)))
        if verdict[0].passed is False:
            raise _StepFailedError(name)

    def ended(self, step: SmokeStep) -> None:
        """Record and report a step."""
        self.steps.append(step)
        text = f"{step.name}: {step.detail}" if step.detail else step.name
        if step.passed is None:
            self.emit(Warned(text))
            text = f"{step.name}: not run"
        event = StepFailed if step.passed is False else StepDone
        self.emit(event(len(self.steps), self.count, text, step.seconds))

    def topics(self) -> tuple[list[str], str]:
        """The topics that kafka-topics lists, and why the list cannot be trusted; empty if it can."""
        return _listed(self.run(console.list_topics(self.node)))


def smoke_test(
    connection: Connection, node: Node, emit: Emit, topic: str | None = None, *, keep: bool = False
) -> SmokeResult:
    """Create a topic, list it, produce and consume on the host, from here and with each codec, delete the topic.

    topic: its name; random if None. keep: do not delete the topic and its messages. The test never writes to or
    deletes a topic that it did not create: raises UsageError if ``topic`` already exists.
    """
    count = _STEPS - _STEPS_OF_DELETE if keep else _STEPS
    test = _Test(connection, node, topic or f"kprov-smoke-{secrets.token_hex(4)}", emit, count)
    try:
        _create(test, named=topic is not None)
        _round_trip(test)
        _count(test)
        _from_here(test)
        _codecs(test)
        if not keep:
            _delete(test)
    except _StepFailedError:
        pass
    finally:
        if test.created and not keep:
            _clean_up(test)
    return SmokeResult(test.topic, node.broker.home, node.broker.bootstrap, tuple(test.steps))


def _create(test: _Test, *, named: bool) -> None:
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
    command = console.create(test.node, test.topic)
    with test.step("create a topic", command.text) as decide:
        # From here on the topic may exist, even if the connection breaks before the tool answers.
        test.created = True
        run = test.run(command)
        confirmed = "Created topic" in run.output
        test.created = confirmed or "already exists" not in run.output + run.errors
        decide(confirmed, "" if confirmed else run.trouble or f"{run.name} did not confirm it: {run.last_words}")


def _listed(run: ToolRun) -> tuple[list[str], str]:
    """The topics that kafka-topics printed, and why the list cannot be trusted; empty if it can."""
    # 2.8 and earlier may add " - marked for deletion".
    topics = [line.split(" - ")[0].strip() for line in run.output.splitlines()]
    return topics, run.trouble if run.timed_out or run.code else ""


def _round_trip(test: _Test) -> None:
    """List, produce and consume. None needs the end of another, so their three JVMs start at the same time."""
    commands = (
        console.list_topics(test.node),
        console.produce(test.node, test.topic),
        console.consume(test.node, test.topic, _CONSUMER_TIMEOUT_MS),
    )
    listing, producer, consumer = test.run_together("list the topic, produce and consume", commands)
    test.sent += MESSAGES
    topics, trouble = _listed(listing)
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
        raise _StepFailedError


def _count(test: _Test) -> None:
    command = console.end_offsets(test.node, test.topic)
    with test.step("count the messages on the broker", command.text) as decide:
        expected = f"{test.topic}:0:{len(MESSAGES)}"
        shown, trouble, direct = _end_offset(test, command)
        exact = shown == expected
        detail = expected if exact else trouble or f"{shown or 'nothing'} instead of {expected}"
        decide(exact, detail, direct=direct)


def _end_offset(test: _Test, command: Command) -> tuple[str, str, bool]:
    """The end offset as the command prints it, why there is none, and whether it was asked without the command."""
    try:
        offset = ask(test.connection, *test.node.broker.local_endpoint, end_offset(test.topic), seconds=_TOOL_SECONDS)
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
        return f"got {len(got)} of {len(expected)} messages, then none for {waited} s: {_shown(got)}"
    return run.trouble or f"got {_shown(got)} instead of {_shown(expected)}"


def _shown(messages: Sequence[str]) -> str:
    return ", ".join(message[:20] for message in messages) or "nothing"


def _from_here(test: _Test) -> None:
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
                else f"got {_shown(result.got)} instead of {_shown(test.sent)}",
            )


def _codecs(test: _Test) -> None:
    """One message with each codec; the broker decompresses every batch (LogValidator in every release)."""
    # Long enough to shrink: the library sends a batch uncompressed if compression does not make it smaller.
    batches = [Batch((" ".join([codec] * 100),), codec) for codec in test.node.broker.codecs]
    name = f"produce and consume with {', '.join(test.node.broker.codecs)}"
    with test.step(name, f"one message with each codec to {test.node.broker.bootstrap}") as decide:
        result = client.exchange(test.node.broker.bootstrap, test.topic, batches)
        test.sent += [message for batch in batches for message in batch.messages]
        failure = _with_tools(test, batches) if not result.available else result.error
        if not failure and result.available and list(result.got) != test.sent:
            failure = f"got {_shown(result.got)} instead of {_shown(test.sent)}"
        decide(not failure, _explained(test, failure) if failure else "")


def _with_tools(test: _Test, batches: Sequence[Batch]) -> str:
    """The same with Kafka's own tools on the host. Why it failed; empty if it did not."""
    for batch in batches:
        if trouble := test.run(console.produce(test.node, test.topic, batch.messages, batch.codec)).trouble:
            return f"{batch.codec}: {trouble}"
    command = console.consume(test.node, test.topic, _CONSUMER_TIMEOUT_MS, len(test.sent))
    return _consumed(test.run(command), test.sent)


def _explained(test: _Test, failure: str) -> str:
    """The failure, with the line of the broker's log about a library that it could not load, if there is one."""
    broker = BrokerRole(test.node)
    call = ("probe_log", "log", broker.unit, "200", broker.log_files[0])
    found = _LIBRARY_NOT_LOADED.findall(probe(test.connection, [call])["log"].get("text", ""))
    return f"{failure}; the broker's log: {found[0].strip()}; {known_remedy(found[0])}" if found else failure


def _delete(test: _Test) -> None:
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


def _gone(test: _Test) -> tuple[bool, str, bool]:
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


def _gone_from_list(test: _Test) -> tuple[bool, str, bool]:
    for _ in range(_GONE_TRIES):
        topics, trouble = test.topics()
        if trouble or test.topic not in topics:
            return not trouble, trouble, False
    return False, "", False


def _clean_up(test: _Test) -> None:
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
