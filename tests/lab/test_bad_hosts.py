"""Hosts that cannot be reached, logged in to or provisioned: each is explained, and nothing changes on them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import pytest
from support.reached import Outcome, ReachedHost
from support.sites import lab_of

from kprov.errors import ExitCode
from kprov.lab.archives import default_directory

pytestmark = pytest.mark.lab

# Where install would make something; what systemd itself writes now and then is left out.
WATCHED = ("etc/passwd", "etc/group", "etc/systemd", "etc/profile.d", "home", "opt", "srv", "usr/local", "var/lib")
RESTLESS = "var/lib/systemd"


class Site(ReachedHost):
    """A host on which an install must not change anything."""

    def config(self, *, user: str = "root", known_hosts: Path | None = None, key: Path | None = None) -> list[str]:
        """An ssh_config of these values, as arguments."""
        path = self.desk / "ssh_config"
        path.write_text(
            f"Host *\n  User {user}\n  IdentitiesOnly yes\n  ConnectTimeout 5\n"
            f"  UserKnownHostsFile {known_hosts or self.state / 'known_hosts'}\n"
            f"  IdentityFile {key or self.state / 'id_ed25519'}\n"
        )
        return ["--ssh-config", str(path)]

    def install(self, *words: str, host: str | None = None) -> Outcome:
        """Run kprov install with the lab's archives; the host must be as it was."""
        archives = ["--archives", str(default_directory())]
        java = [] if any(word.startswith("--java") for word in words) else ["--java", "temurin-11"]
        access = [] if "--ssh-config" in words else self.config()
        before = self.tree()
        command = [sys.executable, "-m", "kprov", "install", host or self.address, "--yes"]
        outcome = self.run_here([*command, *archives, *java, *access, *words])
        assert self.tree() == before
        return outcome

    def tree(self) -> dict[str, tuple[int, ...]]:
        """Mode, owner, size and time of everything that is watched."""
        found = {}
        for name in WATCHED:
            top = self.host.root / name
            for path in (top, *top.rglob("*")):
                if RESTLESS in str(path):
                    continue
                status = path.lstat()
                kind = (status.st_mode, status.st_uid, status.st_gid)
                found[str(path)] = kind if path.is_dir() else (*kind, status.st_size, status.st_mtime_ns)
        return found

    @contextmanager
    def program(self, name: str, text: str) -> Iterator[None]:
        """A script that is found before the host's own program of that name."""
        path = self.host.root / "usr/sbin" / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        try:
            yield
        finally:
            path.unlink()

    @contextmanager
    def without(self, name: str) -> Iterator[None]:
        """A program of the host that is not there."""
        path = self.host.root / name
        away = path.with_name(f"{path.name}.away")
        path.rename(away)
        try:
            yield
        finally:
            away.rename(path)

    @contextmanager
    def user(self, name: str, sudoers: str = "") -> Iterator[None]:
        """A user whom the lab's key lets in."""
        self.chroot("useradd", "-m", "-s", "/bin/sh", name)
        ssh = self.host.root / f"home/{name}/.ssh"
        rules = self.host.root / f"etc/sudoers.d/{name}"
        try:
            ssh.mkdir(mode=0o700)
            shutil.copy(self.state / "id_ed25519.pub", ssh / "authorized_keys")
            self.chroot("chown", "-R", f"{name}:", f"/home/{name}/.ssh")
            if sudoers:
                rules.write_text(f"{sudoers}\n")
                rules.chmod(0o440)
            yield
        finally:
            rules.unlink(missing_ok=True)
            self.chroot("userdel", "-r", name)

    @contextmanager
    def listener(self, port: int) -> Iterator[None]:
        """A process of somebody else that listens on the port."""
        unit = f"taker-{port}"
        self.run("systemd-run", "--quiet", f"--unit={unit}", "systemd-socket-activate", "-l", str(port), "/bin/cat")
        try:
            self.run(f"until grep -q ':{port:04X} .* 0A ' /proc/net/tcp /proc/net/tcp6; do sleep 0.05; done")
            yield
        finally:
            self.run("systemctl", "stop", unit)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    desk = tmp_path_factory.mktemp("desk")
    lab = lab_of("kbad", 66, tmp_path_factory.mktemp("kbad"))
    lab.down()
    try:
        (host,) = lab.up(1)
        yield Site(lab, host, desk)
    finally:
        lab.down()


