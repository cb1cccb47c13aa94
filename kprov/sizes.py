"""Sizes as people read them. Pure."""

from __future__ import annotations

_STEP = 1024
_WHOLE = ("B", "KiB")  # shown without decimals
_LARGER = ("MiB", "GiB", "TiB")


def human_size(count: int) -> str:
    """Bytes with the unit that suits them, in powers of two: ``512 KiB``, ``36.1 MiB``."""
    value = float(count)
    for unit in (*_WHOLE, *_LARGER):
        shown = round(value, 0 if unit in _WHOLE else 1)
        if shown < _STEP or unit == _LARGER[-1]:
            break
        value /= _STEP
    return f"{shown:.0f} {unit}" if unit in _WHOLE else f"{shown:.1f} {unit}"
