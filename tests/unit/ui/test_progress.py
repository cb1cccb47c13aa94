"""Progress where there is no terminal: one line an event, as it happens; and on one, without markup."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence

import pytest

from kprov.events import Event, Message, StepDone, StepFailed, StepStarted, Transfer, Warned
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
