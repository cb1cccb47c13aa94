"""The smoke test: its steps with the commands as one would type them, and the result."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from rich.text import Text

from kprov.commands import HostArguments
from kprov.smoke import FailoverResult, SmokeResult, SmokeStep
from kprov.ui.junit import Case
from kprov.ui.views.view import Line, View
from kprov.words import counted

_MARKS = {True: ("ok", "green"), False: ("FAILED", "red"), None: ("not run", "yellow")}
_JUNIT = {True: "passed", False: "failed", None: "skipped"}


def view(result: SmokeResult, _: HostArguments) -> View:
    """Each step with its result and its duration."""
    verdict = "passed" if result.passed else "FAILED"
    can = "can" if result.passed else "cannot"
    said = f"smoke test {verdict}: clients {can} produce and consume at {result.bootstrap}"
    return _view("smoke_test", "smoke test", result, said)


def failover_view(result: FailoverResult, _: HostArguments) -> View:
    """The same for a failover test."""
    verdict = "passed" if result.passed else "FAILED"
    said = "the others took its place, and nothing was lost" if result.passed else "the failed step says what was lost"
    return _view("failover", "failover test", result, f"failover test {verdict}: {said}")


def _view(key: str, name: str, result: SmokeResult, said: str) -> View:
    document = {**dataclasses.asdict(result), "passed": result.passed}
    cases = (Case(f"{name}: {step.name}", _JUNIT[step.passed], step.seconds, step.detail) for step in result.steps)
    short = f"{said}  ({counted(len(result.steps), 'step')}, {result.seconds:.1f} s)"
    failed = tuple(_lines(result, [step for step in result.steps if step.passed is False]))
    brief = (short,) if result.passed else (*failed, said)
    return View({key: document}, (*_lines(result, result.steps), said), cases=tuple(cases), brief=brief)


def _lines(result: SmokeResult, steps: Sequence[SmokeStep]) -> Iterator[Line]:
    yield f"$ cd {result.home}"
    for step in steps:
        typed = step.command.startswith(("bin/", "printf"))
        if step.direct:
            yield f"  asked without a tool; to see the same: {step.command}"
        else:
            yield f"{'$ ' if typed else '  '}{step.command}"
        detail = f": {step.detail}" if step.detail else ""
        yield Text.assemble("    ", _MARKS[step.passed], f"  {step.name}{detail}  {step.seconds:.1f} s")
