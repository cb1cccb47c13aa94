"""A value that does not fit: how it is shown to the user, and the error that carries what is wrong with it."""

from __future__ import annotations

from datetime import date

from kprov.errors import Problem

_LONGEST = 200  # characters of a value in a message


class WrongValueError(ValueError):
    """A validator's verdict: the problem without its place, which only the caller knows."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.what}: {problem.hint}")
        self.problem = problem


def wrong(what: str, hint: str) -> WrongValueError:
    """The error for a value; ``what`` names it."""
    return WrongValueError(Problem(what, hint=hint))


def shown(value: object) -> str:
    """A value as the user would recognise it: as it stands in YAML rather than in Python."""
    if value is None:
        return "an empty value"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = value.isoformat() if isinstance(value, date) else repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
