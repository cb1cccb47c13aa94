"""A lab host and an operator who has no settings, keys or agent except those that a test provides."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kprov.lab.lab import Lab, LabHost
from support.preloaded import run_kprov


@dataclass(frozen=True)
class Outcome:
    """How a run of kprov ended."""

    code: int
    out: str
    err: str

    @property
    def errors(self) -> list[str]:
        return [line for line in self.err.splitlines() if line.startswith("error: ")]

    @property
    def error(self) -> str:
        """The first error."""
        return self.errors[0] if self.errors else ""

    @property
    def remedy(self) -> str:
        return next((line for line in self.err.splitlines() if line.startswith("  -> ")), "")


@dataclass
class ReachedHost:
    """A lab with one host. desk: the operator's home directory."""

    lab: Lab
    host: LabHost
    desk: Path

    @property
    def address(self) -> str:
        return str(self.host.address)

    @property
    def state(self) -> Path:
        """The lab's key, known_hosts and ssh_config."""
        return self.lab.ssh_config.parent

    @property
    def key(self) -> Path:
        """The key that the lab's users accept."""
        return self.state / "id_ed25519"

    def environment(self) -> dict[str, str]:
        """An environment without the user's keys and agent; what kprov learns of archives is kept at the desk."""
        kept = {name: value for name, value in os.environ.items() if name != "SSH_AUTH_SOCK"}
        return kept | {"HOME": str(self.desk), "XDG_CACHE_HOME": str(self.desk / "cache")}

    def run_here(self, words: list[str], stdin: str = "") -> Outcome:
        """Run kprov as the operator, without a terminal."""
        assert words[:3] == [sys.executable, "-m", "kprov"]
        return Outcome(*run_kprov(words[3:], stdin, self.environment()))

    def run(self, *words: str) -> str:
        """Run a command on the host as root."""
        command = self.lab.ssh_command(f"root@{self.address}", *words)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def chroot(self, *words: str, stdin: str = "") -> None:
        """Run a command in the host's file system."""
        subprocess.run(["chroot", str(self.host.root), *words], input=stdin, text=True, check=True, capture_output=True)

    @contextmanager
    def file(self, name: str, text: str = "# of somebody else\n", mode: int = 0o644) -> Iterator[Path]:
        """A file of the host with this text. It is restored afterwards, and new directories are removed."""
        path = self.host.root / name
        before = path.read_bytes() if path.exists() else None
        made = next((folder for folder in reversed(path.parents) if not folder.exists()), None)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        try:
            yield path
        finally:
            if before is None:
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(before)
            if made is not None:
                shutil.rmtree(made)
