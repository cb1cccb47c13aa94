"""A smoke test as it runs: its steps, their results, and how a tool runs in one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from kprov.events import TOLD_AGAIN, Emit, StepDone, StepFailed, StepStarted, Warned
from kprov.host.connection import Connection
from kprov.host.tool import ToolRun, Tools
from kprov.smoke import console
from kprov.smoke.console import Command
from kprov.topology import Node

TOOL_SECONDS = 60


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
    """All steps; the test passed if none failed. ``home``: the directory in which the commands run.

    seconds: of the whole test, in which some steps run side by side.
    """

    topic: str
    home: str
    bootstrap: str
    steps: tuple[SmokeStep, ...]
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        return all(step.passed is not False for step in self.steps)

    @property
    def failure(self) -> str:
        """The step that failed, with its detail; empty if none did."""
        return next((f"{step.name}: {step.detail}" for step in self.steps if step.passed is False), "")


@dataclass(frozen=True)
class FailoverResult(SmokeResult):
    """The steps of a failover test."""


class StepFailedError(Exception):
    """A step failed, so the steps after it are skipped."""


@dataclass
class SmokeRun:
    """A smoke test while it runs on one host: its steps so far, and what it has sent.

    count: of all steps. created: whether the topic may exist.
    """

    connection: Connection
    node: Node
    topic: str
    emit: Emit
    count: int
    steps: list[SmokeStep] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    created: bool = False
    began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Since it began."""
        return round(time.monotonic() - self.began, 2)

    @property
    def tools(self) -> Tools:
        return Tools(self.connection, self.node.java_home, self.node.broker.home)

    def run(self, command: Command) -> ToolRun:
        """Run one of Kafka's tools on the host."""
        return self.tools.run(command.words, seconds=TOOL_SECONDS, stdin=command.stdin)

    def run_together(self, name: str, commands: Sequence[Command]) -> list[ToolRun]:
        """Run several of Kafka's tools on the host at the same time; name: of what they do, for progress."""
        self.emit(StepStarted(len(self.steps) + 1, self.count, name, group=TOLD_AGAIN))
        lines = [(command.words, command.stdin) for command in commands]
        return self.tools.run_together(lines, seconds=TOOL_SECONDS)

    @contextmanager
    def step(self, name: str, command: str) -> Iterator[Callable[..., None]]:
        """Time a step; the block calls the function that it gets with (passed, detail, direct=...)."""
        began = time.monotonic()
        self.emit(StepStarted(len(self.steps) + 1, self.count, name, group=TOLD_AGAIN))
        verdict = [SmokeStep(name, command, 0, passed=False, detail="it did not finish")]

        def decide(passed: bool | None, detail: str = "", *, direct: bool = False) -> None:
            verdict[0] = SmokeStep(name, command, 0, passed, detail, direct)

        try:
            yield decide
        finally:
            self.ended(replace(verdict[0], seconds=round(time.monotonic() - began, 2)))
        if verdict[0].passed is False:
            raise StepFailedError(name)

    def ended(self, step: SmokeStep) -> None:
        """Record and report a step."""
        self.steps.append(step)
        text = f"{step.name}: {step.detail}" if step.detail else step.name
        if step.passed is None:
            self.emit(Warned(text))
            text = f"{step.name}: not run"
        if step.passed is False:
            self.emit(StepFailed(len(self.steps), self.count, text, step.seconds))
        else:
            self.emit(StepDone(len(self.steps), self.count, text, step.seconds, group=TOLD_AGAIN))

    def topics(self) -> tuple[list[str], str]:
        """The topics that kafka-topics lists, and why the list cannot be trusted; empty if it can."""
        return listed(self.run(console.list_topics(self.node)))


def listed(run: ToolRun) -> tuple[list[str], str]:
    """The topics that kafka-topics printed, and why the list cannot be trusted; empty if it can."""
    # 2.8 and earlier may add " - marked for deletion".
    topics = [line.split(" - ")[0].strip() for line in run.output.splitlines()]
    return topics, run.trouble if run.timed_out or run.code else ""
