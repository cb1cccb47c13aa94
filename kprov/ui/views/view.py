"""What a view returns for one item of a report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.text import Text

from kprov.ui.junit import Case

Line = str | Text


@dataclass(frozen=True)
class View:
    """One item for each reader.

    document: its keys in the JSON document. lines: for people; commands in a line that is a plain string are
    completed. indent: of the continuation of a line that is too long for the terminal; without it the terminal breaks
    the line, so that it can be copied as a whole. cases: for the JUnit file. brief: the lines where the item is not
    what the command is about, if these are other ones.
    """

    document: Mapping[str, Any]
    lines: tuple[Line, ...] = ()
    indent: int = 0
    cases: tuple[Case, ...] = ()
    brief: tuple[Line, ...] | None = None


def moment(text: str, *, clock: bool = False) -> str:
    """A time in ISO 8601 as ``2026-11-24 18:15:00``, in UTC; clock: only the time of day, with milliseconds."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return "?"
    return f"{when:%H:%M:%S}.{when.microsecond // 1000:03d}" if clock else f"{when:%Y-%m-%d %H:%M:%S}"
