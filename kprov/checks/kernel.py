"""Settings of the kernel that Kafka feels: limits, swapping, huge pages, randomness."""

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
# From 5.6 on /dev/random waits for nothing once it is seeded.
_RANDOM_NEVER_WAITS = (5, 6)
_PERSIST = "in /etc/sysctl.d/kafka.conf, then sysctl --system"


def limits(host: Subject) -> Iterator[Finding]:
    """The units ask for their own open files; the kernel and the host's init must allow them."""
    found = [*_kernel_limits(host), *_init_limit(host), *_limits_in_force(host)]
    yield from found
    if not found:
        yield good(f"fs.nr_open {host.open_files}, fs.file-max {host.file_max}, vm.max_map_count {host.map_count}")


def _kernel_limits(host: Subject) -> Iterator[Finding]:
    values = (host.open_files, host.file_max, host.map_count)
    if host.open_files is not None and host.open_files < _OPEN_FILES:
        what = f"fs.nr_open is {host.open_files}, and the unit asks for {_OPEN_FILES} open files"
        yield bad(what, f"write fs.nr_open = 1048576 {_PERSIST}")
    elif host.file_max is not None and host.file_max < _OPEN_FILES:
        what = f"fs.file-max is {host.file_max} for the whole host, and the broker alone may open {_OPEN_FILES} files"
        yield advice(what, f"write fs.file-max = 1000000 {_PERSIST}")
    elif host.map_count is not None and host.map_count < _MAPS:
        what = f"vm.max_map_count is {host.map_count}: each segment of a partition takes two"
        yield advice(what, f"write vm.max_map_count = 262144 {_PERSIST}")
    elif None in values:
        yield unseen("the kernel does not tell all of its limits", "look with sysctl fs.nr_open vm.max_map_count")


def _init_limit(host: Subject) -> Iterator[Finding]:
    """systemd lowers what a unit asks for to its own hard limit, without a word, where it may not raise that."""
    if host.init_files is not None and host.init_files >= _OPEN_FILES:
        return
    if host.init_files is None or not host.init_capabilities:
        yield unseen("how many files systemd itself may open could not be seen", "look at /proc/1/limits")
    elif not int(host.init_capabilities, 16) & _MAY_RAISE_LIMITS:
        yield advice(
            f"systemd itself may open {host.init_files} files at most and gives no service more; the unit asks for "
            f"{_OPEN_FILES}",
            "raise the hard limit of open files of the container or of process 1 (/proc/1/limits)",
        )


def _limits_in_force(host: Subject) -> Iterator[Finding]:
    """What the processes that run were really given."""
    for item in host.unit_files:
        if item.given is None or item.asked is None:
            where = f"look at /proc/PID/limits of {item.unit}"
            yield unseen(f"how many files {item.unit} may open could not be seen", where)
        elif item.given < item.asked:
            yield advice(
                f"{item.unit} runs with a limit of {item.given} open files, and its unit asks for {item.asked}",
                "restart it if LimitNOFILE= has changed since; else raise the host's hard limit (/proc/1/limits)",
            )


def swappiness(host: Subject) -> Iterator[Finding]:
    """A heap that is swapped out makes a broker miss its ZooKeeper session."""
    if host.swap_kib == 0:
        yield good("there is no swap")
    elif host.swappiness is None or host.swap_kib is None:
        yield unseen("the kernel does not tell vm.swappiness", "look with sysctl vm.swappiness")
    elif host.swappiness > _SWAPPINESS:
        what = f"vm.swappiness is {host.swappiness} with {host.swap_kib // 1024} MiB of swap"
        yield advice(what, f"write vm.swappiness = 1 {_PERSIST}")
    else:
        yield good(f"vm.swappiness is {host.swappiness}")


def huge_pages(host: Subject) -> Iterator[Finding]:
    """Transparent huge pages for everyone make pauses when they are put together."""
    chosen = re.search(r"\[(\w+)\]", host.huge_pages)
    if chosen is None:
        yield good("the kernel has no transparent huge pages")
    elif chosen[1] == "always":
        fix = "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled, and transparent_hugepage=madvise at boot"
        yield advice("transparent huge pages are given to everyone", fix)
    else:
        yield good(f"transparent huge pages: {chosen[1]}")


def entropy(host: Subject) -> Iterator[Finding]:
    """An old kernel with too little of it makes the first connections wait."""
    number = re.match(r"(\d+)\.(\d+)", host.kernel)
    if number and (int(number[1]), int(number[2])) >= _RANDOM_NEVER_WAITS:
        yield good(f"kernel {host.kernel} never waits for randomness")
    elif host.entropy is None:
        yield unseen("the kernel does not tell its entropy", "cat /proc/sys/kernel/random/entropy_avail")
    elif host.entropy < _LITTLE_ENTROPY:
        yield advice(f"only {host.entropy} bits of entropy", "install and start rng-tools or haveged")
    else:
        yield good(f"{host.entropy} bits of entropy")
