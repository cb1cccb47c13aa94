"""Values in a host's answers."""

from __future__ import annotations

from kprov.kinds.base import Answer


def number(seen: Answer, key: str) -> int | None:
    """A number in an answer; None where there is none. The kernel's largest do not fit a word and still count."""
    text = seen.get(key, "")
    return int(text) if text.isdigit() else None
