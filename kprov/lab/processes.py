"""Find and end the processes of a host, identified by what the kernel reports and not by a stored PID.

A process belongs to a host if

- its root directory is the host's overlay (everything inside, and a ``chroot`` from outside),
- it is the keeper or the systemd-nspawn of that directory, or
- it runs in the host's network namespace (``ip netns exec``).

PIDs are reused, so a process is opened as a pidfd before it is checked and killed.
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

_PATIENCE = 20.0  # seconds for a killed process to end; the kernel may have to free its memory or wait for a disk

Match = Callable[[int], bool]

DIRECTORY = "--directory="  # the option of systemd-nspawn by which its process is recognised


def numbers() -> Iterator[int]:
    """All PIDs except our own."""
    own = os.getpid()
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != own:
            yield int(entry)


def leads(slot: Slot) -> Match:
    """Matches PID 1 of the host; when it ends, the kernel ends everything inside."""
    return lambda pid: _is_first_of_a_namespace(pid) and root_upper(pid) == slot.upper


def keeps(slot: Slot) -> Match:
    """Matches the keeper, which boots the host again when it reboots."""
    return lambda pid: command_line(pid)[:1] == ("sh",) and nspawn_root(pid) == slot.root


def supervises(slot: Slot) -> Match:
    """Matches the processes that run the host from outside: the keeper and systemd-nspawn."""
    return lambda pid: nspawn_root(pid) == slot.root


def belongs_to(slot: Slot) -> Match:
    """Matches every process of the host."""
    outside, network = supervises(slot), shares_network(slot)
    return lambda pid: outside(pid) or root_upper(pid) == slot.upper or network(pid)


def shares_network(slot: Slot) -> Match:
    """Matches the processes in the host's network namespace."""
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
    """The names of the hosts with a directory in ``hosts_dir`` that still have a process."""
    found = set()
    for pid in numbers():
        for path in (root_upper(pid), nspawn_root(pid)):
            if path is not None and path.parent.parent == hosts_dir:
                found.add(path.parent.name)
    return frozenset(found)


def root_upper(pid: int) -> Path | None:
    """The upper directory of the overlay that is the root of ``pid``; None if its root is not an overlay."""
    try:
        mounts = parse_mountinfo(Path(f"/proc/{pid}/mountinfo").read_text())
    except OSError:  # ended, a zombie, or not readable for us
        return None
    roots = [mount for mount in mounts if mount.point == "/"]
    # A later mount on the same point hides earlier ones.
    if not roots or roots[-1].filesystem != "overlay" or "upperdir" not in roots[-1].options:
        return None
    return Path(roots[-1].options["upperdir"])


def nspawn_root(pid: int) -> Path | None:
    """The host directory of ``pid`` if it is a systemd-nspawn or a keeper; else None."""
    words = command_line(pid)
    if Path(words[0]).name not in ("sh", "setsid", "systemd-nspawn") or "systemd-nspawn" not in words:
        return None
    return next((Path(word.removeprefix(DIRECTORY)) for word in words if word.startswith(DIRECTORY)), None)


def command_line(pid: int) -> tuple[str, ...]:
    """The command line of ``pid``; one empty word if it has none or has ended."""
    try:
        text = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ("",)
    return tuple(text.removesuffix("\0").split("\0"))


def find(match: Match) -> int | None:
    """The first process that matches."""
    return next((pid for pid in numbers() if match(pid)), None)


def kill(match: Match) -> None:
    """Kill every process that matches, and wait until they have ended.

    Raises StepError if one does not end.
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
    """Wait up to ``seconds`` until nothing matches; return whether that is so."""
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
    """Whether ``pid`` is PID 1 of a PID namespace below ours."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    line = next((line for line in status.splitlines() if line.startswith("NSpid:")), "")
    return line.split()[2:] == ["1"]
