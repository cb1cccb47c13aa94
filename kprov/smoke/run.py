"""Runs the smoke test and compares what came back: the exit codes of the console tools prove little.

A step that did not pass says which of three it was: the tool did not end in time, it failed, or it ended with another
result than was expected.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from kprov.desired.common import KAFKA_UNIT
from kprov.desired.runtime import Runtime
from kprov.diagnosis import known_remedy
from kprov.errors import ConnectError, UsageError
from kprov.events import Emit, StepDone, StepFailed, StepStarted, Warned
from kprov.host.connection import Connection
from kprov.host.facts import probe
from kprov.host.tool import ToolRun, run_tool
from kprov.smoke import client, console
from kprov.smoke.client import Batch
from kprov.smoke.console import MESSAGES, Command

_TOOL_SECONDS = 60
_CONSUMER_TIMEOUT_MS = 20000
_GONE_TRIES = 8
_STEPS, _STEPS_OF_DELETE = 9, 2
# How the console consumer says that no more messages came within --timeout-ms; later releases name the class in full.
_NO_MORE_MESSAGES = re.compile(r"TimeoutException")
_LIBRARY_NOT_LOADED = re.compile(r"^.*(?:UnsatisfiedLinkError|NoClassDefFoundError).*$", re.MULTILINE)


@dataclass(frozen=True)
class SmokeStep:
    """One step: what it shows, the command as a reader would type it, seconds, passed or not (None: not run)."""

    name: str
    command: str
    seconds: float
    passed: bool | None
    detail: str = ""


@dataclass(frozen=True)
class SmokeResult:
    """All steps; the test has passed when none failed. ``home``: where the commands are run."""

    topic: str
    home: str
    bootstrap: str
    steps: tuple[SmokeStep, ...]

    @property
    def passed(self) -> bool:
        return all(step.passed is not False for step in self.steps)

    @property
    def failure(self) -> str:
        """The step that failed, and what it said; empty if none did."""
        return next((f"{step.name}: {step.detail}" for step in self.steps if step.passed is False), "")


class _StepFailedError(Exception):
    """A step did not bring what it should have; the ones after it make no sense."""


@dataclass
class _Test:
    connection: Connection
    runtime: Runtime
    topic: str
    emit: Emit
    count: int
    steps: list[SmokeStep] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    made: bool = False

    def run(self, command: Command) -> ToolRun:
        """Run a tool of Kafka on the host."""
        runtime = self.runtime
        return run_tool(
            self.connection,
            runtime.java_home,
            runtime.home,
            command.words,
            seconds=_TOOL_SECONDS,
            stdin=command.stdin,
        )

    @contextmanager
    def step(self, name: str, command: str) -> Iterator[Callable[[bool | None, str], None]]:
        """Time a step; the block calls what it is given with (passed, detail)."""
        number = len(self.steps) + 1
        began = time.monotonic()
        self.emit(StepStarted(number, self.count, name))
        verdict: list[tuple[bool | None, str]] = [(False, "it did not end")]

        def decide(passed: bool | None, detail: str = "") -> None:
            verdict[0] = (passed, detail)

        try:
            yield decide
        finally:
            seconds = time.monotonic() - began
            passed, detail = verdict[0]
            self.steps.append(SmokeStep(name, command, round(seconds, 2), passed, detail))
            text = f"{name}: {detail}" if detail else name
            if passed is None:
                self.emit(Warned(text))
            event = StepFailed if passed is False else StepDone
            self.emit(event(number, self.count, text if passed is not None else f"{name}: not run", seconds))
        if passed is False:
            raise _StepFailedError(name)

    def topics(self) -> tuple[list[str], str]:
        """The topics that are listed, and why the list is not to be relied on; empty if it is."""
        run = self.run(console.list_topics(self.runtime))
        # 2.8 and earlier may add " - marked for deletion".
        topics = [line.split(" - ")[0].strip() for line in run.output.splitlines()]
        return topics, run.trouble if run.timed_out or run.code else ""


def smoke_test(
    connection: Connection, runtime: Runtime, emit: Emit, topic: str | None = None, *, keep: bool = False
) -> SmokeResult:
    """Create, list, produce, consume; the same through the advertised listener from here and with each codec; delete.

    topic: a name instead of one of its own; keep: leave it and its messages behind. A topic that this test did
    not create is never written to and never deleted: UsageError if ``topic`` is there already.
    """
    count = _STEPS - _STEPS_OF_DELETE if keep else _STEPS
    test = _Test(connection, runtime, topic or f"kprov-smoke-{secrets.token_hex(4)}", emit, count)
    try:
        _create(test, named=topic is not None)
        _round_trip(test)
        _from_here(test)
        _codecs(test)
        if not keep:
            _delete(test)
    except _StepFailedError:
        pass
    finally:
        if test.made and not keep:
            _clean_up(test)
    return SmokeResult(test.topic, runtime.home, runtime.bootstrap, tuple(test.steps))


def _create(test: _Test, *, named: bool) -> None:
    if named:
        topics, trouble = test.topics()
        if trouble:
            with test.step("list the topics", console.list_topics(test.runtime).text) as decide:
                decide(False, trouble)
        if test.topic in topics:
            raise UsageError(
                f"the topic {test.topic} is there already and the smoke test did not make it",
                where="--topic",
                hint="choose another name; the test never touches a topic of yours",
            )
    command = console.create(test.runtime, test.topic)
    with test.step("create a topic", command.text) as decide:
        # From here on it may exist, even if the answer does not come back.
        test.made = True
        run = test.run(command)
        created = "Created topic" in run.output
        test.made = created or "already exists" not in run.output + run.errors
        decide(created, "" if created else run.trouble or f"{run.name} did not confirm it: {run.last_words}")
    command = console.list_topics(test.runtime)
    with test.step("see it listed", command.text) as decide:
        topics, trouble = test.topics()
        listed = test.topic in topics
        decide(listed, "" if listed else trouble or f"it is not in the list: {', '.join(topics) or 'no topics'}")


def _round_trip(test: _Test) -> None:
    command = console.produce(test.runtime, test.topic)
    with test.step(f"produce {len(MESSAGES)} messages", command.text) as decide:
        trouble = test.run(command).trouble
        decide(not trouble, trouble)
    test.sent += MESSAGES
    command = console.consume(test.runtime, test.topic, _CONSUMER_TIMEOUT_MS)
    with test.step("consume them from the beginning", command.text) as decide:
        failure = _consumed(test.run(command), test.sent)
        decide(not failure, failure or ", ".join(test.sent))
    command = console.end_offsets(test.runtime, test.topic)
    with test.step("count them on the broker", command.text) as decide:
        run, expected = test.run(command), f"{test.topic}:0:{len(MESSAGES)}"
        exact = run.output.split() == [expected]
        decide(exact, expected if exact else run.trouble or f"{run.output.strip() or 'nothing'} instead of {expected}")


def _consumed(run: ToolRun, expected: Sequence[str]) -> str:
    """Why the console consumer did not bring exactly these messages; empty if it did."""
    got = run.output.splitlines()
    if got == list(expected):
        return ""
    if not run.timed_out and _NO_MORE_MESSAGES.search(run.errors):
        waited = _CONSUMER_TIMEOUT_MS // 1000
        return f"{len(got)} of {len(expected)} messages came, and no more within {waited} s: {_shown(got)}"
    return run.trouble or f"got {_shown(got)} instead of {_shown(expected)}"


def _shown(messages: Sequence[str]) -> str:
    return ", ".join(message[:20] for message in messages) or "nothing"


def _from_here(test: _Test) -> None:
    again = tuple(f"{message} again" for message in MESSAGES)
    name = "produce and consume from this machine"
    with test.step(name, f"confluent-kafka to {test.runtime.bootstrap}") as decide:
        result = client.exchange(test.runtime.bootstrap, test.topic, [Batch(again)])
        if not result.available:
            decide(None, result.error)
            return
        test.sent += again
        if result.error:
            decide(
                False, f"{test.runtime.bootstrap}: {result.error}; is the port open from here, and the address right?"
            )
        else:
            right = list(result.got) == test.sent
            decide(
                right,
                f"{len(result.got)} messages at {test.runtime.bootstrap}"
                if right
                else f"got {_shown(result.got)} instead of {_shown(test.sent)}",
            )


def _codecs(test: _Test) -> None:
    """One message with each codec: the broker decompresses each batch that it takes (LogValidator in every release)."""
    # So long that it becomes smaller: the library sends what does not uncompressed.
    batches = [Batch((" ".join([codec] * 100),), codec) for codec in test.runtime.codecs]
    name = f"produce and consume with {', '.join(test.runtime.codecs)}"
    with test.step(name, f"a message with each codec to {test.runtime.bootstrap}") as decide:
        result = client.exchange(test.runtime.bootstrap, test.topic, batches)
        test.sent += [message for batch in batches for message in batch.messages]
        failure = _with_tools(test, batches) if not result.available else result.error
        if not failure and result.available and list(result.got) != test.sent:
            failure = f"got {_shown(result.got)} instead of {_shown(test.sent)}"
        decide(not failure, _explained(test, failure) if failure else "")


def _with_tools(test: _Test, batches: Sequence[Batch]) -> str:
    """The same with Kafka's own tools on the host, each of them a JVM; empty, or why it failed."""
    for batch in batches:
        if trouble := test.run(console.produce(test.runtime, test.topic, batch.messages, batch.codec)).trouble:
            return f"{batch.codec}: {trouble}"
    command = console.consume(test.runtime, test.topic, _CONSUMER_TIMEOUT_MS, len(test.sent))
    return _consumed(test.run(command), test.sent)


