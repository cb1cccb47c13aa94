"""Progress where there is no terminal: one line an event, as it happens; and on one, without markup."""

from __future__ import annotations

import io
import re
import sys
import time
from collections.abc import Sequence

import pytest

from kprov.events import Event, Message, StepDone, StepFailed, StepStarted, Transfer, Warned, about
from kprov.ui import progress

MARKUP = "[red]not red[/red] [bold]"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def lines(events: Sequence[Event]) -> list[str]:
    stream = io.StringIO()
    with progress(stream) as emit:
        for event in events:
            emit(event)
    return stream.getvalue().splitlines()


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([Message("looking")], ["looking"]),
        ([Warned("careful")], ["warning: careful"]),
        ([StepStarted(1, 2, "a"), StepDone(1, 2, "a", 1.26)], ["[1/2] a  1.3 s"]),
        ([StepStarted(1, 2, "a"), StepFailed(1, 2, "a", 0.5)], ["[1/2] a  FAILED after 0.5 s"]),
        ([StepStarted(0, 0, "a"), StepDone(0, 0, "a", 0)], ["a  0.0 s"]),
        ([Transfer("pushing x", 0, 2048), Transfer("pushing x", 2048, 2048)], ["pushing x: 2 KiB of 2 KiB"]),
        ([Transfer("fetching x", 10, None)], []),
        ([], []),
    ],
)
def test_an_event_is_a_line(events: list[Event], expected: list[str]) -> None:
    assert lines(events) == expected


def test_markup_is_printed_as_it_is() -> None:
    done = Transfer(MARKUP, 1, 1)
    found = lines([Message(MARKUP), Warned(MARKUP), StepDone(1, 1, MARKUP, 0), StepFailed(1, 1, MARKUP, 0), done])
    assert [MARKUP in line for line in found] == [True] * 5


def test_plain_lines_carry_no_colours() -> None:
    assert not any("\x1b" in line for line in lines([StepDone(1, 1, "a", 0), Warned("b")]))


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def test_on_a_terminal_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    stream = Terminal()
    with progress(stream) as emit:
        emit(Transfer(MARKUP, 0, 10))
        emit(Transfer(MARKUP, 10, 10))
        emit(StepStarted(1, 2, MARKUP))
        emit(StepDone(1, 2, MARKUP, 1))
        emit(StepStarted(2, 2, MARKUP))
        emit(StepFailed(2, 2, MARKUP, 1))
        emit(Warned(MARKUP))
        emit(Message(MARKUP))
    text = plain(stream.getvalue())
    for line in (f"✓ {MARKUP}", f"✗ {MARKUP}", f"! {MARKUP}", f"\n{MARKUP}"):
        assert line in text.replace("\r", "\n")


def test_an_exception_goes_through() -> None:
    with pytest.raises(ZeroDivisionError), progress(io.StringIO()):
        raise ZeroDivisionError


def on_two_hosts(stream: io.StringIO) -> None:
    with progress(stream) as emit:
        first, second = about("kafka-1", emit), about("kafka-2", emit)
        first(StepStarted(1, 2, "a"))
        second(StepStarted(1, 2, "a"))
        first(Transfer("pushing x", 0, 10))
        second(Transfer("pushing x", 10, 10))
        second(StepDone(1, 2, "a", 1))
        first(StepFailed(1, 2, "a", 2))
        emit(Message("looking"))


def test_one_host_is_not_named() -> None:
    """Every line is about it."""
    stream = io.StringIO()
    with progress(stream) as emit:
        about("kafka-1", emit)(StepDone(1, 2, "a", 1))
        emit(Message("looking"))
    assert stream.getvalue().splitlines() == ["[1/2] a  1.0 s", "looking"]


def test_lines_name_the_host_as_soon_as_there_are_several() -> None:
    stream = io.StringIO()
    on_two_hosts(stream)
    assert stream.getvalue().splitlines() == [
        "kafka-2: pushing x: 10 B of 10 B",
        "kafka-2: [1/2] a  1.0 s",
        "kafka-1: [1/2] a  FAILED after 2.0 s",
        "looking",
    ]


def test_a_terminal_names_the_host_as_soon_as_there_are_several(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    stream = Terminal()
    on_two_hosts(stream)
    text = plain(stream.getvalue()).replace("\r", "\n")
    assert "✓ kafka-2: a  1.0 s" in text
    assert "✗ kafka-1: a  after 2.0 s" in text


def test_current_steps_are_shown_for_each_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is ready does not silence another that is still at work."""
    monkeypatch.setattr(sys.modules["kprov.ui.progress"], "HEARTBEAT_SECONDS", 0.1)
    stream = io.StringIO()
    with progress(stream) as emit:
        about("kafka-1", emit)(StepStarted(1, 1, "slow"))
        about("kafka-2", emit)(StepStarted(1, 1, "quick"))
        about("kafka-2", emit)(StepDone(1, 1, "quick", 0))
        time.sleep(1.2)
    assert "... slow (" in stream.getvalue()
    assert "... kafka-2: quick" not in stream.getvalue()


def test_an_event_keeps_the_host_that_it_names() -> None:
    found: list[Event] = []
    about("outer", about("inner", found.append))(Message("x"))
    about("kafka-1", found.append)(Warned("y"))
    assert [event.host for event in found] == ["outer", "kafka-1"]
