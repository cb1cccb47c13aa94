"""What a view returns for one item of a report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
