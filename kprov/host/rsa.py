"""Whether an sshd accepts an RSA key, as far as that is known before trying it.

paramiko signs with SHA-2 only (rsa-sha2-256 and -512, RFC 8332). If the host's list of algorithms has neither, it
raises an error in its own thread, which ends the connection. Like ssh, this module recognises old sshd by their version
strings (compat.c and sshconnect2.c in OpenSSH).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

SHA2 = ("rsa-sha2-512", "rsa-sha2-256")
_CERTIFICATE = "-cert-v01@openssh.com"
_OPENSSH = re.compile(r"OpenSSH_(\d+)\.(\d+)")
_SINCE = (7, 2)  # OpenSSH's release notes
_SILENT = (7, 4)  # accepts them without announcing it: SSH_BUG_SIGTYPE74
_CERTIFICATES_SINCE = (7, 8)  # earlier ones use wrong signature names: SSH_BUG_SIGTYPE


@dataclass(frozen=True)
class Sshd:
    """What a host announces about its sshd.

    software: its version string without ``SSH-2.0-``. announced: its server-sig-algs; None if it sent none.
    """

    software: str
    announced: tuple[str, ...] | None = None

    @classmethod
    def of(cls, line: str, listed: bytes | None) -> Sshd:
        """Read its first line, ``SSH-2.0-...``, and its server-sig-algs."""
        software = line.split("-", 2)[-1]
        return cls(software, None if listed is None else tuple(listed.decode("ascii", "replace").split(",")))

    @property
    def name(self) -> str:
        """The software without the distribution's suffix."""
        return self.software.partition(" ")[0]

    @property
    def knows_sha2(self) -> bool:
        """Whether it can prove its RSA host key with SHA-2; true if unknown."""
        return (self._version() or _SINCE) >= _SINCE

    @property
    def keeps_quiet(self) -> bool:
        """Whether it accepts RSA with SHA-2 although its list does not contain it."""
        return self._version() == _SILENT and not self._announces()

    def obstacle(self, kind: str) -> str:
        """Why a key of this kind cannot log in; empty if it may be tried."""
        if not kind.startswith(("ssh-rsa", "rsa-sha2-")):
            return ""
        version = self._version()
        if kind.endswith(_CERTIFICATE) and version and version < _CERTIFICATES_SINCE:
            return f"{self.name} accepts RSA certificates with SHA-1 only; certify an ed25519 or ECDSA key"
        if self._announces() or self.keeps_quiet:
            return ""
        if self.announced is not None or not self.knows_sha2:
            return f"{self.name} accepts RSA keys with SHA-1 only; use an ed25519 or ECDSA key"
        return ""

    def unsure(self, kind: str) -> bool:
        """Whether an RSA key may be tried although the host does not announce SHA-2."""
        known = self._announces() or self.keeps_quiet or self.obstacle(kind)
        return kind.startswith("ssh-rsa") and not known

    def _announces(self) -> bool:
        return any(name in SHA2 for name in self.announced or ())

    def _version(self) -> tuple[int, int] | None:
        found = _OPENSSH.match(self.software)
        return (int(found[1]), int(found[2])) if found else None
