"""Past runs as lines for people."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.text import Text

from kprov.commands import HostArguments
from kprov.events import Event, Message, StepDone, StepFailed, StepStarted, Transfer, Warned
from kprov.history import Record, Run
from kprov.operations.history import Runs, RunShown
from kprov.ui.progress import plain_line
from kprov.ui.views.view import Line, View, moment
from kprov.words import counted

_EVENTS: Mapping[str, type[Event]] = {
    kind.__name__: kind for kind in (Message, Warned, Transfer, StepStarted, StepDone, StepFailed)
}


def list_view(found: Runs, _: HostArguments) -> View:
    """One line per run, or a line that there are none."""
    lines: tuple[Line, ...] = tuple(list_lines(found.runs)) if found.runs else (found.empty,)
    return View({"runs": [_document(run) for run in found.runs]}, lines)


def run_view(shown: RunShown, _: HostArguments) -> View:
    """One run with its journal."""
    document = {**_document(shown.run), "records": list(shown.records)}
    return View({"run": document}, tuple(journal_lines(shown.run, shown.records)))


def list_lines(runs: Sequence[Run]) -> Iterator[Text]:
    """One line per run: id, time, user, command, hosts, number of changes, outcome."""
    width = max((len(run.who) for run in runs), default=0)
    for run in runs:
        yield Text.assemble(
            f"{run.id}  {moment(run.began)}  {run.who:<{width}}  {shlex.join(run.command)}",
            (f"  on {', '.join(run.hosts)}" if _unnamed(run) else "", "dim"),
            (f"  {_changes(run)}", "dim"),
            "  ",
            (run.outcome, _colour(run)),
        )


def journal_lines(run: Run, records: Sequence[Record]) -> Iterator[Text]:
    """The journal of one run, in order."""
    yield Text.assemble(f"{run.id}  ", (run.outcome, _colour(run)))
    yield Text(f"  kprov {shlex.join(run.command)}")
    yield Text(f"  by {run.who} in {run.directory}, kprov {run.kprov}")
    for record in records:
        when = moment(str(record.get("when", "")), clock=True)
        for line in _lines(record):
            yield Text.assemble((f"{when}  ", "dim"), line)
    if run.exit_code is None:
        yield Text("the run is still in progress" if run.under_way else "the run did not finish: it was killed")


def _document(run: Run) -> dict[str, Any]:
    return {**dataclasses.asdict(run), "outcome": run.outcome}


def _lines(record: Record) -> Iterator[str]:
    match record.get("record"):
        case "begin":
            yield f"started as process {record.get('process')}"
        case "host":
            yield f"host {record.get('host')}: {record.get('address')}"
        case "plan":
            changes = record.get("changes", [])
            yield f"plan for {record.get('host')}: {counted(len(changes), 'change')}"
            for change in changes:
                yield f"  {change.get('action')} {change.get('title')}  {change.get('reason')}"
            for item in record.get("settings", []):
                yield f"  setting {item.get('key')}: {item.get('old')} -> {item.get('new')}"
            yield from (f"  note: {note}" for note in record.get("notes", []))
        case "event":
            line = _event_line(record)
            if line:
                yield line
        case "end":
            yield f"ended with exit code {record.get('exit_code')}"
            for problem in record.get("problems", []):
                yield f"  error: {problem.get('where') or 'the run'}: {problem.get('what')}"
                yield from (f"    | {line}" for line in str(problem.get("cause", "")).splitlines())
                yield from (f"    -> {line}" for line in str(problem.get("hint", "")).splitlines())


def _event_line(record: Record) -> str | None:
    kind = _EVENTS.get(str(record.get("event")))
    fields: dict[str, Any] = {name: value for name, value in record.items() if name not in {"record", "when", "event"}}
    try:
        return plain_line(kind(**fields)) if kind else None
    except TypeError:  # written by another version of kprov
        return None


def _unnamed(run: Run) -> bool:
    """Whether the command line does not name the hosts."""
    return any(not any(host in word for word in run.command) for host in run.hosts)


def _changes(run: Run) -> str:
    if run.done is None or run.done == run.planned:
        return counted(run.planned, "change")
    return f"{run.done} of {counted(run.planned, 'change')}"


def _colour(run: Run) -> str:
    if run.exit_code is None:
        return "yellow"
    return "green" if run.exit_code == 0 else "red"