def new_key(path: Path, passphrase: str = "") -> Path:
    path.unlink(missing_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", str(path)], check=True)
    return path


def fingerprint(public: Path) -> str:
    return subprocess.run(
        ["ssh-keygen", "-lf", str(public)], capture_output=True, text=True, check=True
    ).stdout.split()[1]


def host_key(site: Site) -> Path:
    return site.host.root / "etc/ssh/ssh_host_ed25519_key.pub"


# ---------------------------------------------------------------- who may come in


def test_a_key_that_the_host_does_not_know(site: Site) -> None:
    key = new_key(site.desk / "stranger")
    config = site.config(key=site.desk / "none")
    outcome = site.install(*config, "-i", str(key))
    assert outcome.code == ExitCode.CONNECT, outcome.err
    assert outcome.error.startswith(f"error: {site.address}: the login as root was refused")
    assert f"tried {key}" in outcome.err
    assert "-i FILE" in outcome.remedy


def test_a_key_with_a_passphrase(site: Site) -> None:
    key = new_key(site.desk / "locked", "secret")
    outcome = site.install(*site.config(key=site.desk / "none"), "-i", str(key))
    assert outcome.code == ExitCode.CONNECT, outcome.err
    assert "encrypted" in outcome.error
    assert "ssh-add" in outcome.remedy


def test_a_host_key_that_is_not_known(site: Site) -> None:
    known = site.desk / "known_hosts"
    known.write_text("")
    outcome = site.install(*site.config(known_hosts=known))
    assert outcome.code == ExitCode.CONNECT, outcome.err
    assert outcome.error == (
        f"error: {site.address}: the host key is not known: ssh-ed25519 {fingerprint(host_key(site))}"
    )
    assert "--accept-new-host-key" in outcome.remedy
    assert known.read_text() == ""


def test_a_host_key_that_has_changed(site: Site) -> None:
    other = new_key(site.desk / "other").with_suffix(".pub")
    known = site.desk / "known_hosts"
    key = " ".join(other.read_text().split()[:2])
    known.write_text(f"# known for long\n{site.address} {key}\n")
    before = known.read_text()
    outcome = site.install(*site.config(known_hosts=known), "--accept-new-host-key")
    assert outcome.code == ExitCode.CONNECT, outcome.err
    assert "the host key has changed" in outcome.error
    assert fingerprint(host_key(site)) in outcome.error
    assert fingerprint(other) in outcome.error
    assert f"{known}:2" in outcome.err
    assert f"ssh-keygen -f {known} -R {site.address}" in outcome.remedy
    assert known.read_text() == before


@pytest.mark.parametrize(
    ("sudoers", "why"), [("", "sudo asks for a password"), ("anna ALL=(ALL) ALL", "sudo asks for a password")]
)
def test_a_user_who_cannot_become_root(site: Site, sudoers: str, why: str) -> None:
    with site.user("anna", sudoers):
        outcome = site.install(*site.config(user="anna"))
    assert outcome.code == ExitCode.CONNECT, outcome.err
    assert outcome.error == f"error: {site.address}: anna is not root and {why}"
    assert "NOPASSWD" in outcome.remedy


def test_a_user_where_there_is_no_sudo(site: Site) -> None:
    with site.user("anna"), site.without("usr/bin/sudo"):
        outcome = site.install(host=f"anna@{site.address}")
    assert outcome.code == ExitCode.CONNECT, outcome.err
    assert outcome.error == f"error: {site.address}: anna is not root and sudo is not installed"
    assert f"root@{site.address}" in outcome.remedy


def test_a_user_who_is_not_there(site: Site) -> None:
    outcome = site.install(host=f"nobody-here@{site.address}")
    assert outcome.code == ExitCode.CONNECT, outcome.err
    assert "the login as nobody-here was refused" in outcome.error


def test_nobody_listens(site: Site) -> None:
    outcome = site.install(host=f"{site.address}:2299")
    assert outcome.code == ExitCode.CONNECT, outcome.err
    assert outcome.error == f"error: {site.address}: {site.address} port 2299 cannot be reached"
    assert "check that sshd is running there" in outcome.remedy


# ---------------------------------------------------------------- what the host is


Change = Callable[[Site], AbstractContextManager[None]]


def says(name: str, option: str, answer: str) -> Change:
    """A program that answers otherwise to one option."""
    own = f'[ "$1" = {option} ] && echo "{answer}" && exit 0\nexec /usr/bin/{name} "$@"'
    return lambda site: site.program(name, own)


def uname(system: str, machine: str) -> Change:
    return says("uname", "-snrm", f"{system} box 3.10.0 {machine}")


def foreign(name: str, text: str = "# of somebody else\n") -> Change:
    return lambda site: site.file(name, text)


def unchanged(site: Site) -> AbstractContextManager[None]:
    return nullcontext()


HOSTS: dict[str, tuple[Change, tuple[str, ...], str, str]] = {
    "not Linux": (uname("FreeBSD", "x86_64"), (), "the host runs FreeBSD, not Linux", "Linux host with systemd"),
    "32 bit user space": (says("getconf", "LONG_BIT", "32"), (), "the host is x86_64, 32 bit", "64-bit"),
    "another machine": (uname("Linux", "armv7l"), (), "the host is armv7l", "64-bit x86_64 or aarch64"),
    "another machine than Java's": (uname("Linux", "aarch64"), (), "is for x86_64, the host is aarch64", "--arch"),
    "no systemd": (says("systemctl", "--version", ""), (), "systemd is not running", "boots with systemd"),
    "systemd of CentOS 7.1": (
        says("systemctl", "--version", "systemd 208"),
        (),
        "systemd 208 is older than 219",
        "update the host",
    ),
    "a command missing": (
        lambda site: site.without("usr/sbin/useradd"),
        (),
        "the host lacks useradd",
        "package with useradd",
    ),
    "Kafka's port taken": (
        lambda site: site.listener(9092),
        (),
        "port 9092, which kafka.service needs, is used by process",
        "--port",
    ),
    "ZooKeeper's port taken": (
        lambda site: site.listener(2181),
        (),
        "port 2181, which zookeeper.service needs, is used by process",
        "zookeeper.client_port",
    ),
    "heaps too large": (unchanged, ("--heap", "9999g"), "kafka.service 9999g) do not fit", "--heap"),
    "no Java at --java-home": (
        unchanged,
        ("--java-home", "/opt/java"),
        "/opt/java/bin/java does not exist",
        "--java-home",
    ),
    "a unit in the way": (foreign("etc/systemd/system/kafka.service"), (), "/etc/systemd/system/kafka.service", ""),
    "a file where Kafka's home goes": (foreign("usr/local/single_kafka"), (), "/usr/local/single_kafka", ""),
    "a configuration in the way": (
        foreign("usr/local/single_kafka/config/server.properties", "broker.id=7\n"),
        (),
        "/usr/local/single_kafka/config/server.properties",
        "",
    ),
    "data of another broker": (
        foreign("home/temp/kafka_logs/meta.properties", "version=0\nbroker.id=7\n"),
        (),
        "/home/temp/kafka_logs",
        "",
    ),
    "other data where messages go": (foreign("home/temp/kafka_logs/photo.jpg"), (), "/home/temp/kafka_logs", ""),
}


@pytest.mark.parametrize("name", HOSTS)
def test_a_host_that_cannot_take_it(site: Site, name: str) -> None:
    change, words, what, hint = HOSTS[name]
    with change(site):
        outcome = site.install(*words)
    assert outcome.code == ExitCode.PREFLIGHT, outcome.err
    assert outcome.error.startswith(f"error: {site.address}: ")
    assert any(what in error for error in outcome.errors)
    assert outcome.remedy
    assert hint in outcome.remedy


def test_a_taken_port_names_process_and_program(site: Site) -> None:
    with site.listener(9092):
        pid = site.run("systemctl", "show", "-p", "MainPID", "taker-9092").strip().removeprefix("MainPID=")
        outcome = site.install()
    assert f"process {pid} (" in outcome.error
    assert "systemd-socket-activate -l 9092 /bin/cat" in outcome.error


def test_everything_about_a_host_is_told_at_once(site: Site) -> None:
    with site.listener(9092), site.listener(2181):
        outcome = site.install("--heap", "9999g")
    assert len(outcome.errors) == 3, outcome.err