def _explained(test: _Test, failure: str) -> str:
    """The failure, and what the broker's log says of a library that it could not load."""
    call = ("probe_log", "log", KAFKA_UNIT, "200", test.runtime.log_files[KAFKA_UNIT])
    found = _LIBRARY_NOT_LOADED.findall(probe(test.connection, [call])["log"].get("text", ""))
    return f"{failure}; the broker's log: {found[0].strip()}; {known_remedy(found[0])}" if found else failure


def _delete(test: _Test) -> None:
    command = console.delete(test.runtime, test.topic)
    with test.step("delete the topic", command.text) as decide:
        run = test.run(command)
        failure = run.trouble or (run.last_words if "Error" in run.output + run.errors else "")
        decide(not failure, failure)
    with test.step("see it gone", console.list_topics(test.runtime).text) as decide:
        listed, trouble = True, ""
        for _ in range(_GONE_TRIES):
            topics, trouble = test.topics()
            listed = test.topic in topics
            if trouble or not listed:
                break
        gone = not listed and not trouble
        decide(gone, "" if gone else trouble or "it is still listed; is delete.topic.enable=false?")
        test.made = not gone


def _clean_up(test: _Test) -> None:
    """After a failure: the topic goes, as far as the cluster still lets it."""
    try:
        trouble = test.run(console.delete(test.runtime, test.topic)).trouble
    except ConnectError:
        trouble = "the connection is lost"
    if trouble:
        test.emit(Warned(f"the topic {test.topic} may be left behind: {trouble}"))
