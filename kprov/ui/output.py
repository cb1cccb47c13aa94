"""Results on standard output: text for people, one versioned JSON document for programs; errors on standard error."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

from packaging.version import Version
from rich.text import Text

from kprov import __version__
from kprov.checks import Outcome
from kprov.commands import Way
from kprov.errors import (
    ClosedPipeError,
    ExitCode,
    InterruptedRunError,
    KprovError,
    OutputError,
    UsageError,
)
from kprov.events import Emit, Event, Warned
from kprov.journal import Journal
from kprov.operations.check import Checked
from kprov.operations.logs import Logs
from kprov.operations.status import Status as HostStatus
from kprov.operations.uninstall import Uninstalled
from kprov.operations.unit_status import UnitStatus
from kprov.operations.verdict import State
from kprov.operations.verify import Verification
from kprov.plan import Plan
from kprov.resources.base import Action, Change
from kprov.smoke import SmokeResult
from kprov.ui.console import console, print_line
from kprov.ui.junit import Case, write_junit
from kprov.ui.logs import log_document, log_lines
from kprov.ui.progress import progress

SCHEMA = 1
# On a narrow terminal, the indent of continuation lines of plans and checks.
_PLAN_INDENT, _CHECK_INDENT = 4, 15
_UNKNOWN_WAY = Way()
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

_COLOURS: Mapping[Outcome, str] = {
    Outcome.PASS: "green",
    Outcome.WARN: "yellow",
    Outcome.FAIL: "red",
    Outcome.UNKNOWN: "magenta",
}


_VERDICTS: Mapping[State, str] = {
    State.SERVING: "green",
    State.NOT_SERVING: "red",
    State.NOT_INSTALLED: "red",
    State.UNKNOWN: "magenta",
}


class Output:
    """Prints a command's result.

    as_json: collect everything and write one document at the end (``close``) instead of text.
    code: the exit code if nothing fails. journal: of a journalled run; it also gets the events and plans that are
    shown. junit: a file to write at the end, with a case for the command and one for each test of its result.
    way: how the run reaches its host, to complete the commands in its texts.
    """

    def __init__(
        self,
        command: str,
        *,
        as_json: bool = False,
        stream: TextIO | None = None,
        journal: Journal | None = None,
        junit: Path | None = None,
        way: Way = _UNKNOWN_WAY,
    ) -> None:
        self.code = ExitCode.DONE
        self.journal = journal
        self._command = command
        self._json = as_json
        self._console = console(stream or sys.stdout)
        self._way = way
        self._changing = False
        self._data: dict[str, Any] = {}
        self._junit = junit
        self._began = time.monotonic()
        self._cases: list[Case] = []
        self._failure = ""

    def check_junit(self) -> None:
        """Raise UsageError if the JUnit file cannot be written."""
        if self._junit is None:
            return
        if not self._junit.parent.is_dir():
            raise UsageError(f"{self._junit.parent} is not a folder", where="--junit", hint="create it first")
        if self._junit.is_dir() or not os.access(self._junit if self._junit.exists() else self._junit.parent, os.W_OK):
            raise UsageError(
                f"{self._junit} cannot be written", where="--junit", hint="name a file that you can write to"
            )

    def close(self, code: ExitCode) -> ExitCode:
        """Write the JSON document and the JUnit file, if wanted, and return the exit code of the command.

        That is ``code``, unless the command succeeded and the JUnit file could not be written. Raises OutputError and
        ClosedPipeError for standard output.
        """
        if self._junit is not None and self._junit.parent.is_dir():
            seconds = time.monotonic() - self._began
            whole = Case(f"kprov {self._command}", "failed" if self._failure else "passed", seconds, self._failure)
            try:
                write_junit(self._junit, f"kprov {self._command}", [whole, *self._cases])
            except OutputError as error:
                self.failed(error)
                code = code if code is not ExitCode.DONE else error.code
        if self._json:
            document = {
                "kprov": __version__,
                "schema": SCHEMA,
                "command": self._command,
                "exit_code": int(code),
                **self._data,
            }
            self._console.file.write(json.dumps(document, indent=2, default=_plain) + "\n")
            self._console.file.flush()
        return code

    @contextmanager
    def progress(self) -> Iterator[Emit]:
        """Yield an emitter whose events appear on standard error, and in the journal, until the block ends."""
        with progress() as show:
            listening = self.journal.listening(show) if self.journal else show

            def emit(event: Event) -> None:
                listening(Warned(self._way.completed(event.text)) if isinstance(event, Warned) else event)

            yield emit

    @contextmanager
    def changing(self) -> Iterator[Emit]:
        """Like ``progress``, for work that changes a host: from here on an interrupted run may have changed it."""
        self._changing = True
        with self.progress() as emit:
            yield emit

    def interrupted(self) -> InterruptedRunError:
        """The error for a run that the user ends with Ctrl-C."""
        if self._changing:
            hint = "run the same command again to continue"
            return InterruptedRunError("interrupted", hint=hint)
        return InterruptedRunError("interrupted, nothing was changed" if self._way.words else "interrupted")

    def complete(self, error: KprovError) -> KprovError:
        """The same error, with the commands in its hints completed so that the user can type them."""
        error.problems = tuple(replace(item, hint=self._way.completed(item.hint)) for item in error.problems)
        return error

    def add(self, key: str, value: Any, lines: Iterable[str | Text] = (), *, indent: int = 0) -> None:
        """Add a part of the result: a key of the document, or lines of text.

        Commands in a line that is a plain string are completed. indent: of the continuation of a line that is too
        long for the terminal; without it the terminal breaks the line, so that it can be copied as a whole.
        """
        if self._json:
            self._data[key] = value
            return
        for line in lines:
            text = self._way.completed(line) if isinstance(line, str) else line
            print_line(self._console, text, indent=indent)

    def planned(self, plan: Plan) -> None:
        """Write a plan that is applied without being shown to the journal."""
        if self.journal:
            self.journal.plan(plan)

    def plan(self, plan: Plan, *, diffs: bool) -> None:
        """Show every change on one line with its reason; with ``diffs`` also the changes of files."""
        self.planned(plan)
        lines: list[str | Text] = []
        for change in plan.changes:
            sign, colour = _SIGNS[change.action]
            lines.append(
                Text.assemble((f"{sign} {change.action} {change.title}", colour), (f"  {change.reason}", "dim"))
            )
            if diffs and change.diff and change.action is not Action.CREATE:
                lines += [_diff_line(line) for line in change.diff.splitlines()]
        lines += [f"  keeps {text}" for text in plan.kept]
        lines += [Text(f"  loses {text}", style="red") for text in plan.lost]
        lines += [f"  note: {note}" for note in plan.notes]
        if not plan.changes:
            lines.append(f"{plan.host}: nothing to do")
        else:
            lines.append(f"{plan.host}: {counted(len(plan.changes), 'change')}")
        self.add("plan", self._plan_document(plan), lines, indent=_PLAN_INDENT)

    def _plan_document(self, plan: Plan) -> dict[str, Any]:
        return {
            "host": plan.host,
            "changes": [_change_document(change) for change in plan.changes],
            "notes": [self._way.completed(note) for note in plan.notes],
            "kept": list(plan.kept),
            "lost": list(plan.lost),
        }

    def checked(self, result: Checked) -> None:
        """Show one line per result, grouped by theme, with the fix below it; then the number of each outcome."""
        lines: list[str | Text] = []
        theme = ""
        # UNKNOWN is not a pass: JUnit counts it as skipped.
        junit = {Outcome.PASS: "passed", Outcome.WARN: "passed", Outcome.FAIL: "failed", Outcome.UNKNOWN: "skipped"}
        for item in result.results:
            self._cases.append(Case(f"{item.theme}: {item.check}", junit[item.status], 0.0, item.evidence))
            if item.theme != theme:
                theme = item.theme
                lines.append(Text(theme, style="bold"))
            ignored = " (ignored)" if item.check in result.ignored and item.status is Outcome.FAIL else ""
            mark = Text(f"  {item.status.value:<8}", style=_COLOURS[item.status])
            lines.append(Text.assemble(mark, f"{item.check}{ignored}: {item.evidence}"))
            if item.fix and item.status is not Outcome.PASS:
                lines.append(f"            -> {item.fix}")
        counts = {status.value: result.count(status) for status in Outcome}
        words = {"pass": "passed", "warn": "warned", "fail": "failed", "unknown": "unknown"}
        summary = ", ".join(f"{number} {words[name]}" for name, number in counts.items() if number)
        lines.append(f"{result.host}: {summary}")
        found = [replace(item, fix=self._way.completed(item.fix)) for item in result.results]
        document = dataclasses.asdict(replace(result, results=tuple(found)))
        document |= {"counts": counts, "passed": not result.failed}
        self.add("check", document, lines, indent=_CHECK_INDENT)

    def smoke(self, result: SmokeResult) -> None:
        """Show the steps with the commands as one would type them, and the result."""
        lines: list[str | Text] = [f"$ cd {result.home}"]
        for step in result.steps:
            mark, colour = {True: ("ok", "green"), False: ("FAILED", "red"), None: ("not run", "yellow")}[step.passed]
            prompt = "$ " if step.command.startswith(("bin/", "printf")) else "  "
            lines.append(f"{prompt}{step.command}")
            detail = f": {step.detail}" if step.detail else ""
            lines.append(Text.assemble("    ", (mark, colour), f"  {step.name}{detail}  {step.seconds:.1f} s"))
        verdict = "passed" if result.passed else "FAILED"
        can = "can" if result.passed else "cannot"
        lines.append(f"smoke test {verdict}: clients {can} produce and consume at {result.bootstrap}")
        for step in result.steps:
            status = {True: "passed", False: "failed", None: "skipped"}[step.passed]
            self._cases.append(Case(f"smoke test: {step.name}", status, step.seconds, step.detail))
        self.add("smoke_test", {**dataclasses.asdict(result), "passed": result.passed}, lines)

    def logs(self, logs: Logs) -> None:
        """Show the problems found in the logs, with a fix for each, and the end of each log."""
        problems = tuple(replace(item, remedy=self._way.completed(item.remedy)) for item in logs.problems)
        known = replace(logs, problems=problems)
        self.add("logs", log_document(known), log_lines(known))

    def status(self, status: HostStatus) -> None:
        """Show the verdict and its reasons, then versions, units, ports and processes, and the drift."""
        verdict = status.verdict
        basis = " (every service runs and listens on its ports)" if verdict.state is State.SERVING else ""
        lines: list[str | Text] = [
            Text.assemble(f"{status.host}: ", (verdict.state.value, _VERDICTS[verdict.state]), basis),
            *(f"  {reason}" for reason in verdict.reasons),
            *(f"  -> {text}" for text in verdict.advice),
        ]
        lines += _planned(status) if verdict.state is State.NOT_INSTALLED else _installation(status)
        document = dataclasses.asdict(status) | {"serving": status.serving, "verdict": dataclasses.asdict(verdict)}
        self.add("status", document, lines)

    def uninstalled(self, result: Uninstalled) -> None:
        """Show what stays on the host, and the leftovers that the last probe found."""
        lines = [f"kept: {text}" for text in result.kept]
        lines += [f"left over: {text}" for text in result.leftovers]
        lines.append(f"{result.host}: {counted(len(result.leftovers), 'leftover')}")
        self.add("uninstall", dataclasses.asdict(result), lines)

    def verified(self, result: Verification) -> None:
        """Show each test of the suite, and the number of each result."""
        marks = {"passed": ("ok     ", "green"), "failed": ("FAILED ", "red"), "skipped": ("skipped", "yellow")}
        lines: list[str | Text] = []
        for test in result.tests:
            self._cases.append(Case(test.name, test.status, test.seconds, test.detail))
            lines.append(Text.assemble(marks[test.status], f"  {test.name}"))
            lines += [f"           {line}" for line in test.detail.splitlines()]
        count = {status: sum(test.status == status for test in result.tests) for status in marks}
        lines.append(f"{result.host}: {', '.join(f'{number} {status}' for status, number in count.items())}")
        self.add("verify", dataclasses.asdict(result) | {"passed": result.passed}, lines)

    def files(self, folder: Path, paths: Sequence[Path]) -> None:
        """Show the files that were written."""
        self.add(
            "files", [str(path) for path in paths], [*(str(path) for path in paths), f"{len(paths)} files in {folder}"]
        )

    def next_command(self, command: str, before: Iterable[str] = ()) -> None:
        """Show the command to type next, with HOST for the host of this run. before: lines to show above it."""
        self.add("next", self._way.completed(command), [*before, f"next: {command}"])

    def failed(self, error: KprovError) -> None:
        """Show an error: in the JSON document, or on standard error."""
        said = "\n".join(f"{problem}\n{problem.cause}".strip() for problem in error.problems)
        self._failure = f"{self._failure}\n{said}".strip()
        if self._json:
            self._data.setdefault("problems", []).extend(dataclasses.asdict(problem) for problem in error.problems)
        else:
            show_error(error)


def counted(number: int, noun: str) -> str:
    """``1 change``, ``2 changes``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def show_error(error: KprovError, stream: TextIO | None = None) -> None:
    """Show each problem: what and where, the cause, the fix. Show nothing if nobody reads the output any more."""
    if isinstance(error, ClosedPipeError):
        return
    target = console(stream or sys.stderr)
    for problem in error.problems:
        print_line(target, Text.assemble(("error: ", "bold red"), str(problem)), indent=7)
        for line in problem.cause.splitlines():
            print_line(target, Text(f"  | {line}", style="dim"))
        if problem.hint:
            print_line(target, f"  -> {problem.hint}", indent=5)


