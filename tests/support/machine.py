"""A lab host for tests, and the kprov command run against it as a user runs it."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kprov.lab.archives import default_directory
from kprov.lab.lab import Lab
from support.preloaded import run_kprov
from support.schemas import validated
from support.sites import lab_of

PATIENCE = 60.0  # seconds; only a failing test waits that long

# What a host's own life changes: not part of a comparison of file trees.
_RESTLESS = (
    "/var/log",
    "/var/lib/systemd",
    "/var/cache",
    "/var/tmp/systemd-private-*",
    "/tmp/systemd-private-*",
    "/etc/.pwd.lock",
    "/etc/*-",  # useradd's copies of the files before
    "/root/.bash_history",
)


@dataclass(frozen=True)
class Result:
    """How a run of kprov ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The document, validated against docs/schemas."""
        return validated(self.out)

    def ended(self, words: Sequence[str], check: int | None) -> Result:
        """This result, if it has the exit code that it must have. The first line of a failure names the error."""
        if check is None or self.code == check:
            return self
        errors = [line for line in self.err.splitlines() if line.startswith("error:")]
        reason = f"kprov {' '.join(words)}: exit code {self.code}: {' '.join(errors[-1:])}"
        raise AssertionError(f"{reason}\n{self.out}{self.err}")


@dataclass
class Machine:
    """A lab host as an operator uses it. user: the login of kprov; None for the one in ssh_config."""

    lab: Lab
    address: str
    root: Path
    user: str | None = None

    def ssh(self, command: str, *, user: str = "root", check: bool = True, stdin: str = "") -> str:
        """Standard output of a command on the host, run by bash as a login shell."""
        words = ["ssh", "-F", str(self.lab.ssh_config), f"{user}@{self.address}", "bash", "-l"]
        done = subprocess.run(words, input=f"{command}\n{stdin}", capture_output=True, text=True, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"{command}: status {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def kprov(self, *words: str, check: int | None = 0) -> Result:
        """Run kprov with this host's ssh_config; ``check`` is the exit code that it must have."""
        command, *rest = words
        host = f"{self.user}@{self.address}" if self.user else self.address
        arguments = [command, host]
        if command != "render":
            arguments += ["--ssh-config", str(self.lab.ssh_config)]
        return Result(*run_kprov([*arguments, *rest])).ended(words, check)

    def install(self, *words: str, check: int | None = 0) -> Result:
        """kprov install with the lab's archives; the lab has no Java 8."""
        java = () if any(word.startswith("--java") for word in words) else ("--java", "temurin-11")
        return self.kprov("install", "--archives", str(default_directory()), "--yes", *java, *words, check=check)

    def pids(self) -> dict[str, int]:
        """Main process of each service."""
        return {unit["unit"]: unit["pid"] for unit in self.kprov("status", "--json").json["status"]["units"]}

    def exposure(self) -> dict[str, float]:
        """systemd's exposure score of each running unit, from 0 (protected) to 10 (exposed)."""
        found = {}
        for unit in ("kafka.service", "zookeeper.service"):
            told = self.ssh(f"systemd-analyze security --no-pager {unit}")
            score = re.search(rf"Overall exposure level for {unit}: ([0-9.]+)", told)
            assert score, told
            found[unit] = float(score[1])
        return found

    def reboot(self) -> None:
        """Reboot the host and wait until it can be logged in to with a new boot."""
        before = self.ssh("cat /proc/sys/kernel/random/boot_id; stat -c %Y /proc/1")
        self.ssh("systemctl reboot", check=False)
        until(lambda: self._booted(before))

    def _booted(self, before: str) -> bool:
        now = self.ssh("cat /proc/sys/kernel/random/boot_id; stat -c %Y /proc/1", check=False)
        return bool(now) and now != before

    def tree(self) -> dict[str, str]:
        """Every path of the host with its kind, owner, mode, target and content; the restless ones left out.

        Of the host's journal not the content: no two runs leave the same.
        """
        prune = " -o ".join(f"-path '{path}'" for path in _RESTLESS)
        listing = self.ssh(
            f"find / -xdev \\( {prune} \\) -prune -o -printf '%p\\t%y %u %g %m %l\\n' 2>/dev/null || true"
        )
        sums = self.ssh(
            f"find /etc /usr/local /home /root /opt /srv /var/lib/kprov -xdev \\( {prune} \\) -prune"
            # A running broker may remove a file just then, and without kprov there is no /var/lib/kprov.
            " -o -type f ! -path /var/lib/kprov/journal -print0 2>/dev/null | xargs -0 sha256sum 2>/dev/null || true"
        )
        found = dict(line.split("\t", 1) for line in listing.splitlines())
        assert len(found) > 1000, "the host was not looked through"
        assert len(sums.splitlines()) > 100, "the sums were not made"
        for line in sums.splitlines():
            digest, _, path = line.partition("  ")
            found[path] = f"{found.get(path, '')} {digest}"
        return found


@contextmanager
def done(machine: Machine, do: str, undo: str) -> Iterator[None]:
    """Change the host for the duration of a block, and undo the change."""
    machine.ssh(do)
    try:
        yield
    finally:
        machine.ssh(undo)


def until(condition: Callable[[], bool], patience: float = PATIENCE) -> None:
    """Wait for a condition; fail the test after a time limit."""
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.2)


@contextmanager
def boot(number: int, state: Path, *, firewalld: bool = False) -> Iterator[Machine]:
    """A new host in its own lab; removed afterwards."""
    lab = lab_of("kt", number, state)
    lab.down()
    try:
        (host,) = lab.up(1, firewalld=firewalld)
        yield Machine(lab, str(host.address), host.root)
    finally:
        lab.down()
