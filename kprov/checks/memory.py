"""Memory against the heaps."""

from __future__ import annotations

from collections.abc import Iterator

from kprov.checks.result import Finding, advice, bad, good, unseen
from kprov.checks.subject import Subject
from kprov.spec.heap import heap_kib

_HINT = "lower them with --heap and --zookeeper-heap, or in kprov.yaml"
# What a Java takes beside its heap: code, threads, buffers.
_BESIDE_KIB = 256 * 1024


def memory(host: Subject) -> Iterator[Finding]:
    """The heaps must fit into the memory; what Java needs beside them and the page cache come on top."""
    asked = sum(heap_kib(heap) for heap in host.heaps.values())
    sizes = ", ".join(f"{unit} {heap}" for unit, heap in host.heaps.items())
    if not host.memory_kib:
        yield unseen(f"the host does not tell its memory; the heaps are {sizes}", "look at /proc/meminfo")
        return
    has = f"{host.memory_kib // 1024} MiB"
    whole = asked + _BESIDE_KIB * len(host.heaps)
    if asked > host.memory_kib:
        yield bad(f"the heaps ({sizes}) do not fit into the memory of {has}", _HINT)
    elif whole > host.memory_kib:
        yield advice(f"the heaps ({sizes}) leave hardly anything of {has} for Java itself and the page cache", _HINT)
    else:
        yield good(f"{has} of memory for heaps of {sizes}")
