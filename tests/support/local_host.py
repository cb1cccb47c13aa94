"""Run the remote library on this machine: the same text, sent in the same way, with a folder for /var/lib/kprov."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace

from kprov.host.answers import Record, parse
from kprov.host.connection import Reply, beside_each_other

LIBRARY = files("kprov.host").joinpath("library.sh").read_text(encoding="utf-8")
SHELLS = tuple(shell for shell in (("dash",), ("bash", "--posix")) if shutil.which(shell[0]))
# Never use the machine's own: they would change the machine.
_STANDINS = ("systemctl", "journalctl", "groupadd", "groupdel", "useradd", "userdel")


def needs() -> list[str]:
    """The commands that the library declares."""
    match = re.search(r"^kprov_needs='([^']*)'$", LIBRARY, re.MULTILINE)
    if match is None:
        raise AssertionError("the library declares no commands")
    return match[1].split()


@dataclass
class LocalHost:
    """Replaces a Connection in tests that only need exchanges.

    before: shell text between the library and the calls. calls: all calls so far, by exchange. environment: variables
    that sshd and PAM would set for an exchange. distance: as a Connection's. sessions: how many channels sshd opens
    beside each other.
    """

    folder: Path
    shell: Sequence[str] = ("sh",)
    before: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    calls: list[list[tuple[str, ...]]] = field(default_factory=list)
    session: str = ""
    run: str = ""
    distance: float = 0.0
    sessions: int = 10
    login: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(name="here"))

    def __post_init__(self) -> None:
        self.state.mkdir(exist_ok=True)
        self.bin = self.folder / "bin"
        self.bin.mkdir(exist_ok=True)
        for name in needs():
            if name in _STANDINS:
                self.stand_in(name)
            elif not (self.bin / name).is_symlink():
                (self.bin / name).symlink_to(shutil.which(name) or f"/nowhere/{name}")
        if not self.session:
            # This process stands for the sshd process that a run's lock is bound to.
            pid = os.getpid()
            self.session = f"{pid}:{Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[19]}"

    @property
    def state(self) -> Path:
        """The folder that replaces /var/lib/kprov."""
        return self.folder / "state"

    @property
    def log(self) -> list[str]:
        """The calls of the stand-ins."""
        path = self.folder / "log"
        return path.read_text().splitlines() if path.exists() else []

    def stand_in(self, name: str, body: str = "") -> None:
        """Replace a command with one that logs its call and runs ``body``."""
        path = self.bin / name
        path.unlink(missing_ok=True)
        path.write_text(f'#!/bin/sh\nprintf "%s\\n" "{name} $*" >>{shlex.quote(str(self.folder / "log"))}\n{body}\n')
        path.chmod(0o755)

    def script(self, calls: Iterable[Sequence[str]], beside: Sequence[Sequence[Sequence[str]]] = ()) -> bytes:
        """The library and the calls, as one text for the shell."""
        setting = f"kprov_dir={shlex.quote(str(self.state))}\nPATH={shlex.quote(str(self.bin))}\n{self.before}\n"
        return (LIBRARY + "\n" + setting + "\n".join(beside_each_other([[*calls], *beside])) + "\n").encode()

    def command(self, length: int) -> list[str]:
        """The command line of an exchange, as in kprov.host.connection."""
        shell = [shutil.which(self.shell[0]) or self.shell[0], *self.shell[1:]]
        return [*shell, "-c", f'eval "$(head -c {length})"']

    def channels(self, count: int) -> list[SimpleNamespace]:
        """As a Connection's; they do nothing."""
        return [SimpleNamespace(close=lambda: None) for _ in range(min(count, self.sessions))]

    def exchange(
        self,
        calls: Iterable[Sequence[str]],
        payload: Iterable[bytes] = (),
        on_record: Callable[[Record], None] | None = None,
        beside: Sequence[Sequence[Sequence[str]]] = (),
        *,
        channel: object = None,
    ) -> Reply:
        """Run the calls, and return the records after all have ended."""
        del channel
        calls = [tuple(call) for call in calls]
        self.calls.append([*calls, *(tuple(call) for group in beside for call in group)])
        script = self.script(calls, beside)
        done = subprocess.run(
            self.command(len(script)),
            input=script + b"".join(payload),
            # Makes a newer bash behave like that of CentOS 7.
            env={"PATH": os.defpath, "HOME": str(self.folder), "BASH_COMPAT": "4.2", **self.environment},
            capture_output=True,
            check=False,
        )
        lines = done.stdout.decode("utf-8", "replace").split("\n")
        records = [record for line in lines if (record := parse(line)) is not None]
        for record in records:
            if on_record is not None:
                on_record(record)
        return Reply(tuple(records), done.stderr.decode("utf-8", "replace"), done.returncode)

    def one(self, *call: str, payload: bytes = b"") -> Record:
        """The single record that a call returns."""
        reply = self.exchange([call], [payload])
        if len(reply.records) != 1:
            raise AssertionError(f"{call}: {reply}")
        return reply.records[0]
