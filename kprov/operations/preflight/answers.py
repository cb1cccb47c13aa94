"""Values in a host's answers."""

from __future__ import annotations

from kprov.kinds.base import Answer


def number(seen: Answer, key: str) -> int | None:
    """A number in an answer; None if there is none. Numbers of the kernel may exceed 64 bits."""
    text = seen.get(key, "")
    return int(text) if text.isdigit() else None
