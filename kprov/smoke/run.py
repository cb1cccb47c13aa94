"""Runs the smoke test and compares what came back: the exit codes of the console tools prove little."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from kprov.desired.runtime import Runtime
from kprov.errors import ConnectError, UsageError
from kprov.events import Emit, StepDone, StepFailed, StepStarted, Warned
from kprov.host.connection import Connection
from kprov.host.facts import ask
from kprov.smoke import client, console
from kprov.smoke.console import MESSAGES, Command

_TOOL_SECONDS = 60
_CONSUMER_TIMEOUT_MS = 20000
_GONE_TRIES = 8
_STEPS, _STEPS_OF_DELETE = 8, 2


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
    made: bool = False

    def run(self, command: Command) -> tuple[str, str]:
        """What the tool wrote: standard output and standard error."""
        call = ("tool", "tool", str(_TOOL_SECONDS), self.runtime.java_home, self.runtime.home, command.stdin)
        answer = ask(self.connection, [(*call, *command.words)])["tool"]
        return answer.get("output", ""), answer.get("errors", "")

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

    def topics(self) -> list[str]:
        output, _ = self.run(console.list_topics(self.runtime))
        # 2.8 and earlier may add " - marked for deletion".
        return [line.split(" - ")[0].strip() for line in output.splitlines()]


def smoke_test(
    connection: Connection, runtime: Runtime, emit: Emit, topic: str | None = None, *, keep: bool = False
) -> SmokeResult:
    """Create, list, produce, consume, delete; then the same through the advertised listener from here.

    topic: a name instead of one of its own; keep: leave it and its messages behind. A topic that this test did
    not create is never written to and never deleted: UsageError if ``topic`` is there already.
    """
    count = _STEPS - _STEPS_OF_DELETE if keep else _STEPS
    test = _Test(connection, runtime, topic or f"kprov-smoke-{secrets.token_hex(4)}", emit, count)
    try:
        _create(test, named=topic is not None)
        _round_trip(test)
        _from_here(test)
        if not keep:
            _delete(test)
    except _StepFailedError:
        pass
    finally:
        if test.made and not keep:
            _clean_up(test)
    return SmokeResult(test.topic, runtime.home, runtime.bootstrap, tuple(test.steps))


def _create(test: _Test, *, named: bool) -> None:
    if named and test.topic in test.topics():
        raise UsageError(
            f"the topic {test.topic} is there already and the smoke test did not make it",
            where="--topic",
            hint="choose another name; the test never touches a topic of yours",
        )
    command = console.create(test.runtime, test.topic)
    with test.step("create a topic", command.text) as decide:
        # From here on it may exist, even if the answer does not come back.
        test.made = True
        output, errors = test.run(command)
        created = "Created topic" in output
        test.made = created or "already exists" not in output + errors
        decide(created, "" if created else _said(output, errors))
    command = console.list_topics(test.runtime)
    with test.step("see it listed", command.text) as decide:
        topics = test.topics()
        decide(test.topic in topics, "" if test.topic in topics else f"the list has {', '.join(topics) or 'no topics'}")


def _round_trip(test: _Test) -> None:
    command = console.produce(test.runtime, test.topic)
    with test.step(f"produce {len(MESSAGES)} messages", command.text) as decide:
        output, errors = test.run(command)
        failed = "ERROR" in errors or "Exception" in errors
        decide(not failed, _said(output, errors) if failed else "")
    command = console.consume(test.runtime, test.topic, _CONSUMER_TIMEOUT_MS)
    with test.step("consume them from the beginning", command.text) as decide:
        output, errors = test.run(command)
        got = tuple(output.splitlines())
        decide(got == MESSAGES, ", ".join(got) if got == MESSAGES else f"got {got}: {_said('', errors)}")
    command = console.end_offsets(test.runtime, test.topic)
    with test.step("count them on the broker", command.text) as decide:
        output, errors = test.run(command)
        exact = output.split() == [f"{test.topic}:0:{len(MESSAGES)}"]
        decide(exact, output.strip() if exact else _said(output, errors))


def _from_here(test: _Test) -> None:
    sent = tuple(f"{message} again" for message in MESSAGES)
    name = "produce and consume from this machine"
    with test.step(name, f"confluent-kafka to {test.runtime.bootstrap}") as decide:
        result = client.exchange(test.runtime.bootstrap, test.topic, sent)
        if not result.available:
            decide(None, result.error)
        elif result.error:
            decide(
                False, f"{test.runtime.bootstrap}: {result.error}; is the port open from here, and the address right?"
            )
        else:
            right = result.got == MESSAGES + sent
            decide(right, f"{len(result.got)} messages at {test.runtime.bootstrap}" if right else f"got {result.got}")


def _delete(test: _Test) -> None:
    command = console.delete(test.runtime, test.topic)
    with test.step("delete the topic", command.text) as decide:
        output, errors = test.run(command)
        failed = "Error" in output + errors or "Exception" in errors
        decide(not failed, _said(output, errors) if failed else "")
    with test.step("see it gone", console.list_topics(test.runtime).text) as decide:
        gone = False
        for _ in range(_GONE_TRIES):
            if gone := test.topic not in test.topics():
                break
        decide(gone, "" if gone else "it is still listed; is delete.topic.enable=false?")
        test.made = not gone


def _clean_up(test: _Test) -> None:
    """After a failure: the topic goes, as far as the cluster still lets it."""
    try:
        test.run(console.delete(test.runtime, test.topic))
    except ConnectError:
        test.emit(Warned(f"the topic {test.topic} may be left behind: the connection is lost"))


def _said(output: str, errors: str) -> str:
    """The telling end of what a tool wrote, on one line."""
    lines = [line.strip() for line in (errors + "\n" + output).splitlines() if line.strip()]
    telling = [line for line in lines if "ERROR" in line or "Exception" in line or "Error" in line]
    return (telling or lines or ["the tool said nothing"])[0][:300]