def _diff_line(line: str) -> Text:
    colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")
    return Text(f"    {line}", style=colour)


def _planned(status: HostStatus) -> list[str | Text]:
    """What the interrupted run was installing."""
    return [f"planned    Kafka {status.kafka}, ZooKeeper {status.zookeeper}, Java {status.java}"]


def _installation(status: HostStatus) -> list[str | Text]:
    lines: list[str | Text] = [
        f"kafka      {status.kafka}  in {status.home}, clients at {status.bootstrap}",
        *_protocol_line(status),
        f"zookeeper  {status.zookeeper}",
        f"java       {status.java}  in {status.java_home}",
        f"data       {', '.join(status.data)}",
        *(Text.assemble(("offline    ", "red"), f"{path}: the broker does not use it") for path in status.offline),
        *(_unit_line(unit) for unit in status.units),
        *(f"drop-ins   {unit.unit}: {', '.join(unit.drop_ins)}" for unit in status.units if unit.drop_ins),
        *(Text.assemble(("drift      ", "yellow"), f"{item.id} {item.what}") for item in status.drift),
    ]
    return [*lines, "           to see how install repairs the drift: kprov plan HOST"] if status.drift else lines


def _protocol_line(status: HostStatus) -> list[str]:
    return [f"protocol   {status.protocol}; to raise it: kprov upgrade HOST --finish"] if status.protocol else []


def _unit_line(unit: UnitStatus) -> Text:
    ports = ", ".join(f"{port}{'' if port in unit.listening else ' (not bound)'}" for port in unit.ports)
    rest = f"pid {unit.pid}  port {ports}  since {unit.since}" if unit.pid else f"port {ports}"
    enabled = "enabled" if unit.enabled else "not enabled"
    restarts = "unknown" if unit.restarts is None else unit.restarts
    colour = "green" if unit.serving else "red"
    return Text.assemble(f"{unit.unit:<18}", (unit.active, colour), f"  {enabled}  {rest}  restarts {restarts}")


def _change_document(change: Change) -> dict[str, Any]:
    return {
        "action": change.action,
        "id": change.id,
        "title": change.title,
        "reason": change.reason,
        "diff": change.diff,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Version | Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
