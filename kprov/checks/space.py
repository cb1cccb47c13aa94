"""Memory against the heaps, and disk space against the archives."""

from __future__ import annotations

from collections.abc import Iterator

from kprov.errors import Problem

_UNITS = {"k": 1, "m": 1024, "g": 1024 * 1024}


def heap_kib(text: str) -> int:
    """Java's notation of a heap in KiB."""
    unit = text[-1].lower()
    return int(text[:-1]) * _UNITS[unit] if unit in _UNITS else int(text) // 1024


def check_memory(memory_kib: int, heaps: dict[str, str], where: str) -> Iterator[Problem]:
    """The heaps must fit into the memory; what Java needs beside them comes on top."""
    asked = sum(heap_kib(heap) for heap in heaps.values())
    if memory_kib and asked > memory_kib:
        sizes = ", ".join(f"{unit} {heap}" for unit, heap in heaps.items())
        yield Problem(
            f"the heaps ({sizes}) do not fit into the memory of {memory_kib // 1024} MiB",
            where,
            hint="lower them with --heap and --zookeeper-heap, or in kprov.yaml",
        )


def check_space(free_kib: int, place: str, needed: int, where: str) -> Iterator[Problem]:
    """``needed`` bytes, the archives packed and unpacked, must fit where they go."""
    if free_kib * 1024 < needed:
        yield Problem(
            f"{place} has {free_kib // 1024} MiB free, and unpacking the releases needs {needed // 2**20} MiB",
            where,
            hint="make room there",
        )
