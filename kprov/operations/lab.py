"""lab: throwaway hosts on this machine, and the archives that they are provisioned from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kprov.events import Emit, Message
from kprov.lab.archives import build, default_directory
from kprov.lab.lab import Lab
from kprov.operations.report import Report


def up(lab: Lab, count: int | None, *, firewalld: bool | None, emit: Emit) -> Report:
    """Boot the lab's missing hosts; count and firewalld: as for ``Lab.up``."""
    lab.up(count, firewalld=firewalld, emit=emit)
    return Report("lab up", (lab.status(),))


def down(lab: Lab, emit: Emit) -> Report:
    """Remove the lab; what was removed is shown when it happens."""
    lab.down(emit=emit)
    return Report("lab down")


def status(lab: Lab) -> Report:
    """Which hosts the lab has, and which of them run."""
    return Report("lab status", (lab.status(),))


def archives(names: Sequence[str], directory: Path | None, emit: Emit) -> Report:
    """Build the missing archives; names: as for ``build``; directory: None for the default one."""
    built = build(names, directory or default_directory(), emit)
    emit(Message(f"made {len(built.made)}, {len(built.archives) - len(built.made)} were there"))
    return Report("lab archives", (built,))
