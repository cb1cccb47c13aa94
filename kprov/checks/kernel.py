"""Kernel settings that affect Kafka: limits, swapping, huge pages, entropy."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kprov.checks.result import Finding, advice, bad, good, unseen
from kprov.checks.subject import Subject

_OPEN_FILES = 100000  # LimitNOFILE in templates/kafka.service.j2
_MAY_RAISE_LIMITS = 1 << 24  # CAP_SYS_RESOURCE (linux/capability.h)
_MAPS = 65530  # the kernel's default; two maps for each segment of each partition
_SWAPPINESS = 10
_LITTLE_ENTROPY = 200
# From 5.6 on, /dev/random does not block once it is seeded.
_RANDOM_NEVER_BLOCKS = (5, 6)
_PERSIST = "in /etc/sysctl.d/kafka.conf, then sysctl --system"


def limits(host: Subject) -> Iterator[Finding]:
    """The kernel and the host's init allow the number of open files that the units set."""
    found = [*_kernel_limits(host), *_init_limit(host), *_limits_in_force(host)]
    yield from found
    if not found:
        yield good(f"fs.nr_open {host.open_files}, fs.file-max {host.file_max}, vm.max_map_count {host.map_count}")


def _kernel_limits(host: Subject) -> Iterator[Finding]:
    values = (host.open_files, host.file_max, host.map_count)
    if host.open_files is not None and host.open_files < _OPEN_FILES:
        what = f"fs.nr_open is {host.open_files}, and the unit sets LimitNOFILE={_OPEN_FILES}"
        yield bad(what, f"write fs.nr_open = 1048576 {_PERSIST}")
    elif host.file_max is not None and host.file_max < _OPEN_FILES:
        what = f"fs.file-max is {host.file_max} for the whole host, and the broker alone may open {_OPEN_FILES} files"
        yield advice(what, f"write fs.file-max = 1000000 {_PERSIST}")
    elif host.map_count is not None and host.map_count < _MAPS:
        what = f"vm.max_map_count is {host.map_count}, and each segment of a partition uses two maps"
        yield advice(what, f"write vm.max_map_count = 262144 {_PERSIST}")
    elif None in values:
        yield unseen(
            "not all kernel limits could be read", "check them with sysctl fs.nr_open fs.file-max vm.max_map_count"
        )


def _init_limit(host: Subject) -> Iterator[Finding]:
    """Without CAP_SYS_RESOURCE, systemd silently lowers a unit's limit to its own hard limit."""
    if host.init_files is not None and host.init_files >= _OPEN_FILES:
        return
    if host.init_files is None or not host.init_capabilities:
        yield unseen("systemd's own limit of open files could not be read", "check it in /proc/1/limits")
    elif not int(host.init_capabilities, 16) & _MAY_RAISE_LIMITS:
        yield advice(
            f"systemd's own limit is {host.init_files} open files and it cannot give a service more; "
            f"the unit sets LimitNOFILE={_OPEN_FILES}",
            "raise the hard limit of open files for the container or for process 1 (/proc/1/limits)",
        )


def _limits_in_force(host: Subject) -> Iterator[Finding]:
    """The limits of the processes that run now."""
    for item in host.unit_files:
        if item.given is None or item.asked is None:
            fix = f"check /proc/PID/limits of the main process of {item.unit}"
            yield unseen(f"the limit of open files of {item.unit} could not be read", fix)
        elif item.given < item.asked:
            yield advice(
                f"{item.unit} runs with a limit of {item.given} open files, and its unit sets LimitNOFILE={item.asked}",
                "restart it if LimitNOFILE= changed after its start; else raise the host's hard limit (/proc/1/limits)",
            )


def swappiness(host: Subject) -> Iterator[Finding]:
    """A broker whose heap is swapped out can lose its ZooKeeper session."""
    if host.swap_kib == 0:
        yield good("the host has no swap")
    elif host.swappiness is None or host.swap_kib is None:
        yield unseen("vm.swappiness could not be read", "check it with sysctl vm.swappiness")
    elif host.swappiness > _SWAPPINESS:
        what = f"vm.swappiness is {host.swappiness} with {host.swap_kib // 1024} MiB of swap"
        yield advice(what, f"write vm.swappiness = 1 {_PERSIST}")
    else:
        yield good(f"vm.swappiness is {host.swappiness}")


def huge_pages(host: Subject) -> Iterator[Finding]:
    """With transparent huge pages for all processes, the kernel pauses Java while it compacts memory."""
    chosen = re.search(r"\[(\w+)\]", host.huge_pages)
    if chosen is None:
        yield good("the kernel has no transparent huge pages")
    elif chosen[1] == "always":
        fix = (
            "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled, "
            "and boot with the kernel parameter transparent_hugepage=madvise"
        )
        yield advice("transparent huge pages are always on", fix)
    else:
        yield good(f"transparent huge pages: {chosen[1]}")


def entropy(host: Subject) -> Iterator[Finding]:
    """On an old kernel with little entropy, the first connections wait for random numbers."""
    number = re.match(r"(\d+)\.(\d+)", host.kernel)
    if number and (int(number[1]), int(number[2])) >= _RANDOM_NEVER_BLOCKS:
        yield good(f"kernel {host.kernel} never blocks on random numbers")
    elif host.entropy is None:
        yield unseen("the kernel's entropy could not be read", "check /proc/sys/kernel/random/entropy_avail")
    elif host.entropy < _LITTLE_ENTROPY:
        yield advice(f"only {host.entropy} bits of entropy are available", "install and start rng-tools or haveged")
    else:
        yield good(f"{host.entropy} bits of entropy are available")
