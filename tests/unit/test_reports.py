"""What operations report: what was done, and what went wrong although there is a result."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from support.model_host import ModelHost
from support.plan_cases import fresh
from support.specimens import asked, wanted

from kprov.errors import ConnectError, DeclinedError, ExitCode
from kprov.events import Emit, Event, Warned
from kprov.host.answers import Record
from kprov.host.connection import Connection
from kprov.host.ssh_config import Login
from kprov.operations import logs
from kprov.operations import uninstall as operation
from kprov.operations.report import Report
from kprov.operations.uninstall import Uninstalled, uninstall_one
from kprov.plan import Plan

LOGIN = Login("kafka-1", "kafka-1", "root", 22, (), identities_only=False, known_hosts=(), connect_timeout=1.0)


class Operator:
    """A dialogue with somebody who answers every question in the same way."""

    journal = None

    def __init__(self, *, agrees: bool) -> None:
        self.agrees = agrees
        self.shown: list[Plan] = []
        self.questions: list[str] = []
        self.events: list[Event] = []

    @contextmanager
    def progress(self) -> Iterator[Emit]:
        yield self.events.append

    changing = progress

    def show(self, plan: Plan) -> None:
        self.shown.append(plan)

    def record(self, plan: Plan) -> None:
        raise AssertionError("this plan is shown")

    def confirm(self, question: str) -> None:
        self.questions.append(question)
        if not self.agrees:
            raise DeclinedError("declined, nothing was changed")


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the last probe of an uninstall finds; nobody is connected to."""
    host: ModelHost = fresh()
    host.install(wanted(asked()))
    plan = host.plan_uninstall()
    found: list[str] = []

    def apply(connection: object, plan: Plan, command: str, emit: Emit, gate: Any) -> None:
        emit(Warned("careful"))

    monkeypatch.setattr(operation, "plan_uninstall", lambda *_, **__: plan)
    monkeypatch.setattr(operation, "apply", apply)
    monkeypatch.setattr(operation, "leftovers", lambda *_: tuple(found))
    return found


def run(operator: Operator) -> Any:
    return uninstall_one(Connection(LOGIN), operator, purge=False, force=False)


@pytest.mark.usefixtures("left")
def test_an_uninstall_that_leaves_nothing() -> None:
    """The plan is shown before the question, and what happens meanwhile is about the host."""
    operator = Operator(agrees=True)
    report = run(operator)
    (plan,) = operator.shown
    assert operator.questions == [f"Make these {len(plan.changes)} changes on kafka-1?"]
    assert (report.command, report.problems, report.code) == ("uninstall", (), ExitCode.DONE)
    assert report.data == (Uninstalled("kafka-1", len(plan.changes), plan.kept, ()),)
    assert [event.host for event in operator.events] == ["kafka-1"]


def test_what_is_left_over_is_a_problem_of_the_report(left: list[str]) -> None:
    left += ["directory:/usr/local/java"]
    report = run(Operator(agrees=True))
    assert report.code is ExitCode.STEP
    assert report.data[0].leftovers == ("directory:/usr/local/java",)
    (problem,) = report.problems
    assert (problem.what, problem.where, problem.cause) == ("1 thing left over", "kafka-1", "directory:/usr/local/java")


@pytest.mark.usefixtures("left")
def test_a_no_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operation, "apply", lambda *_: pytest.fail("it was declined"))
    with pytest.raises(DeclinedError):
        run(Operator(agrees=False))


class Log:
    """A connection over which one line of a log comes, before the operator or the host ends it."""

    login = LOGIN

    def __init__(self, *, interrupted: bool) -> None:
        self.interrupted = interrupted

    def follow(self, calls: list[tuple[str, ...]], on_record: Callable[[Record], None]) -> None:
        on_record(Record("line", {"source": "1", "text": "started"}))
        if self.interrupted:
            raise KeyboardInterrupt


@pytest.fixture
def two_sources(monkeypatch: pytest.MonkeyPatch) -> tuple[logs.LogSource, ...]:
    found = (
        logs.LogSource("kafka.service", "server.log", "/k/server.log"),
        logs.LogSource("kafka.service", "kafka journal"),
    )
    monkeypatch.setattr(logs, "installed", lambda _: SimpleNamespace(node=None))
    monkeypatch.setattr(logs, "sources", lambda *_: found)
    return found


def test_ctrl_c_ends_a_followed_log_with_a_report(two_sources: tuple[logs.LogSource, ...]) -> None:
    """The lines were shown as they came."""
    shown: list[logs.LogLine] = []
    report = logs.follow(Log(interrupted=True), unit=None, lines=3, show=shown.append)  # type: ignore[arg-type]
    assert shown == [logs.LogLine(two_sources[1], "started")]
    assert report == Report("logs")


@pytest.mark.usefixtures("two_sources")
def test_a_host_that_ends_a_followed_log_is_an_error() -> None:
    with pytest.raises(ConnectError, match="stopped sending its logs"):
        logs.follow(Log(interrupted=False), unit=None, lines=3, show=lambda _: None)  # type: ignore[arg-type]
