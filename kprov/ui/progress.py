"""Progress on standard error: bars and a spinner on a terminal (``live.py``), plain lines elsewhere.

Without a terminal, a line every few seconds says what is still running.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from kprov.events import TOLD_AGAIN, Emit, Event, Message, StepDone, StepFailed, StepStarted, Transfer, Warned
from kprov.sizes import human_size
from kprov.ui.console import plain_wanted
from kprov.ui.grouped import grouped
from kprov.ui.hosts import Hosts

HEARTBEAT_SECONDS = 4.0
TRANSFER_SECONDS = 2.0


@contextmanager
def progress(stream: TextIO | None = None, *, several: bool = False, every_step: bool = False) -> Iterator[Emit]:
    """Yield an emitter; its events appear on ``stream`` (standard error) until the block ends.

    several: whether they are about several hosts. every_step: whether steps of a group are told one by one.
    """
    with _shown(stream or sys.stderr, several=several) as show, grouped(show, every_step=every_step) as emit:
        yield emit


@contextmanager
def _shown(stream: TextIO, *, several: bool) -> Iterator[Emit]:
    if stream.isatty() and not plain_wanted():
        from kprov.ui.live import live  # noqa: PLC0415 (a pipe needs no bars)

        with live(stream, several=several) as emit:
            yield emit
    else:
        with _plain(stream, several=several) as emit:
            yield emit


def plain_line(event: Event) -> str | None:
    """The plain line of an event; None if it has none."""
    match event:
        case Message(text):
            return text
        case Warned(text):
            return f"warning: {text}"
        case StepDone(group=group) if group == TOLD_AGAIN:
            return None
        case StepDone(number, count, text, seconds):
            return f"{_position(number, count)}{text}  {seconds:.1f} s"
        case StepFailed(number, count, text, seconds):
            return f"{_position(number, count)}{text}  FAILED after {seconds:.1f} s"
        case _:
            return None


def _position(number: int, count: int) -> str:
    return f"[{number}/{count}] " if count else ""


@contextmanager
def _plain(stream: TextIO, *, several: bool) -> Iterator[Emit]:
    lock = threading.Lock()
    stopped = threading.Event()
    hosts = Hosts(several=several)
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
