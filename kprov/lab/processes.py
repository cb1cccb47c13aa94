"""The processes of a host, recognised by what the kernel says of them and never by a remembered number.

A process belongs to a host if

- its root directory is the host's overlay (all that runs inside, and a ``chroot`` from outside),
- it is the keeper or the systemd-nspawn that was started on that directory, or
- it runs in the host's network namespace (``ip netns exec``).

Numbers of processes are used again, so what is ended is first held by a pidfd and then looked at.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from kprov.errors import StepError
from kprov.lab.layout import Slot
from kprov.lab.mounts import parse_mountinfo

_PATIENCE = 20.0  # seconds for a killed process to be gone; the kernel may be busy with its memory or its disk

Match = Callable[[int], bool]

DIRECTORY = "--directory="  # systemd-nspawn's option, by which its process is known


def numbers() -> Iterator[int]:
    """All process numbers but our own."""
    own = os.getpid()
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != own:
            yield int(entry)


def leads(slot: Slot) -> Match:
    """Matches PID 1 of the host: when it ends, the kernel ends all that runs inside."""
    return lambda pid: _is_first_of_a_namespace(pid) and root_upper(pid) == slot.upper


def keeps(slot: Slot) -> Match:
    """Matches the keeper, which boots the host again when it reboots."""
    return lambda pid: command_line(pid)[:1] == ("sh",) and nspawn_root(pid) == slot.root


def supervises(slot: Slot) -> Match:
    """Matches all that holds the host from outside: the keeper, and systemd-nspawn."""
    return lambda pid: nspawn_root(pid) == slot.root


def belongs_to(slot: Slot) -> Match:
    """Matches every process of the host."""
    outside, network = supervises(slot), shares_network(slot)
    return lambda pid: outside(pid) or root_upper(pid) == slot.upper or network(pid)


def shares_network(slot: Slot) -> Match:
    """Matches what runs in the host's network namespace."""
    try:
        namespace = os.stat(f"/run/netns/{slot.namespace}")
    except OSError:
        return lambda pid: False

    def match(pid: int) -> bool:
        try:
            return os.path.samestat(os.stat(f"/proc/{pid}/ns/net"), namespace)
        except OSError:
            return False

    return match


def hosts_below(hosts_dir: Path) -> frozenset[str]:
    """The names of the hosts, of those that have their directory in ``hosts_dir``, that still have a process."""
    found = set()
    for pid in numbers():
        for path in (root_upper(pid), nspawn_root(pid)):
            if path is not None and path.parent.parent == hosts_dir:
                found.add(path.parent.name)
    return frozenset(found)


def root_upper(pid: int) -> Path | None:
    """The upper directory of the overlay that ``pid`` has as its root directory; None if it has another."""
    try:
        mounts = parse_mountinfo(Path(f"/proc/{pid}/mountinfo").read_text())
    except OSError:  # gone, a zombie, or not ours to look at
        return None
    roots = [mount for mount in mounts if mount.point == "/"]
    # A later mount on the same point hides an earlier one.
    if not roots or roots[-1].filesystem != "overlay" or "upperdir" not in roots[-1].options:
        return None
    return Path(roots[-1].options["upperdir"])


def nspawn_root(pid: int) -> Path | None:
    """The directory that ``pid``, a systemd-nspawn or a keeper of one, was started on; None if it is neither."""
    words = command_line(pid)
    if Path(words[0]).name not in ("sh", "setsid", "systemd-nspawn") or "systemd-nspawn" not in words:
        return None
    return next((Path(word.removeprefix(DIRECTORY)) for word in words if word.startswith(DIRECTORY)), None)


def command_line(pid: int) -> tuple[str, ...]:
    """The words that ``pid`` was started with; one empty word if it has none or is gone."""
    try:
        text = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ("",)
    return tuple(text.removesuffix("\0").split("\0"))


def find(match: Match) -> int | None:
    """The first process that matches."""
    return next((pid for pid in numbers() if match(pid)), None)


def kill(match: Match) -> None:
    """Kill every process that matches, and wait until they are gone.

    Raises StepError if one does not go.
    """
    deadline = time.monotonic() + _PATIENCE
    while pids := [pid for pid in numbers() if match(pid)]:
        for pid in pids:
            _kill_one(pid, match)
        if time.monotonic() > deadline:
            raise StepError(
                f"process {pids[0]} does not end",
                where=" ".join(command_line(pids[0])),
                cause=f"it was killed {_PATIENCE:.0f} s ago: the kernel is waiting for a device",
                hint="run the same command again later; if the process is still there, reboot this machine",
            )


def wait_until_gone(match: Match, seconds: float) -> bool:
    """Whether nothing matches any more, after ``seconds`` at the latest."""
    deadline = time.monotonic() + seconds
    while find(match) is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _kill_one(pid: int, match: Match) -> None:
    with suppress(ProcessLookupError):
        fd = os.pidfd_open(pid)
        try:
            if match(pid):
                signal.pidfd_send_signal(fd, signal.SIGKILL)
                select.select([fd], [], [], 1.0)
        finally:
            os.close(fd)


def _is_first_of_a_namespace(pid: int) -> bool:
    """Whether ``pid`` has a second number, 1, in a namespace of processes below ours."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    line = next((line for line in status.splitlines() if line.startswith("NSpid:")), "")
    return line.split()[2:] == ["1"]
