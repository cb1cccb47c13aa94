"""The testinfra suite: each test, and the number of each result."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from rich.text import Text

from kprov.commands import HostArguments
from kprov.operations.verify import Verification
from kprov.ui.junit import Case
from kprov.ui.views.view import Line, View
from kprov.words import counted

_MARKS = {"passed": ("ok     ", "green"), "failed": ("FAILED ", "red"), "skipped": ("skipped", "yellow")}


def view(result: Verification, _: HostArguments) -> View:
    """One line per test, and below it why it failed or was skipped.

    In short: those that failed, and once why others were not run.
    """
    document = dataclasses.asdict(result) | {"passed": result.passed}
    cases = tuple(Case(test.name, test.status, test.seconds, test.detail) for test in result.tests)
    every = (*_lines(result, *_MARKS), _counts(result))
    brief = (*_lines(result, "failed"), *_skipped(result), _counts(result))
    return View({"verify": document}, every, cases=cases, brief=brief)


def _lines(result: Verification, *statuses: str) -> Iterator[Line]:
    for test in (item for item in result.tests if item.status in statuses):
        yield Text.assemble(_MARKS[test.status], f"  {test.name}")
        yield from (f"           {line}" for line in test.detail.splitlines())


def _skipped(result: Verification) -> Iterator[Line]:
    """How many tests were skipped for each reason."""
    reasons: dict[str, int] = {}
    for test in result.tests:
        if test.status == "skipped":
            reasons[test.detail] = reasons.get(test.detail, 0) + 1
    for reason, number in reasons.items():
        yield Text.assemble(_MARKS["skipped"], f"  {counted(number, 'test')}: {' '.join(reason.split())}")


def _counts(result: Verification) -> str:
    counts = {status: sum(test.status == status for test in result.tests) for status in _MARKS}
    return f"{result.host}: {', '.join(f'{number} {status}' for status, number in counts.items())}"
