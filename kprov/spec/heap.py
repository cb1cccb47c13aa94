"""Heap sizes in Java's notation: ``512m``, ``1g``, or bytes without a letter."""

from __future__ import annotations

_KIB = {"k": 1, "m": 1024, "g": 1024 * 1024}


def heap_kib(text: str) -> int:
    """The size in KiB."""
    unit = text[-1].lower()
    return int(text[:-1]) * _KIB[unit] if unit in _KIB else int(text) // 1024
