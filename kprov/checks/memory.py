"""Compares the host's memory with the heaps."""

from __future__ import annotations

from collections.abc import Iterator

from kprov.checks.result import Finding, advice, bad, good, unseen
from kprov.checks.subject import Subject
from kprov.spec.heap import heap_kib

_HINT = "lower the heaps with --heap and --zookeeper-heap, or in kprov.yaml"
# What a Java process uses besides its heap: code, threads, buffers.
_OFF_HEAP_KIB = 256 * 1024


def memory(host: Subject) -> Iterator[Finding]:
    """The heaps fit into memory, with room for Java's other memory and the page cache."""
    heaps = sum(heap_kib(heap) for heap in host.heaps.values())
    sizes = ", ".join(f"{unit} {heap}" for unit, heap in host.heaps.items())
    if not host.memory_kib:
        yield unseen(f"the host's memory could not be read; the heaps are {sizes}", "check /proc/meminfo")
        return
    has = f"{host.memory_kib // 1024} MiB"
    whole = heaps + _OFF_HEAP_KIB * len(host.heaps)
    if heaps > host.memory_kib:
        yield bad(f"the heaps ({sizes}) do not fit into {has} of memory", _HINT)
    elif whole > host.memory_kib:
        yield advice(f"the heaps ({sizes}) leave too little of {has} for Java itself and the page cache", _HINT)
    else:
        yield good(f"{has} of memory for heaps of {sizes}")
