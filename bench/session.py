"""Record a first install as one sees it: python -m bench.session writes docs/session.svg, which README shows.

A real run on a lab host, in a terminal of its own: what stays on the screen is drawn, with its colours.
"""

from __future__ import annotations

import fcntl
import io
import os
import select
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from ipaddress import IPv4Network
from pathlib import Path

import pyte
from rich.console import Console
from rich.text import Text

from kprov.lab.access import prepare_home
from kprov.lab.archives import default_directory
from kprov.lab.lab import Lab

COLUMNS, ROWS = 120, 200
TO = Path(__file__).parent.parent / "docs/session.svg"
COMMANDS = (
    ("install", "kafka-1", "--java", "temurin-11", "--heap", "256m", "--zookeeper-heap", "128m"),
    ("status", "kafka-1"),
)
_QUESTION, _ANSWER = b"[y/N]: ", b"y\n"
_NAMES = {"brown": "yellow", "default": ""}  # pyte's name for a colour, and rich's


@contextmanager
def desk() -> Iterator[Mapping[str, str]]:
    """The environment of an operator with one empty host, kafka-1, and the archives in the cache."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        lab = Lab("session", subnet=IPv4Network("192.168.77.0/24"), state_dir=home / "lab")
        lab.up(1)
        try:
            prepare_home(home, lab.ssh_config, default_directory())
            own = {name: value for name, value in os.environ.items() if name in {"PATH", "LANG"}}
            yield own | {"HOME": str(home), "TERM": "xterm-256color"}
        finally:
            lab.down()


def type_in(screen: pyte.Screen, words: Sequence[str], environment: Mapping[str, str]) -> None:
    """Run kprov on the screen, and say yes."""
    stream = pyte.ByteStream(screen)
    stream.feed(f"\x1b[1m$ kprov {' '.join(words)}\x1b[0m\r\n".encode())
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
    with closing(os.fdopen(ours, "r+b", buffering=0)) as terminal:
        command = [sys.executable, "-m", "kprov", *words]
        with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as process:
            os.close(theirs)
            while data := _read(terminal):
                stream.feed(data)
                if data.endswith(_QUESTION):
                    terminal.write(_ANSWER)
        if process.returncode != 0:
            raise SystemExit(f"kprov {words[0]} ended with {process.returncode}")
    stream.feed(b"\r\n")


def _read(terminal: io.FileIO) -> bytes:
    """What the program has written; nothing once it has ended."""
    select.select([terminal], [], [])
    try:
        return terminal.read(2**16) or b""
    except OSError:  # nobody has the other end any more
        return b""


def lines(screen: pyte.Screen) -> list[Text]:
    """What is on the screen, without the empty lines at its end."""
    found = []
    for row in range(screen.cursor.y):
        text = Text()
        for column in range(COLUMNS):
            cell = screen.buffer[row][column]
            colour = _NAMES.get(cell.fg, cell.fg)
            text.append(cell.data, style=" ".join(filter(None, ("bold" if cell.bold else "", colour))))
        text.rstrip()
        found.append(text)
    while found and not found[-1].plain:
        found.pop()
    return found


def main() -> None:
    """Record the commands."""
    screen = pyte.Screen(COLUMNS, ROWS)
    with desk() as environment:
        for words in COMMANDS:
            type_in(screen, words, environment)
    picture = Console(record=True, width=COLUMNS, file=io.StringIO())
    for line in lines(screen):
        picture.print(line, no_wrap=True, overflow="crop")
    TO.write_text(picture.export_svg(title="kprov"), encoding="utf-8")


if __name__ == "__main__":
    main()
