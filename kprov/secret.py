"""Passwords and passphrases, which must never be shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


class Secret:
    """A text that appears as ``***`` when printed, logged or put into a message."""

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

    prompt: prompts on the terminal without echo; None if there is no terminal.
    login: the password for the login to HOST itself. sudo: the password for sudo there. None if not given.
    """

    prompt: Callable[[str], Secret] | None = None
    login: Secret | None = None
    sudo: Secret | None = None
