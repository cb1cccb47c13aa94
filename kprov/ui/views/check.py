"""The results of the checks, grouped by theme, and the number of each outcome."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import replace

from rich.text import Text

from kprov.checks import Outcome
from kprov.commands import HostArguments
from kprov.operations.check import Checked
from kprov.ui.junit import Case
from kprov.ui.views.view import Line, View

_INDENT = 15
_COLOURS: Mapping[Outcome, str] = {
    Outcome.PASS: "green",
    Outcome.WARN: "yellow",
    Outcome.FAIL: "red",
    Outcome.UNKNOWN: "magenta",
}
# UNKNOWN is not a pass: JUnit counts it as skipped.
_JUNIT: Mapping[Outcome, str] = {
    Outcome.PASS: "passed",
    Outcome.WARN: "passed",
    Outcome.FAIL: "failed",
    Outcome.UNKNOWN: "skipped",
}
_COUNTED: Mapping[Outcome, str] = {
    Outcome.PASS: "passed",
    Outcome.WARN: "warned",
    Outcome.FAIL: "failed",
    Outcome.UNKNOWN: "unknown",
}


def view(result: Checked, host: HostArguments) -> View:
    """One line per result, and below it the fix for one that did not pass."""
    counts = {status: result.count(status) for status in Outcome}
    known = replace(result, results=tuple(replace(item, fix=host.completed(item.fix)) for item in result.results))
    document = dataclasses.asdict(known)
    document |= {"counts": {status.value: number for status, number in counts.items()}, "passed": not result.failed}
    cases = tuple(
        Case(f"{item.theme}: {item.check}", _JUNIT[item.status], 0.0, item.evidence) for item in result.results
    )
    return View({"check": document}, tuple(_lines(result, counts)), _INDENT, cases)


def _lines(result: Checked, counts: Mapping[Outcome, int]) -> Iterator[Line]:
    theme = ""
    for item in result.results:
        if item.theme != theme:
            theme = item.theme
            yield Text(theme, style="bold")
        ignored = " (ignored)" if item.check in result.ignored and item.status is Outcome.FAIL else ""
        mark = Text(f"  {item.status.value:<8}", style=_COLOURS[item.status])
        yield Text.assemble(mark, f"{item.check}{ignored}: {item.evidence}")
        if item.fix and item.status is not Outcome.PASS:
            yield f"            -> {item.fix}"
    yield f"{result.host}: {', '.join(f'{number} {_COUNTED[status]}' for status, number in counts.items() if number)}"
