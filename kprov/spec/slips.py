"""Misspellings: a name that is almost one of Kafka's keys was probably meant to be that key."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_ALMOST = 0.9  # difflib's ratio: above it a longer name counts as a misspelling


def slip_of(name: str, keys: Iterable[str]) -> str | None:
    """The key that ``name`` is probably a misspelling of; None if it is a key itself or not similar to any.

    A misspelling differs in case or separators, by one edit, or by a small part of a long name.
    """
    known = list(keys)
    if name in known:
        return None
    flat = _flat(name)
    same = next((key for key in known if _flat(key) == flat), None)
    near = same or next((key for key in known if _one_edit(name.lower(), key.lower())), None)
    return near or next(iter(difflib.get_close_matches(name.lower(), known, n=1, cutoff=_ALMOST)), None)


def _flat(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())


def _one_edit(one: str, other: str) -> bool:
    """Whether one character was added, left out or replaced, or two neighbours were swapped."""
    if abs(len(one) - len(other)) > 1:
        return False
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    one, other = one[start:], other[start:]
    while one and other and one[-1] == other[-1]:
        one, other = one[:-1], other[:-1]
    return max(len(one), len(other)) <= 1 or (len(one) == 2 and one == other[::-1])
