"""A plan: one line per change with its reason, and the changes of files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.text import Text

from kprov.commands import HostArguments
from kprov.kinds.base import Action, Change
from kprov.plan import Plan
from kprov.ui.grouped import FEW, counted_groups
from kprov.ui.views.view import Line, View
from kprov.words import counted

_INDENT = 4
_COUNTED = (str(Action.CREATE), str(Action.REMOVE))
_SIGNS: Mapping[Action, tuple[str, str]] = {
    Action.CREATE: ("+", "green"),
    Action.UPDATE: ("~", "yellow"),
    Action.REPLACE: ("~", "yellow"),
    Action.ADOPT: ("~", "yellow"),
    Action.REMOVE: ("-", "red"),
    Action.RESTORE: ("<", "green"),
    Action.START: (">", "green"),
    Action.RESTART: ("^", "yellow"),
    Action.STOP: ("!", "red"),
}


def view(plan: Plan, host: HostArguments) -> View:
    """The changes, what stays, what is lost and the notes; the content of new files is not shown."""
    brief = (*brief_lines([(change, "") for change in plan.changes]), *_rest(plan))
    return View({"plan": document_of(plan, host)}, tuple(_lines(plan)), _INDENT, brief=brief)


def document_of(plan: Plan, host: HostArguments) -> dict[str, Any]:
    """The plan for programs."""
    return {
        "host": plan.host,
        "changes": [_change(change) for change in plan.changes],
        "notes": [host.completed(note) for note in plan.notes],
        "kept": list(plan.kept),
        "lost": list(plan.lost),
    }


def change_lines(change: Change, hosts: str = "") -> Iterator[Line]:
    """The line of a change, and its diff. hosts: which hosts it is for, at the end of its line."""
    sign, colour = _SIGNS[change.action]
    yield Text.assemble((f"{sign} {change.action} {change.title}", colour), (f"  {change.reason}", "dim"), hosts)
    if change.diff and change.action is not Action.CREATE:
        yield from map(_diff_line, change.diff.splitlines())


def brief_lines(changes: Sequence[tuple[Change, str]]) -> Iterator[Line]:
    """The changes, each with its hosts; those of a group are counted, but for releases: these are what is installed."""
    found = {verb: [change.group for change, _ in changes if _is_counted(change, verb)] for verb in _COUNTED}
    counts = {verb: groups for verb, groups in found.items() if len(groups) > FEW}
    told: set[str] = set()
    for change, hosts in changes:
        verb = str(change.action)
        if verb not in counts or not _is_counted(change, verb):
            yield from change_lines(change, hosts)
        elif verb not in told:
            told.add(verb)
            sign, colour = _SIGNS[change.action]
            yield Text.assemble((f"{sign} {counted_groups(counts[verb])}", colour), ("  -v lists them", "dim"))


def _is_counted(change: Change, verb: str) -> bool:
    return change.group.startswith(f"{verb} ") and not change.group.endswith(" release")


def _lines(plan: Plan) -> Iterator[Line]:
    for change in plan.changes:
        yield from change_lines(change)
    yield from _rest(plan)


def _rest(plan: Plan) -> Iterator[Line]:
    yield from (f"  keeps {text}" for text in plan.kept)
    yield from (Text(f"  loses {text}", style="red") for text in plan.lost)
    yield from (f"  note: {note}" for note in plan.notes)
    yield f"{plan.host}: {counted(len(plan.changes), 'change') if plan.changes else 'nothing to do'}"


def _diff_line(line: str) -> Text:
    colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")
    return Text(f"    {line}", style=colour)


def _change(change: Change) -> dict[str, Any]:
    return {
        "action": change.action,
        "id": change.id,
        "title": change.title,
        "reason": change.reason,
        "diff": change.diff,
    }
