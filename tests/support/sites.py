"""Keeps the labs of several test runs on one machine apart, and removes those of runs that were killed."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from ipaddress import IPv4Network
from pathlib import Path

from kprov.lab import network
from kprov.lab.lab import Lab
from kprov.lab.layout import Layout

_LOCKS = Path("/run/lock")
_SITES = 100  # the second number of the subnets is 78 to 177
_held: list[int] = []  # open files; the kernel releases their locks when this process ends, however it ends


@cache
def site() -> int:
    """The lowest number that no other running test process uses. Taken until this process ends."""
    for number in range(_SITES):
        fd = os.open(_LOCKS / f"kprov-test-site-{number}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
        else:
            _held.append(fd)
            return number
    raise AssertionError(f"{_SITES} test processes are already running")


def lab_of(word: str, number: int, state: Path) -> Lab:
    """A lab that no other test process uses. A lab of the same name, left by a run that was killed, is removed."""
    name = f"{word}{number}" if site() == 0 else f"{word}{site()}-{number}"
    subnet = IPv4Network(f"10.{78 + site()}.{number}.0/24")
    _remove_abandoned(Layout(name, subnet, state / "lab"))
    return Lab(name, subnet=subnet, state_dir=state / "lab")


@contextmanager
def alone(*layouts: Layout) -> Iterator[None]:
    """Use labs with fixed names: wait for other test processes that use them, and remove abandoned ones."""
    fd = os.open(_LOCKS / f"kprov-test-lab-{layouts[0].name}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        for layout in layouts:
            _remove_abandoned(layout)
        yield
    finally:
        os.close(fd)


def _remove_abandoned(layout: Layout) -> None:
    bridge = network.links().get(layout.bridge)
    if bridge is None or bridge.alias == layout.owner:
        return
    # Its lock is ours, so the process that made this lab has ended.
    directory = Path(bridge.alias.removeprefix(layout.owner.removesuffix(str(layout.state_dir))))
    Lab(layout.name, subnet=layout.subnet, state_dir=directory).down()
