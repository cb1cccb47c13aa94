"""The testinfra suite: each test, and the number of each result."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from rich.text import Text

from kprov.commands import HostArguments
from kprov.operations.verify import Verification
from kprov.ui.junit import Case
from kprov.ui.views.view import Line, View

_MARKS = {"passed": ("ok     ", "green"), "failed": ("FAILED ", "red"), "skipped": ("skipped", "yellow")}


def view(result: Verification, _: HostArguments) -> View:
    """One line per test, and below it why it failed or was skipped."""
    document = dataclasses.asdict(result) | {"passed": result.passed}
    cases = tuple(Case(test.name, test.status, test.seconds, test.detail) for test in result.tests)
    return View({"verify": document}, tuple(_lines(result)), cases=cases)


def _lines(result: Verification) -> Iterator[Line]:
    for test in result.tests:
        yield Text.assemble(_MARKS[test.status], f"  {test.name}")
        yield from (f"           {line}" for line in test.detail.splitlines())
    counts = {status: sum(test.status == status for test in result.tests) for status in _MARKS}
    yield f"{result.host}: {', '.join(f'{number} {status}' for status, number in counts.items())}"
