"""Progress on a terminal: a bar for each transfer, a spinner for each step."""

from __future__ import annotations

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

from kprov.events import TOLD_AGAIN, Emit, Event, Message, StepDone, StepFailed, StepStarted, Transfer, Warned
from kprov.sizes import human_size
from kprov.ui.hosts import Hosts

# Cells: what a bar and the columns beside it take, and how wide a terminal must be for all of them.
_BAR, _COUNT, _SPEED, _WIDE = 10, 17, 13, 78


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


def _ended(event: StepDone | StepFailed, label: str) -> Text:
    """What is said of a step that ended."""
    mark, after = (("✓ ", "green"), "") if isinstance(event, StepDone) else (("✗ ", "red"), "after ")
    return Text.assemble(mark, label, event.text, (f"  {after}{event.seconds:.1f} s", "dim"))


@contextmanager
def live(stream: TextIO, *, several: bool = False) -> Iterator[Emit]:
    """Yield an emitter whose events appear on the terminal ``stream`` until the block ends.

    several: whether they are about several hosts.
    """
    console = Console(file=stream, highlight=False, emoji=False)
    bar = Progress(*_transfer_columns(console.width), console=console, transient=True)
    spinner = Progress(
        SpinnerColumn(), TextColumn("{task.description} {task.elapsed:.0f} s"), console=console, transient=True
    )
    hosts = Hosts(several=several)
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
            case StepDone() | StepFailed():
                end(event.host)
                if not (isinstance(event, StepDone) and event.group == TOLD_AGAIN):
                    console.print(_ended(event, label))
            case Warned(text):
                console.print(Text.assemble(("! ", "yellow"), label, text))
            case Message(text):
                console.print(Text(f"{label}{text}"))

    try:
        yield emit
    finally:
        show(None)
