"""Results on standard output: text for people, one versioned JSON document for programs; errors on standard error."""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from packaging.version import Version
from rich.console import Console
from rich.text import Text

from kprov import __version__
from kprov.checks import Status
from kprov.errors import ExitCode, KprovError, UsageError
from kprov.events import Emit
from kprov.journal import Journal
from kprov.operations.check import Checked
from kprov.operations.status import Status as HostStatus
from kprov.operations.uninstall import Uninstalled
from kprov.operations.verify import Verification
from kprov.plan import Plan
from kprov.resources.base import Action, Change
from kprov.smoke import SmokeResult
from kprov.ui.junit import Case, write_junit
from kprov.ui.progress import progress

SCHEMA = 1
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

_COLOURS: Mapping[Status, str] = {
    Status.PASS: "green",
    Status.WARN: "yellow",
    Status.FAIL: "red",
    Status.UNKNOWN: "magenta",
}


class Output:
    """Where a command's result goes.

    as_json: collect everything and write one document at the end (``close``) instead of text.
    code: how the command ends when nothing fails. journal: of a run that is journalled; events and plans that are
    shown are written there as well. junit: a file with the command and each test of its result as a case, written
    at the end.
    """

    def __init__(
        self,
        command: str,
        *,
        as_json: bool = False,
        stream: TextIO | None = None,
        journal: Journal | None = None,
        junit: Path | None = None,
    ) -> None:
        self.code = ExitCode.DONE
        self.journal = journal
        self._command = command
        self._json = as_json
        self._console = Console(file=stream or sys.stdout, highlight=False, emoji=False, soft_wrap=True)
        self._data: dict[str, Any] = {}
        self._junit = junit
        self._began = time.monotonic()
        self._cases: list[Case] = []
        self._failure = ""

    def check_junit(self) -> None:
        """Raise UsageError where the JUnit file has no folder to be written to."""
        if self._junit is not None and not self._junit.parent.is_dir():
            raise UsageError(f"{self._junit.parent} is not a folder", where="--junit", hint="make it first")

    def close(self, code: ExitCode) -> None:
        """Write the JSON document and the JUnit file, where they were asked for."""
        if self._junit is not None and self._junit.parent.is_dir():
            seconds = time.monotonic() - self._began
            whole = Case(f"kprov {self._command}", "failed" if self._failure else "passed", seconds, self._failure)
            write_junit(self._junit, f"kprov {self._command}", [whole, *self._cases])
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

    @contextmanager
    def progress(self) -> Iterator[Emit]:
        """Yield an emitter whose events appear on standard error, and in the journal, until the block ends."""
        with progress() as emit:
            yield self.journal.listening(emit) if self.journal else emit

    def add(self, key: str, value: Any, lines: Iterable[str | Text] = ()) -> None:
        """A part of the result: a key of the document, or lines of text."""
        if self._json:
            self._data[key] = value
            return
        for line in lines:
            self._console.print(line, markup=False)

    def planned(self, plan: Plan) -> None:
        """A plan that is carried out without being shown; only the journal has it."""
        if self.journal:
            self.journal.plan(plan)

    def plan(self, plan: Plan, *, diffs: bool) -> None:
        """Every change as one line with its reason; with ``diffs`` what files will hold."""
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
        lines += [f"  note: {note}" for note in plan.notes]
        if not plan.changes:
            lines.append(f"{plan.host}: nothing to do")
        else:
            lines.append(f"{plan.host}: {counted(len(plan.changes), 'change')}")
        self.add("plan", _plan_document(plan), lines)

    def checked(self, result: Checked) -> None:
        """Theme by theme, one line for each result, below it what mends it; then how many there are of each."""
        lines: list[str | Text] = []
        theme = ""
        # A check that could not look is no pass: it counts as left out.
        junit = {Status.PASS: "passed", Status.WARN: "passed", Status.FAIL: "failed", Status.UNKNOWN: "skipped"}
        for item in result.results:
            self._cases.append(Case(f"{item.theme}: {item.check}", junit[item.status], 0.0, item.evidence))
            if item.theme != theme:
                theme = item.theme
                lines.append(Text(theme, style="bold"))
            ignored = " (ignored)" if item.check in result.ignored and item.status is Status.FAIL else ""
            mark = Text(f"  {item.status.value:<8}", style=_COLOURS[item.status])
            lines.append(Text.assemble(mark, f"{item.check}{ignored}: {item.evidence}"))
            if item.fix and item.status is not Status.PASS:
                lines.append(f"            -> {item.fix}")
        counts = {status.value: result.count(status) for status in Status}
        words = {"pass": "passed", "warn": "warned", "fail": "failed", "unknown": "could not be seen"}
        summary = ", ".join(f"{number} {words[name]}" for name, number in counts.items() if number)
        lines.append(f"{result.host}: {summary}")
        self.add("check", {**dataclasses.asdict(result), "counts": counts, "passed": not result.failed}, lines)

    def smoke(self, result: SmokeResult) -> None:
        """The steps as the article's reader would type them, and the verdict."""
        lines: list[str | Text] = [f"$ cd {result.home}"]
        for step in result.steps:
            mark, colour = {True: ("ok", "green"), False: ("FAILED", "red"), None: ("not run", "yellow")}[step.passed]
            prompt = "$ " if step.command.startswith(("bin/", "printf")) else "  "
            lines.append(f"{prompt}{step.command}")
            detail = f": {step.detail}" if step.detail else ""
            lines.append(Text.assemble("    ", (mark, colour), f"  {step.name}{detail}  {step.seconds:.1f} s"))
        verdict = "passed" if result.passed else "FAILED"
        lines.append(f"smoke test {verdict}: clients are {'' if result.passed else 'not '}served at {result.bootstrap}")
        for step in result.steps:
            status = {True: "passed", False: "failed", None: "skipped"}[step.passed]
            self._cases.append(Case(f"smoke test: {step.name}", status, step.seconds, step.detail))
        self.add("smoke_test", {**dataclasses.asdict(result), "passed": result.passed}, lines)

    def status(self, status: HostStatus) -> None:
        """Versions, units, ports, processes, since when."""
        lines: list[str | Text] = [
            f"host       {status.host}"
            + ("" if status.state != "applying" else "  (a run has not come to its end: kprov install goes on)"),
            f"kafka      {status.kafka}  in {status.home}, clients at {status.bootstrap}",
            *([f"protocol   {status.protocol}, until kprov upgrade --finish"] if status.protocol else []),
            f"zookeeper  {status.zookeeper}",
            f"java       {status.java}  in {status.java_home}",
            f"data       {', '.join(status.data)}",
            *(Text.assemble(("offline    ", "red"), f"{path}: the broker does not use it") for path in status.offline),
        ]
        for unit in status.units:
            colour = "green" if unit.serving else "red"
            ports = ", ".join(f"{port}{'' if port in unit.listening else ' (not bound)'}" for port in unit.ports)
            rest = f"pid {unit.pid}  port {ports}  since {unit.since}" if unit.pid else f"port {ports}"
            enabled = "enabled" if unit.enabled else "not enabled"
            lines.append(Text.assemble(f"{unit.unit:<18}", (unit.active, colour), f"  {enabled}  {rest}"))
        lines += [Text.assemble(("drift      ", "yellow"), f"{item.id} {item.what}") for item in status.drift]
        if status.drift:
            lines.append(f"next: kprov plan {status.host} shows how install mends it")
        document = dataclasses.asdict(status) | {"serving": status.serving}
        self.add("status", document, lines)

    def uninstalled(self, result: Uninstalled) -> None:
        """What stays, and what the last probe found."""
        lines = [f"kept: {text}" for text in result.kept]
        lines += [f"left over: {text}" for text in result.leftovers]
        lines.append(f"{result.host}: {counted(len(result.leftovers), 'leftover')}")
        self.add("uninstall", dataclasses.asdict(result), lines)

    def verified(self, result: Verification) -> None:
        """Each test of the suite, and the verdict."""
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
        """The files that were written."""
        self.add(
            "files", [str(path) for path in paths], [*(str(path) for path in paths), f"{len(paths)} files in {folder}"]
        )

    def next_command(self, command: str) -> None:
        """The command to type next."""
        self.add("next", command, [f"next: {command}"])

    def failed(self, error: KprovError) -> None:
        """An error, as part of the JSON document; for people it goes to standard error."""
        self._failure = "\n".join(f"{problem}\n{problem.cause}".strip() for problem in error.problems)
        if self._json:
            self._data["problems"] = [dataclasses.asdict(problem) for problem in error.problems]
        else:
            show_error(error)


def counted(number: int, noun: str) -> str:
    """``1 change``, ``2 changes``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def show_error(error: KprovError, stream: TextIO | None = None) -> None:
    """Each problem: what and where, the cause, what to do."""
    console = Console(file=stream or sys.stderr, highlight=False, emoji=False, soft_wrap=True)
    for problem in error.problems:
        console.print(Text.assemble(("error: ", "bold red"), str(problem)))
        for line in problem.cause.splitlines():
            console.print(Text(f"  | {line}", style="dim"))
        if problem.hint:
            console.print(Text(f"  -> {problem.hint}"))


def _diff_line(line: str) -> Text:
    colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")
    return Text(f"    {line}", style=colour)


def _plan_document(plan: Plan) -> dict[str, Any]:
    return {
        "host": plan.host,
        "changes": [_change_document(change) for change in plan.changes],
        "notes": list(plan.notes),
        "kept": list(plan.kept),
    }


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
    raise TypeError(f"{type(value).__name__} is not meant for JSON")
