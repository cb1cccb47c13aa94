"""Build the images of hosts: Debian root file systems, cached under a hash of their recipe.

An image is a tuple of directories, topmost first: the lower layers of an overlay. A directory is never
changed once it has its final name.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from kprov.errors import PreflightError
from kprov.events import Emit
from kprov.lab import apt_sources
from kprov.lab.layout import check_path
from kprov.lab.lock import locked
from kprov.lab.mounts import mount_overlay, unmount_below
from kprov.lab.run import run
from kprov.lab.steps import Steps

DEBIAN_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

_NOBODY_ASKS = {"DEBIAN_FRONTEND": "noninteractive"}


@dataclass(frozen=True)
class Recipe:
    """The content of one layer. Its hash is part of the layer's name, so a changed recipe is another layer.

    commands: run inside as root after the packages are installed.
    files: path below the root -> content; written last. None removes the file.
    """

    title: str
    suite: str
    packages: tuple[str, ...]
    commands: tuple[tuple[str, ...], ...]
    files: dict[str, str | None]
    upon: Recipe | None = None

    def directory_name(self) -> str:
        """The name of the layer in the cache."""
        words = json.dumps([asdict(self), platform.machine()], sort_keys=True)
        return f"{self.title}-{hashlib.sha256(words.encode()).hexdigest()[:12]}"


BASE = Recipe(
    title="base",
    suite="bookworm",
    packages=(
        "ca-certificates",
        "dbus",
        "iproute2",
        "openssh-server",
        "procps",
        "sudo",
        "systemd",
        "systemd-sysv",
    ),
    commands=(
        # The same logins as on the Vagrant box: root, and an ordinary user with sudo.
        ("useradd", "--create-home", "--shell", "/bin/bash", "vagrant"),
        ("install", "--directory", "--mode=0700", "/root/.ssh"),
        ("install", "--directory", "--mode=0700", "--owner=vagrant", "--group=vagrant", "/home/vagrant/.ssh"),
        # A host has no network outside the lab and lives for hours: no updates, no cleanup, no consoles.
        (
            *("systemctl", "mask", "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer"),
            *("e2scrub_all.timer", "e2scrub_reap.service", "fstrim.timer"),
            *("console-getty.service", "getty@tty1.service", "systemd-firstboot.service"),
        ),
        # With this directory the journal survives a reboot.
        ("install", "--directory", "--mode=2755", "--group=systemd-journal", "/var/log/journal"),
        ("apt-get", "clean"),
    ),
    files={
        "etc/sudoers.d/vagrant": "vagrant ALL=(ALL) NOPASSWD: ALL\n",
        # Each host gets one key of its own; ed25519 keys are made quickly.
        "etc/ssh/sshd_config.d/lab.conf": "HostKey /etc/ssh/ssh_host_ed25519_key\n",
        "etc/ssh/ssh_host_ecdsa_key": None,
        "etc/ssh/ssh_host_ecdsa_key.pub": None,
        "etc/ssh/ssh_host_ed25519_key": None,
        "etc/ssh/ssh_host_ed25519_key.pub": None,
        "etc/ssh/ssh_host_rsa_key": None,
        "etc/ssh/ssh_host_rsa_key.pub": None,
        # sshd starts only when ordinary users may log in: earlier, pam_nologin refuses all but root.
        "etc/systemd/system/ssh.service.d/lab.conf": "[Unit]\nAfter=systemd-user-sessions.service\n",
        "etc/systemd/journald.conf.d/lab.conf": "[Journal]\nSystemMaxUse=64M\n",
        "etc/default/locale": "LANG=C.UTF-8\n",
        "etc/hostname": None,
        "etc/resolv.conf": "# The lab has no name server: hosts know each other by /etc/hosts.\n",
        "etc/machine-id": None,
        "var/lib/dbus/machine-id": None,
    },
)

FIREWALLD = Recipe(
    title="firewalld",
    suite=BASE.suite,
    # Without netbase's /etc/protocols, firewalld 1.3.3 fails with INVALID_PROTOCOL.
    packages=("firewalld", "netbase", "nftables"),
    commands=(("apt-get", "clean"),),
    files={"etc/resolv.conf": BASE.files["etc/resolv.conf"]},
    upon=BASE,
)


class Images:
    """The cache of layers in ``cache_dir``.

    mirror: the URL of a Debian archive; by default the one that the machine's apt uses.
    """

    def __init__(self, cache_dir: Path, mirror: str | None = None) -> None:
        check_path(cache_dir)
        self._cache = cache_dir
        self._mirror = mirror

    def layers(self, recipe: Recipe) -> tuple[Path, ...]:
        """The directories of ``recipe``'s image, topmost first, built or not."""
        below = self.layers(recipe.upon) if recipe.upon else ()
        return (self._cache / recipe.directory_name(), *below)

    def unbuilt(self, recipe: Recipe) -> int:
        """How many layers of ``recipe``'s image are not built yet."""
        return sum(not layer.is_dir() for layer in self.layers(recipe))

    def ensure(self, recipe: Recipe, steps: Steps, emit: Emit) -> tuple[Path, ...]:
        """Build the missing layers of ``recipe``'s image, and return all of them.

        Raises PreflightError if no Debian archive is known, StepError if the build fails.
        """
        if self.unbuilt(recipe):
            with locked(self._cache, emit, waiting_for=f"another build of the lab's image in {self._cache}") as lock:
                self._remove_unfinished()
                self._build(recipe, steps, lock)
        return self.layers(recipe)

    def _build(self, recipe: Recipe, steps: Steps, lock: int) -> None:
        if recipe.upon:
            self._build(recipe.upon, steps, lock)
        if self._layer(recipe).is_dir():
            return
        if recipe.upon is None:
            with steps.step("build the hosts' Debian root (once, about a minute)"):
                self._build_root(recipe, lock)
        else:
            with steps.step(f"add {recipe.title} to the hosts' root (once, about half a minute)"):
                self._build_upon(recipe, recipe.upon, lock)

    def _build_root(self, recipe: Recipe, lock: int) -> None:
        source = self._source(recipe.suite)
        with self._unfinished() as directory:
            run(
                "debootstrap",
                "--variant=minbase",
                f"--include={','.join(recipe.packages)}",
                f"--keyring={source.signed_by or DEBIAN_KEYRING}",
                "--force-check-gpg",
                recipe.suite,
                directory / "root",
                source.uri,
                extra_environment=_proxies(),
                pass_fds=(lock,),
                hint="check that the archive can be reached (apt-get update), or use another one with --mirror",
            )
            _finish(directory / "root", recipe, lock)
            _publish(directory / "root", self._layer(recipe))

    def _build_upon(self, recipe: Recipe, base: Recipe, lock: int) -> None:
        with self._unfinished() as directory:
            root = directory / "root"
            mount_overlay(self.layers(base), upper=directory / "upper", work=directory / "work", point=root)
            shutil.copyfile("/etc/resolv.conf", root / "etc/resolv.conf")
            _inside(root, lock, "apt-get", "--quiet", "update")
            _inside(root, lock, "apt-get", "--quiet", "--yes", "--no-install-recommends", "install", *recipe.packages)
            _finish(root, recipe, lock)
            unmount_below(root)
            _publish(directory / "upper", self._layer(recipe))

    def _layer(self, recipe: Recipe) -> Path:
        return self._cache / recipe.directory_name()

    @contextmanager
    def _unfinished(self) -> Iterator[Path]:
        """A directory to build in, beside the finished layers; it is removed after the block."""
        directory = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=self._cache))
        try:
            yield directory
        finally:
            _remove(directory)

    def _remove_unfinished(self) -> None:
        """Remove what killed builds left. We hold the lock, so no other build is running."""
        for directory in self._cache.glob(".unfinished-*"):
            _remove(directory)

    def _source(self, suite: str) -> apt_sources.AptSource:
        if self._mirror:
            source: apt_sources.AptSource | None = apt_sources.AptSource(self._mirror, (suite,), ("main",))
        else:
            source = apt_sources.debian_archive(apt_sources.read(), suite)
        if source is None:
            raise PreflightError(
                "this machine's apt has no Debian archive",
                where="/etc/apt",
                hint="give the URL of one: --mirror URL",
            )
        keyring = source.signed_by or DEBIAN_KEYRING
        if not keyring.is_file():
            raise PreflightError(
                "the keyring for the Debian archive is missing",
                where=str(keyring),
                hint="apt-get install debian-archive-keyring",
            )
        return source


