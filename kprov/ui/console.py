"""Consoles that respect NO_COLOR, and lines that wrap at words."""

from __future__ import annotations

import fcntl
import io
import os
import re
import stat
import sys
import termios
import time
from collections.abc import Iterator
from typing import IO, Literal, TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

# What must stay in one piece when a line wraps: a command after a colon, so that it can be copied, or a word.
_PIECE = re.compile(r"(?<=: )(?:kprov|ssh[a-z-]*) [^;,)]*|\S+")
_LEAST_WIDTH = 40


def plain_wanted() -> bool:
    """Whether even a terminal gets no escape sequences: NO_COLOR is set, or the terminal is dumb."""
    return bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"


def console(stream: TextIO) -> Console:
    """A console that does not break lines, and writes no escape sequences if plain text is wanted.

    With NO_COLOR alone rich would still write dim and bold; without a colour system it writes no style at all.
    """
    system: Literal["auto"] | None = None if plain_wanted() else "auto"
    return Console(file=stream, highlight=False, emoji=False, soft_wrap=True, color_system=system)


def print_line(target: Console, line: str | Text, *, indent: int = 0) -> None:
    """Print a line; on a terminal that is too narrow for it, break it at words.

    indent: of the second and later lines. Without it the terminal breaks the line.
    """
    text = Text(line) if isinstance(line, str) else line
    if indent and target.file.isatty():
        for part in wrapped(text, target.width, indent):
            target.print(part, markup=False)
    else:
        target.print(text, markup=False)


def let_it_be_read(stream: IO[str]) -> None:
    """Wait until the program behind a pipe has taken all that was written, but at most a second.

    What is shown next, on another stream of the same terminal, then comes below it.
    """
    stream.flush()
    try:
        pipe = stream.fileno()
    except io.UnsupportedOperation:
        return
    if stat.S_ISFIFO(os.fstat(pipe).st_mode):
        deadline = time.monotonic() + 1
        while _unread(pipe) and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.05)  # to print what it has taken


def _unread(pipe: int) -> int:
    """The bytes in a pipe."""
    count = bytearray(4)
    fcntl.ioctl(pipe, termios.FIONREAD, count)
    return int.from_bytes(count, sys.byteorder)


def wrapped(text: Text, width: int, indent: int) -> Iterator[Text]:
    """The text in lines of at most ``width`` cells; only a longer word or command exceeds that.

    The terminal breaks such a line itself, so that it can be copied as a whole.
    """
    width = max(width, _LEAST_WIDTH)
    plain = text.plain
    start = end = 0
    lead = ""
    for piece in _PIECE.finditer(plain):
        if end > start and cell_len(lead + plain[start : piece.end()]) > width and plain[start:end].strip():
            yield Text.assemble(lead, text[start:end])
            lead, start = " " * indent, piece.start()
        end = piece.end()
    yield Text.assemble(lead, text[start:])
