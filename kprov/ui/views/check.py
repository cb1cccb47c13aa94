"""The results of the checks, theme by theme, and how many there are of each kind."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import replace

from rich.text import Text

from kprov.checks import Status
from kprov.commands import Way
from kprov.operations.check import Checked
from kprov.ui.junit import Case
from kprov.ui.views.view import Line, View

_INDENT = 15
_COLOURS: Mapping[Status, str] = {
    Status.PASS: "green",
    Status.WARN: "yellow",
    Status.FAIL: "red",
    Status.UNKNOWN: "magenta",
}
# A check that could not look has not passed: it counts as left out.
_JUNIT: Mapping[Status, str] = {
    Status.PASS: "passed",
    Status.WARN: "passed",
    Status.FAIL: "failed",
    Status.UNKNOWN: "skipped",
}
_COUNTED: Mapping[Status, str] = {
    Status.PASS: "passed",
    Status.WARN: "warned",
    Status.FAIL: "failed",
    Status.UNKNOWN: "could not be seen",
}


def view(result: Checked, way: Way) -> View:
    """One line for each result, and below it how to fix what did not pass."""
    counts = {status: result.count(status) for status in Status}
    known = replace(result, results=tuple(replace(item, fix=way.completed(item.fix)) for item in result.results))
    document = dataclasses.asdict(known)
    document |= {"counts": {status.value: number for status, number in counts.items()}, "passed": not result.failed}
    cases = tuple(
        Case(f"{item.theme}: {item.check}", _JUNIT[item.status], 0.0, item.evidence) for item in result.results
    )
    return View({"check": document}, tuple(_lines(result, counts)), _INDENT, cases)


def _lines(result: Checked, counts: Mapping[Status, int]) -> Iterator[Line]:
    theme = ""
    for item in result.results:
        if item.theme != theme:
            theme = item.theme
            yield Text(theme, style="bold")
        ignored = " (ignored)" if item.check in result.ignored and item.status is Status.FAIL else ""
        mark = Text(f"  {item.status.value:<8}", style=_COLOURS[item.status])
        yield Text.assemble(mark, f"{item.check}{ignored}: {item.evidence}")
        if item.fix and item.status is not Status.PASS:
            yield f"            -> {item.fix}"
    yield f"{result.host}: {', '.join(f'{number} {_COUNTED[status]}' for status, number in counts.items() if number)}"
