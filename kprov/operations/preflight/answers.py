"""Values in a host's answers."""

from __future__ import annotations

from kprov.resources.base import Seen


def number(seen: Seen, key: str) -> int | None:
    """A number in an answer; None where there is none. The kernel's largest do not fit a word and still count."""
    text = seen.get(key, "")
    return int(text) if text.isdigit() else None
