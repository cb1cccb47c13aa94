"""Access to the hosts: a key pair, host keys, known_hosts and ssh_config, for ssh and tools that read its files."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from kprov.lab.layout import Layout, Slot
from kprov.lab.run import run

USER = "vagrant"
_KEY = "id_ed25519"
_HOST_KEY = "ssh_host_ed25519_key"


def ssh_config(layout: Layout) -> Path:
    """The file for ``ssh -F``, ``kprov --ssh-config`` and testinfra."""
    return layout.state_dir / "ssh_config"


def known_hosts(layout: Layout) -> Path:
    """The hosts' public keys, so that ssh verifies them."""
    return layout.state_dir / "known_hosts"


def private_key(layout: Layout) -> Path:
    """The key for every host of the lab, for root and for the ordinary user."""
    return layout.state_dir / _KEY


def public_key(layout: Layout) -> Path:
    """The public half of :func:`private_key`."""
    return layout.state_dir / f"{_KEY}.pub"


def files(layout: Layout) -> tuple[Path, ...]:
    """All files of this module in the lab's state directory."""
    return ssh_config(layout), known_hosts(layout), private_key(layout), public_key(layout)


def prepare_home(home: Path, ssh_config: Path, archives: Path) -> None:
    """Make this a home in which ssh knows the hosts of ``ssh_config``, and kprov finds ``archives`` in its cache."""
    (home / ".ssh").mkdir(mode=0o700)
    (home / ".ssh/config").symlink_to(ssh_config)
    (home / ".cache/kprov").mkdir(parents=True)
    (home / ".cache/kprov/archives").symlink_to(archives)


def host_key(slot: Slot) -> Path:
    """The host's private key, kept on the operator's machine."""
    return slot.directory / _HOST_KEY


def ensure_key(layout: Layout) -> None:
    """Make the key pair if it is missing; it belongs to the user who called sudo, or to root."""
    path = private_key(layout)
    if path.exists() and public_key(layout).exists():
        return
    _make_key(path, f"kprov-lab-{layout.name}")
    with suppress(KeyError, ValueError):
        os.chown(path, int(os.environ["SUDO_UID"]), int(os.environ["SUDO_GID"]))


def make_host_key(slot: Slot) -> None:
    """Make a new key for the host."""
    _make_key(host_key(slot), f"root@{slot.name}")


def write(layout: Layout, slots: tuple[Slot, ...]) -> None:
    """Write ssh_config and known_hosts for ``slots`` if they differ."""
    keys = {slot: host_key(slot).with_suffix(".pub").read_text() for slot in slots}
    _write(known_hosts(layout), known_hosts_text(keys))
    _write(ssh_config(layout), ssh_config_text(layout, slots))


def known_hosts_text(keys: dict[Slot, str]) -> str:
    """One line per host, valid for its name and its address; ``keys`` are the texts of the .pub files."""
    return "".join(f"{slot.name},{slot.address} {' '.join(key.split()[:2])}\n" for slot, key in keys.items())


def ssh_config_text(layout: Layout, slots: tuple[Slot, ...]) -> str:
    """One section per host, for its name and address, with only the keywords that paramiko supports."""
    return f"# The hosts of the lab {layout.name!r}, written by `kprov lab up`.\n" + "".join(
        f"""
Host {slot.name} {slot.address}
    HostName {slot.address}
    User {USER}
    IdentityFile {private_key(layout)}
    IdentitiesOnly yes
    UserKnownHostsFile {known_hosts(layout)}
    StrictHostKeyChecking yes
"""
        for slot in slots
    )


def command(layout: Layout, host: str, *words: str) -> list[str]:
    """The command that runs ``words`` on ``host`` ([user@]name), or a login shell if there are none."""
    return ["ssh", "-F", str(ssh_config(layout)), host, *words]


def put_into(layout: Layout, slot: Slot, root: Path) -> None:
    """Install a new host's own key, and authorize ours."""
    for source in (host_key(slot), host_key(slot).with_suffix(".pub")):
        shutil.copy(source, root / "etc/ssh" / source.name)
    for home in (root / "root", root / "home" / USER):
        authorized = home / ".ssh/authorized_keys"
        shutil.copy(public_key(layout), authorized)
        owner = home.stat()
        os.chown(authorized, owner.st_uid, owner.st_gid)
        authorized.chmod(0o600)


def _make_key(path: Path, comment: str) -> None:
    path.unlink(missing_ok=True)  # ssh-keygen would ask
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", path)


def _write(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:
        unfinished = path.with_name(f".{path.name}")
        unfinished.write_text(text)
        unfinished.replace(path)
