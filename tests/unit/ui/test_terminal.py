"""On a terminal: no escape sequence where NO_COLOR asks for none, lines that break at words, bars that fit."""

from __future__ import annotations

import io
import os
import re
import threading
import time
from collections.abc import Iterable

import pytest
from rich.text import Text

from kprov.commands import HostArguments
from kprov.errors import KprovError, Problem, StepError
from kprov.events import Message, StepDone, StepFailed, StepStarted, Transfer, Warned
from kprov.kinds.base import Action, Change
from kprov.operations.report import NextStep, Report
from kprov.plan import Plan
from kprov.ui import progress
from kprov.ui.console import wrapped
from kprov.ui.output import Output, show_error

LONG = "/usr/local/single_kafka/config/server.properties.edited-20251124T160000Z"
REASON = f"it was edited; what is there is kept as {LONG}, and nothing of it is lost"
COMMAND = "kprov upgrade ada@kafka-1.example.com:2222 --ssh-config 'my config' -i /home/ada/.ssh/id_ed25519 --finish"
ARCHIVE = "pushing OpenJDK11U-jre_x64_linux_hotspot_11.0.29_7.tar.gz"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Terminal:
    """One of 80 columns."""
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", str(getattr(request, "param", 80)))
    return Terminal()


def change(action: Action, title: str, reason: str) -> Change:
    return Change(action, "file:/a", title, reason, ())


PLAN = Plan(
    "kafka-1",
    (
        change(Action.UPDATE, "file /usr/local/single_kafka/config/server.properties", REASON),
        change(Action.RESTART, "service kafka.service", "file /etc/x changes"),
    ),
    notes=(f"inter.broker.protocol.version is held at 1.0, so that you can go back; raise it: {COMMAND}",),
    kept=("/home/temp/kafka_logs (512 KiB of kafka data)",),
)
FAILURE = StepError(
    [Problem("start service kafka.service failed", "kafka-1", "a cause", f"look at the log, then continue: {COMMAND}")]
)


def everything(stream: Terminal) -> str:
    """All that writes to a terminal."""
    output = Output("install", stream=stream)
    output.finish(Report("install", (PLAN, NextStep("kprov status kafka-1"))))
    show_error(FAILURE, stream)
    with progress(stream) as emit:
        for event in (
            Transfer("pushing x", 0, 10),
            Transfer("pushing x", 10, 10),
            StepStarted(1, 2, "a"),
            StepDone(1, 2, "a", 1),
            StepStarted(2, 2, "b"),
            StepFailed(2, 2, "b", 1),
            Warned("careful"),
            Message("looking"),
        ):
            emit(event)
    return stream.getvalue()


def test_a_terminal_gets_colours(terminal: Terminal) -> None:
    """The tests below could not fail otherwise."""
    assert "\x1b[" in everything(terminal)


@pytest.mark.parametrize("name", ["NO_COLOR", "TERM"])
def test_no_escape_sequence_is_left(name: str, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither colours nor dim, bold and moving cursors: NO_COLOR (no-color.org), or a terminal that knows none."""
    monkeypatch.setenv(name, {"NO_COLOR": "1", "TERM": "dumb"}[name])
    text = everything(terminal)
    assert "\x1b" not in text
    assert "a  1.0 s" in text


def test_an_empty_no_color_asks_for_nothing(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "")
    assert "\x1b[" in everything(terminal)


def test_a_pipeline_may_ask_for_colours_and_gets_whole_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """FORCE_COLOR, as CI services set it."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    stream = io.StringIO()
    Output("plan", stream=stream).show(PLAN)
    assert "\x1b[" in stream.getvalue()
    assert len(stream.getvalue().splitlines()) == 5
    monkeypatch.setenv("NO_COLOR", "1")
    stream = io.StringIO()
    Output("plan", stream=stream).show(PLAN)
    assert "\x1b" not in stream.getvalue()


# ------------------------------------------------------------------ lines


def plain(text: str) -> list[str]:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).splitlines()


def plan_lines(stream: Terminal) -> list[str]:
    Output("plan", stream=stream).show(PLAN)
    return plain(stream.getvalue())


def words(lines: Iterable[str]) -> list[str]:
    return " ".join(lines).split()


