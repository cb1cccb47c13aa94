"""Renders templates/: data only, no logic beyond if and for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment

# Inside the wheel the templates lie in the package; in a checkout beside it.
_PLACES = (Path(__file__).parent.parent / "templates", Path(__file__).parent.parent.parent / "templates")


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 (most commands render nothing)

    return Environment(
        loader=FileSystemLoader(_PLACES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 (configuration files and shell scripts, no HTML)
    )


def render(name: str, **values: Any) -> bytes:
    """``templates/NAME.j2`` with these values; a value that the template misses is an error."""
    return _environment().get_template(f"{name}.j2").render(**values).encode()


class PropertyLines:
    """Gives a template its properties one by one, and at the end those that it did not name."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._left = dict(values)

    def line(self, name: str) -> str:
        """``name=value``; KeyError if there is no such property or the template names it twice."""
        return f"{name}={escape(self._left.pop(name))}"

    def rest(self) -> list[tuple[str, str]]:
        """The names of all that ``line`` was not asked for, with their lines."""
        names = list(self._left)
        return [(name, self.line(name)) for name in names]


def escape(value: str) -> str:
    """A value as java.util.Properties reads it back; ``:`` and ``=`` need nothing there."""
    text = value.replace("\\", "\\\\").replace("\t", "\\t")
    if text.startswith((" ", "#", "!")):
        text = "\\" + text
    return "".join(c if " " <= c <= "~" else f"\\u{ord(c):04x}" if ord(c) < 0x10000 else _surrogates(c) for c in text)


def _surrogates(character: str) -> str:
    data = character.encode("utf-16-be")
    return "".join(f"\\u{data[i]:02x}{data[i + 1]:02x}" for i in (0, 2))
