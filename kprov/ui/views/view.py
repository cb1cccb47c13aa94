"""What a view makes of one item of a report."""

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

    document: its keys in the JSON document. lines: for people; a plain string is kprov's own, and the commands in it
    are completed. indent: where a line that is too long for the terminal continues; without it the terminal breaks
    lines, and they can be copied whole. cases: for the JUnit file.
    """

    document: Mapping[str, Any]
    lines: tuple[Line, ...] = ()
    indent: int = 0
    cases: tuple[Case, ...] = ()