@pytest.mark.parametrize("terminal", [60, 80, 100], indirect=True)
def test_lines_of_a_plan_break_at_words(terminal: Terminal, request: pytest.FixtureRequest) -> None:
    """Only a word that is longer than a line exceeds it, and continued lines are indented."""
    width = request.node.callspec.params["terminal"]
    lines = plan_lines(terminal)
    whole = [
        f"~ update {PLAN.changes[0].title}  {REASON}",
        f"^ restart {PLAN.changes[1].title}  file /etc/x changes",
        f"  keeps {PLAN.kept[0]}",
        f"  note: {PLAN.notes[0]}",
        "kafka-1: 2 changes",
    ]
    assert words(lines) == words(whole)
    assert [line for line in lines if len(line) > width and not line.strip().startswith(("/", "kprov "))] == []
    following = [line for line in lines if not line.startswith(("~", "^", "  keeps", "  note", "kafka-1:"))]
    assert following
    assert all(re.match(r" {4}\S", line) for line in following)


def test_a_command_stays_whole(terminal: Terminal) -> None:
    """The terminal breaks it where it must, and whoever copies it gets one line."""
    assert f"    {COMMAND}" in plan_lines(terminal)


def test_elsewhere_no_line_is_broken() -> None:
    stream = io.StringIO()
    Output("plan", stream=stream).show(PLAN)
    assert len(stream.getvalue().splitlines()) == 5


def test_errors_break_at_words(terminal: Terminal) -> None:
    show_error(FAILURE, terminal)
    assert plain(terminal.getvalue()) == [
        "error: kafka-1: start service kafka.service failed",
        "  | a cause",
        "  -> look at the log, then continue:",
        f"     {COMMAND}",
    ]


def test_colours_go_on_in_the_next_line(terminal: Terminal) -> None:
    line = Text.assemble(("~ update file /a", "yellow"), (f"  {'why ' * 30}", "dim"))
    parts = list(wrapped(line, 80, 4))
    assert [part.plain[:4] for part in parts[1:]] == ["    "]
    assert all("dim" in str(part.spans) for part in parts)


@pytest.mark.parametrize("text", ["", "   ", "one", "  two words", "x" * 200, f"a {'x' * 200} b"])
def test_nothing_is_lost(text: str) -> None:
    parts = [part.plain for part in wrapped(Text(text), 80, 4)]
    assert " ".join(parts).split() == text.split()
    assert parts
    assert [part for part in parts if len(part) > 80 and " " in part.strip()] == []


def test_wide_characters_are_counted_as_two() -> None:
    text = Text("主题 " * 30)
    assert all(part.cell_len <= 80 for part in wrapped(text, 80, 4))


# ------------------------------------------------------------------ bars


@pytest.mark.parametrize("terminal", [50, 60, 77, 78, 80, 96, 120], indirect=True)
def test_a_transfer_fits_with_its_numbers(terminal: Terminal, request: pytest.FixtureRequest) -> None:
    """The name is shortened where it must be; how much has been pushed is always there."""
    width = request.node.callspec.params["terminal"]
    with progress(terminal) as emit:
        emit(Transfer(ARCHIVE, 0, 210_000_000))
        emit(Transfer(ARCHIVE, 100_500_000, 210_000_000))
    shown = [line for line in plain(terminal.getvalue().replace("\r", "\n")) if "pushing" in line]
    assert shown
    assert max(len(line) for line in shown) <= width
    assert all("pushing OpenJDK11U-jre" in line for line in shown)
    assert "95.8/200.3 MiB" in shown[-1]


def test_the_way_of_the_run_is_in_what_is_shown(terminal: Terminal) -> None:
    output = Output("plan", stream=terminal, host=HostArguments("kafka-1", options=("-i", "key")))
    error = output.complete(KprovError("x", hint="start it: kprov start HOST"))
    output.failed(error)
    assert error.problems[0].hint == "start it: kprov start kafka-1 -i key"


def test_a_question_waits_until_the_program_behind_the_pipe_has_the_plan() -> None:
    """As with ``kprov install HOST | tee plan.txt``: the question is on standard error, and comes below the plan."""
    reader, writer = os.pipe()
    order: list[str] = []

    def slow() -> None:
        time.sleep(0.3)
        assert os.read(reader, 2**20)
        order.append("read")

    thread = threading.Thread(target=slow)
    with os.fdopen(writer, "w") as stream:
        output = Output("install", stream=stream, ask=lambda _: not order.append("asked"))
        output.show(PLAN)
        thread.start()
        output.confirm("apply 2 changes?")
        thread.join()
    os.close(reader)
    assert order == ["read", "asked"]
