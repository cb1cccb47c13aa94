"""Host keys: known ones are verified, a new one is shown and asked for, a changed one is refused.

fabric accepts every key and never reads known_hosts, so the policy is ours.
"""

from __future__ import annotations

import base64
import hashlib
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from paramiko import BadHostKeyException, MissingHostKeyPolicy, PKey, SSHClient, SSHException
from paramiko.config import SSH_PORT
from paramiko.hostkeys import HostKeyEntry, HostKeys, InvalidHostKey

from kprov.errors import ConnectError, DeclinedError
from kprov.host.ssh_config import Login

SYSTEM_KNOWN_HOSTS = Path("/etc/ssh/ssh_known_hosts")


@dataclass(frozen=True)
class Trust:
    """What to do about a key that is not known.

    accept_new: take it (``--accept-new-host-key``). ask: puts a question and answers yes or no; None where
    nobody can be asked.
    """

    accept_new: bool = False
    ask: Callable[[str], bool] | None = None


def fingerprint(key: PKey) -> str:
    """``SHA256:...`` as ssh-keygen -l prints it."""
    digest = base64.b64encode(hashlib.sha256(key.asbytes()).digest()).decode("ascii").rstrip("=")
    return f"SHA256:{digest}"


def prepare(client: SSHClient, login: Login, trust: Trust) -> None:
    """Load the known keys into the client and set what happens with others; before it connects."""
    for path in (SYSTEM_KNOWN_HOSTS, *login.known_hosts):
        if path.is_file():
            for _, entry in _entries(path):
                for name in entry.hostnames:
                    client.get_host_keys().add(name, entry.key.get_name(), entry.key)
    client.set_missing_host_key_policy(_Policy(login, trust))


def changed_key(login: Login, error: BadHostKeyException) -> ConnectError:
    """The error for a host that shows another key than the known one."""
    expected, got = error.expected_key, error.key
    name = login.hostname if login.port == SSH_PORT else f"[{login.hostname}]:{login.port}"
    place = _place(login, name, expected)
    return ConnectError(
        f"the host key has changed: {got.get_name()} {fingerprint(got)} is shown, "
        f"{expected.get_name()} {fingerprint(expected)} is known",
        where=login.name,
        cause=f"the known key is in {place}" if place else "",
        hint="somebody may be in between; if the host was set up anew, remove the known key and run this again: "
        f"ssh-keygen -R {shlex.quote(name)}",
    )


def _place(login: Login, hostname: str, key: PKey) -> str:
    """``file:line`` of a known key; empty if it is not found."""
    for path in (SYSTEM_KNOWN_HOSTS, *login.known_hosts):
        if not path.is_file():
            continue
        for number, entry in _entries(path):
            keys = HostKeys()
            for name in entry.hostnames:
                keys.add(name, entry.key.get_name(), entry.key)
            if entry.key == key and keys.lookup(hostname):
                return f"{path}:{number}"
    return ""


def _entries(path: Path) -> Iterator[tuple[int, HostKeyEntry]]:
    """The lines of a known_hosts file that hold a key, with their numbers; damaged ones are passed over as by ssh."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise ConnectError(
            "the known host keys cannot be read",
            where=str(path),
            cause=error.strerror or "",
            hint="make the file readable, or name another with UserKnownHostsFile in ssh_config",
        ) from None
    for number, line in enumerate(lines, 1):
        text = line.decode("utf-8", "replace").strip()
        if not text or text.startswith("#"):
            continue
        try:
            entry = HostKeyEntry.from_line(text, number)
        except (SSHException, InvalidHostKey, ValueError):
            continue
        if entry is not None and entry.key is not None:
            yield number, entry


class _Policy(MissingHostKeyPolicy):
    def __init__(self, login: Login, trust: Trust) -> None:
        self._login = login
        self._trust = trust

    def missing_host_key(self, client: SSHClient, hostname: str, key: PKey) -> None:
        shown = f"{key.get_name()} {fingerprint(key)}"
        if not self._trust.accept_new:
            if self._trust.ask is None:
                raise ConnectError(
                    f"the host key is not known: {shown}",
                    where=self._login.name,
                    hint="compare the fingerprint with the host's own and add --accept-new-host-key, "
                    f"or log in once with ssh {self._login.name}",
                )
            if not self._trust.ask(f"The host key of {hostname} is not known: {shown}\nTrust it from now on?"):
                raise DeclinedError(f"the host key {shown} was not accepted", where=self._login.name)
        self._remember(hostname, key)

    def _remember(self, hostname: str, key: PKey) -> None:
        path = self._login.known_hosts[0]
        line = HostKeyEntry([hostname], key).to_line()
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            old = path.read_bytes() if path.exists() else b""
            with path.open("ab") as stream:
                stream.write((b"" if not old or old.endswith(b"\n") else b"\n") + (line or "").encode())
        except OSError as error:
            raise ConnectError(
                f"the host key cannot be remembered: {error.strerror}",
                where=str(path),
                hint="make the file writable, or name another with UserKnownHostsFile in ssh_config",
            ) from None
