"""Mounts: the overlays that hosts have as their root, and what is mounted below a directory."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from kprov.errors import StepError
from kprov.lab.run import run


@dataclass(frozen=True)
class Mount:
    """One line of a mountinfo file, proc(5).

    options: those of the file system (an overlay's ``upperdir``), not of the mount.
    """

    point: str
    filesystem: str
    options: dict[str, str]


def parse_mountinfo(text: str) -> tuple[Mount, ...]:
    """Read a mountinfo file: what is mounted later comes later."""
    mounts = []
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        fields, (filesystem, _, options) = left.split(" "), right.split(" ", 2)
        pairs = (option.partition("=") for option in options.split(","))
        mounts.append(
            Mount(
                point=_unescape(fields[4]),
                filesystem=filesystem,
                options={name: _unescape(value) for name, _, value in pairs},
            )
        )
    return tuple(mounts)


def below(directory: Path) -> tuple[Mount, ...]:
    """What is mounted on ``directory`` or anywhere below it, in the order of mounting."""
    prefix = f"{directory}/"
    mounts = parse_mountinfo(Path("/proc/self/mountinfo").read_text())
    return tuple(mount for mount in mounts if f"{mount.point}/".startswith(prefix))


def mount_overlay(layers: tuple[Path, ...], *, upper: Path, work: Path, point: Path) -> None:
    """Mount ``layers`` (the topmost first, never written to) under ``upper`` on ``point``; make the directories.

    Raises StepError if the kernel refuses.
    """
    for directory in (upper, work, point):
        directory.mkdir(parents=True, exist_ok=True)
    lower = ":".join(str(layer) for layer in layers)
    run(
        "mount",
        "--types=overlay",
        f"--options=lowerdir={lower},upperdir={upper},workdir={work}",
        "overlay",
        point,
        hint=f"an overlay's upper directory must be on ext4, xfs or the like: see `findmnt --target {upper}`",
    )


def unmount_below(directory: Path) -> None:
    """Unmount all that is mounted on or below ``directory``, last mounted first.

    What a process of somebody else still uses (a shell that stands in it) is detached: out of the tree now,
    given up by the kernel when that process leaves. Raises StepError if anything stays mounted.
    """
    for mount in reversed(below(directory)):
        try:
            run("umount", mount.point)
        except StepError:
            run("umount", "--lazy", mount.point)
    if left := below(directory):
        raise StepError(f"{left[0].point} is still mounted", hint=f"umount {left[0].point}")


def _unescape(text: str) -> str:
    r"""Blanks and backslashes are written as ``\040`` in /proc."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)
