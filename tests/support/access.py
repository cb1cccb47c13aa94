"""A lab host whose users, sudoers, shells and sshd are changed by tests and restored afterwards."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from platformdirs import user_cache_path

from kprov.events import ignore
from kprov.host.connection import Connection
from kprov.host.ssh_config import read_login
from kprov.host.trust import Trust
from kprov.lab.image import BASE, Images, Recipe
from kprov.lab.steps import Steps
from kprov.secret import Passwords, Secret
from kprov.spec.target import Target, parse_target
from support.reached import Outcome, ReachedHost
from support.sites import lab_of
from support.terminal import Session, on_terminal

USER = "anna"
PASSWORD = 'it\'s "quoted" \\ $HOME é'  # what a shell, a terminal or a wrong quote would spoil
SHELLS = Recipe(
    title="shells",
    suite=BASE.suite,
    packages=("fish", "tcsh"),
    commands=(("apt-get", "clean"),),
    files={"etc/resolv.conf": BASE.files["etc/resolv.conf"]},
    upon=BASE,
)


class Door(ReachedHost):
    """A host whose logins, sudoers and shells a test changes."""

    # -------------------------------------------------------------- as the operator

    def config(self, text: str = "", *, name: str = "ssh_config") -> Path:
        """An ssh_config; options that the text does not set are those of the lab."""
        path = self.desk / name
        path.write_text(
            f"{text}\nHost *\n  User {USER}\n  IdentitiesOnly yes\n  ConnectTimeout 10\n"
            f"  UserKnownHostsFile {self.state / 'known_hosts'}\n  IdentityFile {self.key}\n"
        )
        return path

    def connect(
        self,
        host: str = "",
        *,
        config: Path | None = None,
        answers: list[str] | None = None,
        trust: Trust | None = None,
        passwords: Passwords | None = None,
    ) -> Connection:
        """A connection as kprov makes it; its questions get ``answers``, in order."""
        target = parse_target(host or f"{USER}@{self.address}")
        assert isinstance(target, Target)
        waiting = list(answers or [])

        def ask(question: str) -> Secret:
            return Secret(waiting.pop(0))

        found = passwords or Passwords(ask if answers is not None else None)
        return Connection(read_login(target, config=config or self.config()), trust or Trust(), found)

    def words(self, command: str, *words: str, host: str = "", config: Path | None = None) -> list[str]:
        """A kprov command line for the host."""
        target = host or f"{USER}@{self.address}"
        return [
            *(sys.executable, "-m", "kprov", command, target),
            *("--ssh-config", str(config or self.config()), *words),
        ]

    def kprov(
        self, command: str, *words: str, host: str = "", config: Path | None = None, stdin: str | None = None
    ) -> Outcome:
        """Run kprov without a terminal."""
        return self.run_here(self.words(command, *words, host=host, config=config), stdin or "")

    def ask(
        self,
        command: str,
        *words: str,
        answers: list[tuple[str, str]],
        host: str = "",
        config: Path | None = None,
        agent: str = "",
    ) -> Session:
        """Run kprov on a terminal, and answer its questions."""
        environment = self.environment() | ({"SSH_AUTH_SOCK": agent} if agent else {})
        return on_terminal(self.words(command, *words, host=host, config=config), answers, environment)

    # -------------------------------------------------------------- as the host's owner

    def restart_sshd(self) -> None:
        """Restart sshd; it listens when this returns. This does not use ssh, which may refuse logins."""
        inside = ["nsenter", "--target", str(self.host.leader), "--all"]
        for words in (["reset-failed"], ["restart"]):  # systemd would stop at the fifth restart in ten seconds
            subprocess.run([*inside, "systemctl", *words, "ssh"], check=True, capture_output=True)

    @contextmanager
    def sudoers(self, text: str) -> Iterator[None]:
        with self.file(f"etc/sudoers.d/{USER}", f"{text}\n", 0o440):
            yield

    @contextmanager
    def sshd(self, text: str) -> Iterator[None]:
        """Options of sshd for new connections; the first value of each counts."""
        with self.file("etc/ssh/sshd_config.d/00-test.conf", f"{text}\n"):
            self.restart_sshd()
            try:
                yield
            finally:
                (self.host.root / "etc/ssh/sshd_config.d/00-test.conf").unlink()
                self.restart_sshd()

    @contextmanager
    def shell(self, user: str, path: str) -> Iterator[None]:
        """Change a user's login shell."""
        self.chroot("usermod", "-s", path, user)
        try:
            yield
        finally:
            self.chroot("usermod", "-s", "/bin/bash", user)

    @contextmanager
    def sh(self, name: str) -> Iterator[None]:
        """Change what /bin/sh is on the host."""
        path = self.host.root / "usr/bin/sh"
        before = path.readlink()
        self._link(path, name)
        try:
            yield
        finally:
            self._link(path, str(before))

    def _link(self, path: Path, target: str) -> None:
        new = path.with_name(f"{path.name}.new")
        new.symlink_to(target)
        new.replace(path)  # at no moment without a shell

    @contextmanager
    def home(self, files: Mapping[str, str]) -> Iterator[None]:
        """Start-up files of the user."""
        with ExitStack() as stack:
            for name, text in files.items():
                stack.enter_context(self.file(f"home/{USER}/{name}", text))
            yield

    @contextmanager
    def done(self, before: str, after: str) -> Iterator[None]:
        """A command that root runs on the host, and the one that undoes it."""
        self.run(before)
        try:
            yield
        finally:
            self.run(after)


def open_door(word: str, number: int, state: Path, desk: Path) -> Iterator[Door]:
    """A new host with fish and tcsh, and a user with a password and the lab's key; removed afterwards."""
    lab = lab_of(word, number, state)
    lab.down()
    try:
        (host,) = lab.up(1)
        layer = Images(user_cache_path("kprov") / "lab").ensure(SHELLS, Steps(ignore, 2), ignore)[0]
        subprocess.run(["cp", "-a", f"{layer}/usr", f"{layer}/etc", str(host.root)], check=True)
        door = Door(lab, host, desk)
        door.chroot("useradd", "-m", "-s", "/bin/bash", USER)
        # A wrong password would cost two seconds each time.
        door.chroot("sed", "-i", "s/pam_unix.so nullok/& nodelay/", "/etc/pam.d/common-auth")
        door.chroot("chpasswd", stdin=f"{USER}:{PASSWORD}\n")
        folder = host.root / f"home/{USER}/.ssh"
        folder.mkdir(mode=0o700)
        shutil.copy(door.state / "id_ed25519.pub", folder / "authorized_keys")
        door.chroot("chown", "-R", f"{USER}:", f"/home/{USER}/.ssh")
        yield door
    finally:
        lab.down()
