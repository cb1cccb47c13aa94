"""What must never be shown: passwords and passphrases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


class Secret:
    """A text that shows as ``***`` wherever it is printed, logged or put into a message."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the one place that needs it."""
        return self._text

    def __str__(self) -> str:
        return "***"

    __repr__ = __str__

    def __bool__(self) -> bool:
        return bool(self._text)


@dataclass(frozen=True)
class Passwords:
    """Where passwords come from.

    prompt: puts a question on the terminal and hides the answer; None where nobody can be asked.
    login: the password of the user on HOST itself, sudo: the one that sudo wants there; None where not given.
    """

    prompt: Callable[[str], Secret] | None = None
    login: Secret | None = None
    sudo: Secret | None = None
