"""Memory against the heaps, and disk space against the archives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kprov.errors import Problem
from kprov.spec.heap import heap_kib


def check_memory(memory_kib: int, heaps: Mapping[str, str], where: str) -> Iterator[Problem]:
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
