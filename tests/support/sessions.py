"""Terminal sessions in the documentation: what is typed, and what is shown; and whether that is what one sees."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from support.machine import PATIENCE

# What is another one each time: durations, process ids, moments, names of topics, counts, and who leads.
_VARYING = (
    r"\d+\.\d s",
    r"(?:process|pid) \d+",
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC",
    r"kprov-(?:smoke|failover)-[0-9a-f]{8}",
    r"\d+ messages",
    r"\d+ [KM]iB of",
    r"(?:leader|follower) \S+ \d(?: controller)?",
    r"broker \d",
    r"(?:kafka-\d|192\.168\.78\.\d+)(?=, and wait|: waiting|$)",
    r"\d+ passed, \d+ warned",
)
_SPLIT = re.compile(f"({'|'.join(_VARYING)})")


@dataclass(frozen=True)
class Typed:
    """A command of a session, the lines that the page shows after it, and where it stands."""

    command: str
    shown: tuple[str, ...]
    where: str


def sessions(page: Path) -> Iterator[Typed]:
    """The commands in the ``console`` blocks of a page, in their order. A line ``...`` stands for any others."""
    lines = page.read_text(encoding="utf-8").splitlines()
    typed: tuple[str, int] | None = None
    shown: list[str] = []
    inside = False
    for number, line in enumerate([*lines, "```"], 1):
        begins = inside and line.startswith("$ kprov ")
        if typed and (begins or line.startswith("```")):
            yield Typed(typed[0], tuple(shown), f"{page.name}:{typed[1]}")
            typed, shown = None, []
        if line.startswith("```"):
            inside = line == "```console"
        elif begins:
            typed = line.removeprefix("$ "), number
        elif inside:
            shown.append(line)


def difference(shown: tuple[str, ...], seen: list[str]) -> str:
    """What the page shows and a user does not see; empty if it is the same."""
    place, gap = 0, False
    plain = [_plain(line) for line in seen]
    for line in shown:
        if line == "...":
            gap = True
            continue
        pattern = _pattern(line)
        found = next((index for index in range(place, len(seen)) if pattern.fullmatch(plain[index])), None)
        if found is None or (found != place and not gap):
            return f"not seen: {line}"
        place, gap = found + 1, False
    return "" if gap or place == len(seen) else f"not shown: {seen[place]}"


def _plain(line: str) -> str:
    """Without the spaces that align columns."""
    return re.sub(" +", " ", line).rstrip()


def _pattern(line: str) -> re.Pattern[str]:
    """The line with other numbers where these vary."""
    pieces = _SPLIT.split(_plain(line))
    return re.compile(
        "".join(next((text for text in _VARYING if re.fullmatch(text, piece)), re.escape(piece)) for piece in pieces)
    )


def run(typed: Typed, program: Path, folder: Path, environment: Mapping[str, str]) -> tuple[int, list[str]]:
    """The exit code, and the lines on both streams."""
    command = typed.command.replace("kprov ", f"{program} ", 1)
    done = subprocess.run(
        ["bash", "-c", f"{command} 2>&1"],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=environment,
        timeout=10 * PATIENCE,
    )
    return done.returncode, done.stdout.splitlines()
