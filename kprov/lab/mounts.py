"""Mounts: the overlays that are the hosts' roots, and all mounts below a directory."""

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
    """Parse a mountinfo file, in the order of mounting."""
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
    """The mounts on or below ``directory``, in the order of mounting."""
    prefix = f"{directory}/"
    mounts = parse_mountinfo(Path("/proc/self/mountinfo").read_text())
    return tuple(mount for mount in mounts if f"{mount.point}/".startswith(prefix))


def mount_overlay(layers: tuple[Path, ...], *, upper: Path, work: Path, point: Path) -> None:
    """Mount an overlay of ``layers`` (topmost first, read-only) and ``upper`` on ``point``; make the directories.

    Raises StepError if it cannot be mounted.
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
        hint=f"put the state directory on ext4 or xfs, as overlays need; check with: findmnt --target {upper}",
    )


def unmount_below(directory: Path) -> None:
    """Unmount everything on or below ``directory``, last mounted first.

    A mount that is still in use (for instance by a shell in it) is detached lazily. Raises StepError if
    anything stays mounted.
    """
    for mount in reversed(below(directory)):
        try:
            run("umount", mount.point)
        except StepError:
            run("umount", "--lazy", mount.point)
    if left := below(directory):
        raise StepError(f"{left[0].point} is still mounted", hint=f"umount {left[0].point}")


def _unescape(text: str) -> str:
    r"""Decode spaces and backslashes, which /proc writes like ``\040``."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)
