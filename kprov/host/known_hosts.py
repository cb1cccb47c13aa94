"""Read known_hosts files as sshd(8) describes them: patterns, hashed names, ports and markers."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kprov.errors import ConnectError
from kprov.host.ssh_words import patterns_match

AUTHORITY, REVOKED = "@cert-authority", "@revoked"
_HASHED = "|1|"
_KRL = b"SSHKRL\n\0"


@dataclass(frozen=True)
class KnownKey:
    """One line. marker: ``@cert-authority``, ``@revoked`` or empty; names: as written; blob: the public key."""

    path: Path
    line: int
    marker: str
    names: str
    kind: str
    blob: bytes

    @property
    def place(self) -> str:
        """``file:line``, for a message."""
        return f"{self.path}:{self.line}"

    def holds_for(self, name: str) -> bool:
        """Whether the line applies to a host; with a port other than 22, the name is ``[name]:port``."""
        if self.names.startswith(_HASHED):
            return _hash_matches(self.names, name)
        return patterns_match(name.lower(), self.names.lower().split(","))


def fingerprint(blob: bytes) -> str:
    """``SHA256:...`` of a public key, as ssh-keygen -l prints it."""
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode("ascii").rstrip("=")
    return f"SHA256:{digest}"


def read_known(paths: Iterable[Path]) -> tuple[KnownKey, ...]:
    """All lines with a key; damaged lines are skipped, as ssh does. Raises ConnectError for an unreadable file."""
    return tuple(entry for path in paths if path.is_file() for entry in _entries(path))


def read_revoked(path: Path) -> frozenset[bytes]:
    """The public keys in a RevokedHostKeys file.

    Raises ConnectError if it cannot be read: ssh trusts no host in that case.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    else:
        if not data.startswith(_KRL):
            return frozenset(_listed(data))
        problem = "is a binary revocation list (KRL), which kprov does not support"
    raise ConnectError(
        f"the list of revoked host keys is not usable: {path} {problem}",
        where="RevokedHostKeys",
        hint="make it a readable text file with one public key per line, or remove it from ssh_config",
    )


def _listed(data: bytes) -> Iterator[bytes]:
    for line in data.decode("utf-8", "replace").splitlines():
        words = line.split()
        if len(words) > 1 and not words[0].startswith("#"):
            with suppress(binascii.Error):
                yield base64.b64decode(words[1], validate=True)


def _entries(path: Path) -> Iterator[KnownKey]:
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise ConnectError(
            "the known host keys cannot be read",
            where=str(path),
            cause=error.strerror or "",
            hint="make the file readable, or set UserKnownHostsFile to another one in ssh_config",
        ) from None
    for number, line in enumerate(lines, 1):
        words = line.decode("utf-8", "replace").split()
        if not words or words[0].startswith("#"):
            continue
        marker = words.pop(0) if words[0].startswith("@") else ""
        if len(words) < 3 or marker not in {"", AUTHORITY, REVOKED}:
            continue
        names, kind, encoded = words[:3]
        try:
            blob = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            continue
        if blob[4 : 4 + len(kind)] == kind.encode():
            yield KnownKey(path, number, marker, names, kind, blob)


def _hash_matches(names: str, name: str) -> bool:
    """Whether ``|1|salt|hash`` belongs to the name: HMAC-SHA1, as OpenSSH writes it."""
    salt, _, digest = names.removeprefix(_HASHED).partition("|")
    try:
        expected = base64.b64decode(digest, validate=True)
        made = hmac.new(base64.b64decode(salt, validate=True), name.lower().encode(), hashlib.sha1).digest()
    except binascii.Error:
        return False
    return hmac.compare_digest(expected, made)
