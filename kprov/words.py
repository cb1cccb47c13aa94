"""Words that messages share."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """``1 change``, ``2 changes``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
