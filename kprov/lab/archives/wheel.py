"""A wheel from PyPI by ``pip``, unpacked but not installed."""

from __future__ import annotations

import importlib.util
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

from kprov.errors import Problem
from kprov.lab.run import environment, run

PLATFORM = "manylinux1_x86_64"  # the lab's hosts, whatever this machine is


def missing() -> tuple[Problem, ...]:
    """What keeps this machine from using pip."""
    if _pip():
        return ()
    return (Problem("pip is missing", hint="apt-get install python3-pip"),)


def unpack(requirement: str, folder: Path) -> None:
    """Get the wheel of ``NAME==VERSION`` and unpack it to ``folder``. File modes are lost on the way.

    Raises StepError if the wheel cannot be had.
    """
    with tempfile.TemporaryDirectory(prefix="kprov-wheel-") as download:
        run(
            *_pip(),
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--only-binary=:all:",
            f"--platform={PLATFORM}",
            f"--dest={download}",
            requirement,
            hint="pip gets its packages from where `pip config list` says; can that be reached?",
        )
        (path,) = Path(download).glob("*.whl")
        with zipfile.ZipFile(path) as wheel:
            wheel.extractall(folder)


def _pip() -> tuple[str, ...]:
    """This Python's own pip, or the one in PATH (environments made by other tools have none), or nothing."""
    if importlib.util.find_spec("pip") is not None:
        return (sys.executable, "-m", "pip")
    return ("pip3",) if shutil.which("pip3", path=environment()["PATH"]) else ()
