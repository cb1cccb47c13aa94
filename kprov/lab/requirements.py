"""Check what a machine needs to run a lab, and report everything that is missing at once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from kprov.errors import PreflightError, Problem
from kprov.lab.run import environment

# Each program with the Debian package that provides it.
PROGRAMS = {
    "chroot": "coreutils",
    "debootstrap": "debootstrap",
    "gpgv": "gpgv",
    "ip": "iproute2",
    "mount": "mount",
    "setsid": "util-linux",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "systemd-nspawn": "systemd-container",
    "umount": "mount",
}


@dataclass(frozen=True)
class Machine:
    """The properties of a machine that matter to a lab."""

    system: str
    user_id: int
    programs: frozenset[str]
    has_overlayfs: bool


def check(programs: Collection[str] = PROGRAMS) -> None:
    """Raise PreflightError with everything that this machine lacks for a lab, including ``programs``."""
    problems = missing(examine(), programs)
    if problems:
        raise PreflightError(problems)


def examine() -> Machine:
    """Inspect this machine."""
    path = environment()["PATH"]
    return Machine(
        system=sys.platform,
        user_id=os.geteuid(),
        programs=frozenset(program for program in PROGRAMS if shutil.which(program, path=path)),
        has_overlayfs=_has_overlayfs(),
    )


def missing(machine: Machine, programs: Collection[str] = PROGRAMS) -> tuple[Problem, ...]:
    """One problem for each thing that ``machine`` lacks."""
    if machine.system != "linux":
        return (
            Problem(
                f"a lab cannot run on {machine.system}",
                cause="its hosts are Linux containers",
                hint="run it in a Linux virtual machine, or use the Vagrantfile",
            ),
        )
    problems = []
    if machine.user_id != 0:
        problems.append(
            Problem("the lab needs root", cause="it mounts and makes network namespaces", hint="run it with sudo")
        )
    if absent := sorted(set(programs) - machine.programs):
        packages = sorted({PROGRAMS[program] for program in absent})
        are = "programs are" if len(absent) > 1 else "program is"
        problems.append(
            Problem(
                f"{len(absent)} {are} missing: {', '.join(absent)}",
                hint=f"apt-get install {' '.join(packages)}",
            )
        )
    if not machine.has_overlayfs:
        problems.append(
            Problem("the kernel has no overlayfs", hint="load it with `modprobe overlay`, or boot a kernel that has it")
        )
    return tuple(problems)


def _has_overlayfs() -> bool:
    known = Path("/proc/filesystems")
    if not known.exists():
        return False
    if "overlay" in known.read_text().split():
        return True
    if os.geteuid() != 0:
        return True  # the module may be loaded on demand, which only root can check
    try:
        subprocess.run(["modprobe", "overlay"], env=environment(), capture_output=True, check=False)
    except FileNotFoundError:
        return False
    return "overlay" in known.read_text().split()
