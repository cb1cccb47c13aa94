"""Logs of a host as lines for people and as a document for programs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from rich.text import Text

from kprov.commands import HostArguments
from kprov.logs import LogEntry, LogProblem
from kprov.operations.logs import LogLine, Logs, Tail
from kprov.ui.views.view import View

_SHOWN_PROBLEMS = 10
_SHOWN_LINES = 30  # of one problem: a stack trace can be long
_COLOURS = {"FATAL": "bold red", "ERROR": "red", "WARN": "yellow"}
_LEVEL = re.compile(r"\b(FATAL|ERROR|WARN)\b")
_NAME_WIDTH = 17


def view(logs: Logs, host: HostArguments) -> View:
    """The problems found in the logs, with a fix for each, and the end of each log."""
    problems = tuple(replace(item, remedy=host.completed(item.remedy)) for item in logs.problems)
    known = replace(logs, problems=problems)
    return View({"logs": log_document(known)}, tuple(log_lines(known)))


def log_lines(logs: Logs) -> Iterator[Text]:
    """The end of each source, then the problems: the newest is last, where a terminal shows it."""
    for tail in logs.tails:
        if tail.lines or tail.status == "unknown":
            yield from _tail(tail)
            yield Text()
    if silent := [tail.source.name for tail in logs.tails if not tail.lines and tail.status != "unknown"]:
        yield Text(f"no lines in {', '.join(silent)}\n", style="dim")
    since = f" since {_moment(logs.since)}" if logs.since else ""
    if not logs.problems:
        yield Text(f"{logs.host}: no problems in the logs{since}")
        return
    yield Text(f"{logs.host}: problems{since}, newest last (time on the host: {_moment(logs.now)} {logs.now:%z})")
    if (more := len(logs.problems) - _SHOWN_PROBLEMS) > 0:
        yield Text(f"{more} older ones are not shown; --json shows all")
    for finding in reversed(logs.problems[:_SHOWN_PROBLEMS]):
        yield from _problem(finding)


def line_view(line: LogLine, _: HostArguments) -> View:
    """A new line of a log, with the name of its source."""
    return View({}, (follow_line(line),))


def follow_line(line: LogLine) -> Text:
    return Text.assemble((f"{line.source.name:<{_NAME_WIDTH}} ", "dim"), (_shown(line.text), _colour(line.text)))


def _problem(finding: LogProblem) -> Iterator[Text]:
    entry = finding.entry
    often = f"  {finding.count} times" if finding.count > 1 else ""
    yield Text()
    yield Text.assemble(
        (f"{_moment(entry.time)}  {entry.level or 'exception'}", _COLOURS.get(entry.level, "red")),
        f"  {entry.source}{often}",
    )
    yield Text(f"  {_shown(entry.text)}")
    for line in entry.lines[1:_SHOWN_LINES]:
        yield Text(f"  | {_shown(line)}", style="dim")
    if (more := len(entry.lines) - _SHOWN_LINES) > 0:
        yield Text(f"  | ... {more} more lines", style="dim")
    if finding.remedy:
        yield Text(f"  -> {finding.remedy}")


def _tail(tail: Tail) -> Iterator[Text]:
    source = tail.source
    place = source.path or f"journalctl -u {source.unit}"
    if tail.status == "unknown":
        yield Text(f"== {source.name} cannot be read: {tail.why}", style="red")
    else:
        yield Text(f"== {source.name}  {place}", style="bold")
    for line in tail.lines:
        yield Text(_shown(line), style=_colour(line))


def _shown(line: str) -> str:
    """A log line without escape characters, so that it cannot control the terminal."""
    return line.replace("\x1b", "\N{SYMBOL FOR ESCAPE}")


def _colour(line: str) -> str:
    match = _LEVEL.search(line[:120])
    return _COLOURS[match[1]] if match else ""


def _moment(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment else "unknown time"


def log_document(logs: Logs) -> dict[str, Any]:
    """All problems and lines; times in ISO 8601 with the host's time zone."""
    return {
        "host": logs.host,
        "now": logs.now.isoformat(),
        "since": logs.since.isoformat() if logs.since else None,
        "problems": [
            {**_entry(finding.entry), "count": finding.count, "remedy": finding.remedy} for finding in logs.problems
        ],
        "sources": [
            {
                "name": tail.source.name,
                "unit": tail.source.unit,
                "path": tail.source.path,
                "status": tail.status,
                "why": tail.why,
                "lines": list(tail.lines),
            }
            for tail in logs.tails
        ],
    }


def _entry(entry: LogEntry) -> dict[str, Any]:
    return {
        "source": entry.source,
        "time": entry.time.isoformat() if entry.time else None,
        "level": entry.level,
        "text": entry.text,
        "lines": list(entry.lines),
    }
