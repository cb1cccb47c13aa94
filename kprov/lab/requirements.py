"""What a machine must have to run a lab; everything that is missing is told at once."""

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

# Each program and the Debian package that brings it.
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
    """What was found out about the machine."""

    system: str
    user_id: int
    programs: frozenset[str]
    has_overlayfs: bool


def check(programs: Collection[str] = PROGRAMS) -> None:
    """Raise PreflightError with all that this machine lacks for a lab, ``programs`` among it."""
    problems = missing(examine(), programs)
    if problems:
        raise PreflightError(problems)


def examine() -> Machine:
    """Look at the machine that this runs on."""
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
        return True  # a module may be loaded when it is needed, which only root can find out
    try:
        subprocess.run(["modprobe", "overlay"], env=environment(), capture_output=True, check=False)
    except FileNotFoundError:
        return False
    return "overlay" in known.read_text().split()
