"""Make a control group for each host, on machines without systemd.

A container's systemd puts its units into groups below its own group. Two containers started from the same
group would share it, so that both put their ssh.service into one group. So each host gets its own group, in every
hierarchy that systemd uses, before systemd-nspawn starts.
"""

from __future__ import annotations

import time
from pathlib import Path

from kprov.errors import StepError
from kprov.lab.layout import Slot
from kprov.lab.mounts import Mount, parse_mountinfo

_PATIENCE = 5.0  # seconds to wait for a group to be empty


def machine_runs_systemd() -> bool:
    """Whether systemd-nspawn can get a scope from the machine's systemd (sd_booted(3))."""
    return Path("/run/systemd/system").is_dir()


def hierarchies(mounts: tuple[Mount, ...]) -> tuple[Path, ...]:
    """The mount points of the hierarchies in which systemd keeps its units."""
    return tuple(
        Path(mount.point)
        for mount in mounts
        if mount.filesystem == "cgroup2" or (mount.filesystem == "cgroup" and mount.options.get("name") == "systemd")
    )


def make(slot: Slot) -> tuple[Path, ...]:
    """Make the host's groups and return them; none if the machine's systemd makes them."""
    if machine_runs_systemd():
        return ()
    groups = _groups(slot)
    for group in groups:
        group.mkdir(exist_ok=True)
    return groups


def exist(slot: Slot) -> bool:
    """Whether the host still has a group."""
    return any(group.exists() for group in _groups(slot))


def remove(slot: Slot) -> None:
    """Remove the host's groups and all groups below them, after their processes have ended.

    Raises StepError if a group cannot be removed.
    """
    for group in _groups(slot):
        deadline = time.monotonic() + _PATIENCE
        while group.exists():
            _remove_tree(group)
            if time.monotonic() > deadline:
                raise StepError(
                    f"the control group {group} cannot be removed",
                    cause="it still has processes",
                    hint=f"end the processes listed in {group}/cgroup.procs, then run the same command again",
                )
            time.sleep(0.01)


def _groups(slot: Slot) -> tuple[Path, ...]:
    mounts = parse_mountinfo(Path("/proc/self/mountinfo").read_text())
    return tuple(top / f"kprov-lab.{slot.machine}" for top in hierarchies(mounts))


def _remove_tree(group: Path) -> None:
    """Remove the groups that are empty; a group's files belong to the kernel and vanish with it."""
    try:
        for child in [entry for entry in group.iterdir() if entry.is_dir()]:
            _remove_tree(child)
        group.rmdir()
    except OSError:
        return  # not empty yet, or already gone