def _finish(root: Path, recipe: Recipe, lock: int) -> None:
    for command in recipe.commands:
        _inside(root, lock, *command)
    for name, content in recipe.files.items():
        path = root / name
        path.unlink(missing_ok=True)
        if content is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
            path.chmod(0o440 if "sudoers" in name else 0o644)
    for listing in (root / "var/lib/apt/lists").glob("*_*"):
        listing.unlink()


def _inside(root: Path, lock: int, *command: str) -> None:
    run("chroot", root, *command, extra_environment=_NOBODY_ASKS | _proxies(), pass_fds=(lock,))


def _proxies() -> dict[str, str]:
    """The proxies of the machine's apt, as environment variables for apt and wget."""
    if shutil.which("apt-config") is None:
        return {}
    lines = run("apt-config", "shell", "http_proxy", "Acquire::http::Proxy", "https_proxy", "Acquire::https::Proxy")
    pairs = (line.partition("=") for line in lines.splitlines())
    return {name: value.strip("'") for name, _, value in pairs if not value.startswith("'DIRECT")}


def _remove(directory: Path) -> None:
    """Remove a build directory; debootstrap mounts proc and sys in it."""
    unmount_below(directory)
    shutil.rmtree(directory)


def _publish(directory: Path, layer: Path) -> None:
    """Give a finished layer its final name."""
    os.sync()  # so that the name does not exist without the files after a power failure
    directory.rename(layer)
