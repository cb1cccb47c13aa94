"""Results on standard output: text for people, one versioned JSON document for programs; errors on standard error."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

from packaging.version import Version
from rich.text import Text

from kprov import __version__
from kprov.commands import HostArguments
from kprov.errors import (
    ClosedPipeError,
    DeclinedError,
    ExitCode,
    InterruptedRunError,
    KprovError,
    OutputError,
    Problem,
    UsageError,
)
from kprov.events import Emit, Event, Warned
from kprov.journal import Journal
from kprov.operations.report import Report
from kprov.plan import Plan
from kprov.rollout.plan import ClusterPlan
from kprov.ui.console import console, let_it_be_read, plain_wanted, print_line
from kprov.ui.junit import Case, write_junit
from kprov.ui.progress import progress
from kprov.ui.views import view_of

SCHEMA = 1
_NO_HOST = HostArguments()
# Of a smoke test that proves an installation, and of 140 tests that passed, the verdict is enough.
_IN_SHORT = {"install", "upgrade", "verify"}


class Output:
    """Prints a command's result.

    as_json: collect everything and write one document at the end (``close``) instead of text.
    report: the result of the command, once it has one. yes: answer every question with yes. ask: asks the operator;
    None if there is no terminal. journal: of a journalled run; it also gets the events and plans that are shown.
    junit: a file to write at the end, with a case for the command and one for each test of its result. host: how the
    run reaches its host, to complete the commands in its texts. verbose: whether every change and step is told.
    """

    def __init__(
        self,
        command: str,
        *,
        as_json: bool = False,
        stream: TextIO | None = None,
        journal: Journal | None = None,
        junit: Path | None = None,
        host: HostArguments = _NO_HOST,
        yes: bool = False,
        ask: Callable[[str], bool] | None = None,
        verbose: bool = False,
    ) -> None:
        self.report = Report(command)
        self.journal = journal
        self._json = as_json
        self._console = console(stream or sys.stdout)
        self._host = host
        self._yes = yes
        self._ask = ask
        self._verbose = verbose
        self._changing = False
        self._several = False
        self._data: dict[str, Any] = {}
        self._junit = junit
        self._began = time.monotonic()
        self._cases: list[Case] = []
        self._failure = ""
        self._shown = False
        self._warnings: list[str] = []

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
            whole = Case(
                f"kprov {self.report.command}", "failed" if self._failure else "passed", seconds, self._failure
            )
            try:
                write_junit(self._junit, f"kprov {self.report.command}", [whole, *self._cases])
            except OutputError as error:
                self.failed(error)
                code = code if code is not ExitCode.DONE else error.code
        if self._json:
            if self._warnings:
                self._data.setdefault("warnings", list(dict.fromkeys(self._warnings)))
            document = {
                "kprov": __version__,
                "schema": SCHEMA,
                "command": self.report.command,
                "exit_code": int(code),
                **self._data,
            }
            self._console.file.write(json.dumps(_null_if_empty(document), indent=2, default=_plain) + "\n")
            self._console.file.flush()
        return code

    @contextmanager
    def progress(self) -> Iterator[Emit]:
        """Yield an emitter whose events appear on standard error, and in the journal, until the block ends."""
        with progress(several=self._several, every_step=self._verbose) as show:
            listening = self.journal.listening(show) if self.journal else show

            def emit(event: Event) -> None:
                if isinstance(event, Warned):
                    event = replace(event, text=self._host.completed(event.text))
                    whose = f"{event.host}: " if event.host and self._several else ""
                    self._warnings.append(f"{whose}{event.text}")
                listening(event)

            yield emit

    @contextmanager
    def changing(self, hosts: int | None = None) -> Iterator[Emit]:
        """Like ``progress``, for work that changes hosts: from here on an interrupted run may have changed them.

        hosts: as for ``reaching``, where it is known only now.
        """
        if hosts is not None:
            self.reaching(hosts)
        self._changing = True
        with self.progress() as emit:
            yield emit

    def reaching(self, hosts: int) -> None:
        """How many hosts the run is about, once that is known: of several, each line says which one it is about."""
        self._several = hosts > 1

    def interrupted(self) -> InterruptedRunError:
        """The error for a run that the user ends with Ctrl-C."""
        if self._changing:
            hint = "run the same command again to continue"
            return InterruptedRunError("interrupted", hint=hint)
        return InterruptedRunError("interrupted, nothing was changed" if self._host.words else "interrupted")

    def complete(self, error: KprovError) -> KprovError:
        """The same error, with the commands in its hints completed so that the user can type them."""
        error.problems = tuple(self._completed(problem) for problem in error.problems)
        return error

    def _completed(self, problem: Problem) -> Problem:
        return replace(problem, hint=self._host.at(problem.where).completed(problem.hint))

    def show(self, plan: Plan | ClusterPlan) -> None:
        """Show a plan before the operator is asked about it; the journal gets it as well."""
        for item in plan.plans if isinstance(plan, ClusterPlan) else (plan,):
            self.record(item)
        self._show(plan, brief=True)

    def record(self, plan: Plan) -> None:
        """Write a plan that is applied without being shown to the journal."""
        if self.journal:
            self.journal.plan(plan)

    def confirm(self, question: str) -> None:
        """Ask unless --yes was given. Raises DeclinedError if the answer is no, or if there is no terminal."""
        if self._yes:
            return
        if self._ask is None:
            raise DeclinedError(
                "no terminal to confirm on; nothing was changed", hint="run this with --yes to skip the question"
            )
        let_it_be_read(self._console.file)
        if not self._ask(question):
            raise DeclinedError("declined, nothing was changed")

    def finish(self, report: Report) -> None:
        """Show the result of the command, and its problems."""
        for item in report.data:
            self._show(item, brief=report.command in _IN_SHORT)
        problems = tuple(self._completed(problem) for problem in report.problems)
        self.report = replace(report, problems=problems)
        self._fail(problems)

    def show_again(self, report: Report) -> None:
        """Show a result in place of the one before; in a pipe, below it, after an empty line."""
        if self._console.is_terminal and not plain_wanted():
            self._console.clear()
        elif self._shown:
            self._console.print()
        self._shown = True
        for item in report.data:
            self._show(item)

    def show_item(self, item: object) -> None:
        """Show one item immediately, for a command that runs until Ctrl-C."""
        self._show(item)

    def _show(self, item: object, *, brief: bool = False) -> None:
        view = view_of(item, self._host)
        self._cases += view.cases
        if self._json:
            self._data |= view.document
            return
        lines = view.brief if brief and not self._verbose and view.brief is not None else view.lines
        for line in lines:
            text = self._host.completed(line) if isinstance(line, str) else line
            print_line(self._console, text, indent=view.indent)

    def failed(self, error: KprovError) -> None:
        """Show an error: in the JSON document, or on standard error."""
        self._fail(error.problems, silent=isinstance(error, ClosedPipeError))

    def _fail(self, problems: Sequence[Problem], *, silent: bool = False) -> None:
        """silent: nobody reads the output any more."""
        said = "\n".join(f"{problem}\n{problem.cause}".strip() for problem in problems)
        self._failure = f"{self._failure}\n{said}".strip()
        if not self._json:
            show_problems(() if silent else problems)
        elif problems:
            self._data.setdefault("problems", []).extend(dataclasses.asdict(problem) for problem in problems)


def show_error(error: KprovError, stream: TextIO | None = None) -> None:
    """Show the problems of an error. Show nothing if nobody reads the output any more."""
    if not isinstance(error, ClosedPipeError):
        show_problems(error.problems, stream)


def show_problems(problems: Iterable[Problem], stream: TextIO | None = None) -> None:
    """Show each problem: what and where, the cause, the fix."""
    target = console(stream or sys.stderr)
    for problem in problems:
        print_line(target, Text.assemble(("error: ", "bold red"), str(problem)), indent=7)
        for line in problem.cause.splitlines():
            print_line(target, Text(f"  | {line}", style="dim"))
        if problem.hint:
            print_line(target, f"  -> {problem.hint}", indent=5)


def _null_if_empty(value: Any, *, listed: bool = False) -> Any:
    """The same, with null in place of every empty text but the items of lists: a line of a log may be empty."""
    if isinstance(value, Mapping):
        return {key: _null_if_empty(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_null_if_empty(item, listed=True) for item in value]
    return None if value == "" and not listed else value


def _plain(value: Any) -> Any:
    if isinstance(value, Version | Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
