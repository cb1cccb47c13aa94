"""Values that are not valid: how a message shows them, and the error that contains the problem."""

from __future__ import annotations

from datetime import date

from kprov.errors import Problem

_LONGEST = 200  # characters of a value in a message


class WrongValueError(ValueError):
    """The error of a validator: the problem without its place, which only the caller knows."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.what}: {problem.hint}")
        self.problem = problem


def wrong(what: str, hint: str) -> WrongValueError:
    """The error for a value. what: what is wrong, with the value."""
    return WrongValueError(Problem(what, hint=hint))


def shown(value: object) -> str:
    """A value as it looks in YAML, not in Python."""
    if value is None:
        return "an empty value"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = value.isoformat() if isinstance(value, date) else repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
