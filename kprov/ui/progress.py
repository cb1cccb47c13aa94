"""Progress on standard error: bars and a spinner on a terminal, plain lines elsewhere.

Without a terminal, a line every few seconds says what is still running.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
)
from rich.table import Column
from rich.text import Text

from kprov.events import Emit, Event, Message, StepDone, StepFailed, StepStarted, Transfer, Warned
from kprov.sizes import human_size
from kprov.ui.console import plain_wanted

# Cells: what a bar and the columns beside it take, and how wide a terminal must be for all of them.
_BAR, _COUNT, _SPEED, _WIDE = 10, 17, 13, 78
HEARTBEAT_SECONDS = 4.0
TRANSFER_SECONDS = 2.0


@contextmanager
def progress(stream: TextIO | None = None) -> Iterator[Emit]:
    """Yield an emitter; its events appear on ``stream`` (standard error) until the block ends."""
    stream = stream or sys.stderr
    if stream.isatty() and not plain_wanted():
        with _terminal(stream) as emit:
            yield emit
    else:
        with _plain(stream) as emit:
            yield emit


def plain_line(event: Event) -> str | None:
    """The plain line of an event; None if it has none."""
    match event:
        case Message(text):
            return text
        case Warned(text):
            return f"warning: {text}"
        case StepDone(number, count, text, seconds):
            return f"{_position(number, count)}{text}  {seconds:.1f} s"
        case StepFailed(number, count, text, seconds):
            return f"{_position(number, count)}{text}  FAILED after {seconds:.1f} s"
        case _:
            return None


class _Hosts:
    """The hosts that events were about: as soon as there are several, each line says which one it is about."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    @property
    def several(self) -> bool:
        return len(self._seen) > 1

    def label(self, event: Event) -> str:
        """What a line about this event begins with; nothing with one host, or for this machine."""
        if not event.host:
            return ""
        self._seen.add(event.host)
        return f"{event.host}: " if self.several else ""


def _position(number: int, count: int) -> str:
    return f"[{number}/{count}] " if count else ""


@contextmanager
def _plain(stream: TextIO) -> Iterator[Emit]:
    lock = threading.Lock()
    stopped = threading.Event()
    hosts = _Hosts()
    last = time.monotonic()
    running: dict[str, tuple[str, float]] = {}  # by host: its current step with its label, and since when
    transfers: dict[tuple[str, str], float] = {}

    def write(text: str) -> None:
        nonlocal last
        last = time.monotonic()
        print(text, file=stream, flush=True)

    def emit(event: Event) -> None:
        with lock:
            label = hosts.label(event)
            match event:
                case StepStarted(text=text) | Message(text):
                    before = running.get(event.host)
                    if not hosts.several:  # only the last thing that was said counts
                        running.clear()
                    same = before is not None and before[0] == f"{label}{text}"
                    running[event.host] = before if before and same else (f"{label}{text}", time.monotonic())
                case StepDone() | StepFailed() if hosts.several:
                    running.pop(event.host, None)
                case StepDone() | StepFailed():
                    running.clear()
                case Transfer(what, done, total):
                    now = time.monotonic()
                    told = transfers.setdefault((event.host, what), now)
                    ended = total is not None and done >= total
                    if ended or now - told >= TRANSFER_SECONDS:
                        transfers[event.host, what] = now
                        write(f"{label}{what}: {human_size(done)}" + (f" of {human_size(total)}" if total else ""))
                case _:
                    pass
            line = plain_line(event)
            if line is not None:
                write(f"{label}{line}")

    def heartbeat() -> None:
        while not stopped.wait(0.5):
            with lock:
                if time.monotonic() - last >= HEARTBEAT_SECONDS:
                    for text, since in running.values():
                        write(f"... {text} ({time.monotonic() - since:.0f} s)")

    thread = threading.Thread(target=heartbeat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield emit
    finally:
        stopped.set()
        thread.join()


class _SpeedColumn(ProgressColumn):
    """The speed of a transfer; rich's own counts in powers of ten."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("?" if speed is None else f"{human_size(int(speed))}/s", style="progress.data.speed")


def _transfer_columns(width: int) -> list[ProgressColumn]:
    """The columns of a transfer that fit into a terminal of this width: the name is cut last of all, and shortened."""
    fixed: list[ProgressColumn] = [DownloadColumn(binary_units=True)]
    if width >= _WIDE:
        fixed.append(_SpeedColumn())
    bar = 0 if width < _WIDE else _BAR if width < 2 * _BAR + _WIDE else 2 * _BAR
    # The spinner, each column with the space before it, and the last cell, which terminals keep free.
    left = width - 2 - (bar + 1 if bar else 0) - _COUNT - (_SPEED if width >= _WIDE else 0) - 1
    name = TextColumn("{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis", max_width=left))
    return [SpinnerColumn(), name, *([BarColumn(bar_width=bar)] if bar else []), *fixed]


@contextmanager
def _terminal(stream: TextIO) -> Iterator[Emit]:
    console = Console(file=stream, highlight=False, emoji=False)
    bar = Progress(*_transfer_columns(console.width), console=console, transient=True)
    spinner = Progress(
        SpinnerColumn(), TextColumn("{task.description} {task.elapsed:.0f} s"), console=console, transient=True
    )
    hosts = _Hosts()
    transfers: dict[tuple[str, str], TaskID] = {}
    steps: dict[str, TaskID] = {}  # by host: its current step
    active: Progress | None = None

    def show(wanted: Progress | None) -> None:
        nonlocal active
        if active is not wanted:
            if active is not None:
                active.stop()
            active = wanted
            if active is not None:
                active.start()

    def end(host: str) -> None:
        if host in steps:
            spinner.remove_task(steps.pop(host))

    def emit(event: Event) -> None:
        label = hosts.label(event)
        match event:
            case Transfer(what, done, total):
                show(bar)
                key = (event.host, what)
                if key not in transfers:
                    transfers[key] = bar.add_task(escape(f"{label}{what}"), total=total)
                bar.update(transfers[key], completed=done, total=total)
                if total is not None and done >= total:
                    bar.remove_task(transfers.pop(key))
                    if not transfers:
                        show(None)
            case StepStarted(text=text):
                show(spinner)
                end(event.host)
                steps[event.host] = spinner.add_task(escape(f"{label}{text}"), total=None)
            case StepDone(text=text, seconds=seconds):
                end(event.host)
                console.print(Text.assemble(("✓ ", "green"), label, text, (f"  {seconds:.1f} s", "dim")))
            case StepFailed(text=text, seconds=seconds):
                end(event.host)
                console.print(Text.assemble(("✗ ", "red"), label, text, (f"  after {seconds:.1f} s", "dim")))
            case Warned(text):
                console.print(Text.assemble(("! ", "yellow"), label, text))
            case Message(text):
                console.print(Text(f"{label}{text}"))

    try:
        yield emit
    finally:
        show(None)
