"""Host keys: verify a known one, ask about a new one, refuse a changed or revoked one.

paramiko supports neither patterns nor markers in known_hosts, and fabric accepts every key, so kprov does it all.
Jump hosts are verified in the same way.
"""

from __future__ import annotations

import base64
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    SSHCertificate,
    SSHCertificateType,
    load_ssh_public_identity,
)
from paramiko import MissingHostKeyPolicy, PKey, SSHClient, Transport
from paramiko.config import SSH_PORT
from paramiko.hostkeys import HostKeys

from kprov.errors import ConnectError, DeclinedError
from kprov.host.known_hosts import AUTHORITY, REVOKED, KnownKey, fingerprint, read_known, read_revoked
from kprov.host.rsa import Sshd
from kprov.host.ssh_config import Login
from kprov.host.ssh_words import pattern_matches
from kprov.host.waiting import Waiting
from kprov.host.wire import PatientTransport

_CERTIFICATE = "-cert-v01@openssh.com"
_RSA = ("rsa-sha2-512", "rsa-sha2-256")  # the signature algorithms of an ssh-rsa key


@dataclass(frozen=True)
class Trust:
    """What to do about an unknown host key.

    accept_new: accept it (``--accept-new-host-key``). confirm: asks the operator a
    question, to be answered with yes or no; None if there is no terminal.
    """

    accept_new: bool = False
    confirm: Callable[[str], bool] | None = None


def prepare(client: SSHClient, login: Login, trust: Trust, waiting: Waiting | None = None) -> Callable[..., Transport]:
    """Set how a client verifies the host key; call it before the client connects.

    Returns its ``transport_factory``, which requests known types of keys first, and the fastest ciphers.
    """
    keys = _HostKeys(login, trust, read_known((*login.system_known_hosts, *login.known_hosts)))
    client.set_missing_host_key_policy(keys)

    def transport(sock: Any, **options: Any) -> Transport:
        made = PatientTransport(sock, waiting or Waiting(login.name), **options)
        made.handshake_timeout = login.banner_timeout  # until the first packet after sshd's first line
        security = made.get_security_options()
        security.key_types = keys.preferred(tuple(security.key_types))
        # A cipher that authenticates what it encrypts takes a fifth less processor time than another one and a MAC.
        security.ciphers = sorted(security.ciphers, key=lambda name: "-gcm" not in name)
        return made

    return transport


class _HostKeys(MissingHostKeyPolicy):
    """The known keys of one host, and what to do with the key that it presents."""

    def __init__(self, login: Login, trust: Trust, known: tuple[KnownKey, ...]) -> None:
        self._login = login
        self._trust = trust
        port = "" if login.port == SSH_PORT else str(login.port)
        self.name = login.host_key_alias or (f"[{login.hostname}]:{port}" if port else login.hostname)
        self._known = [entry for entry in known if entry.holds_for(self.name)]
        # Like ssh, accept a key known for the plain name on any port; another key there is not a change.
        self._elsewhere = [entry for entry in known if not entry.marker and entry.holds_for(login.hostname)]

    def preferred(self, kinds: tuple[str, ...]) -> tuple[str, ...]:
        """The key types to request: certificates if an authority is known, then known types, then the others."""
        known = [entry.kind for entry in (*self._keys(), *self._elsewhere)]
        first = [kind for kind in kinds if kind in known or (kind in _RSA and "ssh-rsa" in known)]
        authority = any(entry.marker == AUTHORITY for entry in self._known)
        certificates = [kind + _CERTIFICATE for kind in kinds] if authority else []
        return tuple(dict.fromkeys([*certificates, *first, *kinds]))

    def missing_host_key(self, client: SSHClient, hostname: str, key: PKey) -> None:
        """Called with the key that the host has proven to hold; returns if it is the right one."""
        blob = key.asbytes()
        certificate = _certificate(key)
        signer = _signer(certificate) if certificate else b""
        if (listed := self._login.revoked_host_keys) and not read_revoked(listed).isdisjoint({blob, signer}):
            raise self._revoked(fingerprint(blob), f"it, or its authority, is listed in {listed}")
        for entry in self._known:
            if entry.marker == REVOKED and entry.blob in (blob, signer):
                raise self._revoked(fingerprint(entry.blob), f"it is marked {REVOKED} in {entry.place}")
        for entry in self._known:
            if certificate and entry.marker == AUTHORITY and entry.blob == signer:
                self._check(certificate, entry)
                return
        if any(entry.blob == blob for entry in (*self._keys(), *self._elsewhere)):
            return
        kind = key.get_name().removesuffix(_CERTIFICATE)
        if self._keys():
            transport = client.get_transport()
            raise self._changed(kind, blob, Sshd.of(transport.remote_version if transport else "", None))
        self._new(kind, blob)

    def _keys(self) -> list[KnownKey]:
        return [entry for entry in self._known if not entry.marker]

    # -------------------------------------------------------------- refusals

    def _revoked(self, shown: str, cause: str) -> ConnectError:
        return ConnectError(
            f"the host key is revoked: {shown}",
            where=self._login.name,
            cause=cause,
            hint="someone may have copied that key: ask who revoked it, then give the host a new one",
        )

    def _changed(self, kind: str, blob: bytes, sshd: Sshd) -> ConnectError:
        known = min(self._keys(), key=lambda entry: entry.kind != kind)
        cause = f"the known key is in {known.place}"
        if known.kind == "ssh-rsa" and not sshd.knows_sha2:
            cause += f"; {sshd.name} can prove an RSA key with SHA-1 only, so kprov asked for another of its keys"
        return ConnectError(
            f"the host key has changed: the host presents {kind} {fingerprint(blob)}, "
            f"known is {known.kind} {fingerprint(known.blob)}",
            where=self._login.name,
            cause=cause,
            hint="someone may be intercepting the connection; if the host was reinstalled, remove the known key: "
            f"ssh-keygen -f {shlex.quote(str(known.path))} -R {shlex.quote(self.name)}",
        )

    def _check(self, certificate: SSHCertificate, authority: KnownKey) -> None:
        """Check that a certificate of a known authority is for this host, and valid now."""
        name = self._login.host_key_alias or self._login.hostname
        principals = [principal.decode("utf-8", "replace") for principal in certificate.valid_principals]
        now = time.time()
        if certificate.type is not SSHCertificateType.HOST:
            what = "it is a user certificate"
        elif certificate.critical_options:
            what = "it has unknown critical options"
        elif not certificate.valid_after <= now < certificate.valid_before:
            what = "it is expired or not valid yet"
        elif principals and not any(pattern_matches(principal.lower(), name.lower()) for principal in principals):
            what = f"it is for {', '.join(principals)}"
        else:
            try:
                certificate.verify_cert_signature()
                return
            except (InvalidSignature, UnsupportedAlgorithm, ValueError):
                what = "its signature does not match"
        raise ConnectError(
            f"the host's certificate is not valid: {what}",
            where=self._login.name,
            cause=f"its authority is known from {authority.place}",
            hint="have the authority issue a new certificate for this host name",
        )

    # -------------------------------------------------------------- a key that is not known

    def _new(self, kind: str, blob: bytes) -> None:
        shown = f"{kind} {fingerprint(blob)}"
        where = self._login.name
        if not self._trust.accept_new and self._login.strict not in {"no", "accept-new"}:
            if self._trust.confirm is None or self._login.strict == "yes":
                asked = "" if self._login.strict != "yes" else "ssh_config sets StrictHostKeyChecking yes: "
                raise ConnectError(
                    f"the host key is not known: {shown}",
                    where=where,
                    hint=f"{asked}compare the fingerprint with the host's own, then add --accept-new-host-key "
                    "or log in once: ssh HOST",
                )
            if not self._trust.confirm(f"The host key of {self.name} is not known: {shown}\nTrust it from now on?"):
                raise DeclinedError(
                    f"the host key {shown} was not accepted",
                    where=where,
                    hint="compare it with the output of ssh-keygen -lf /etc/ssh/ssh_host_KIND_key.pub on the host",
                )
        self._remember(kind, blob)

    def _remember(self, kind: str, blob: bytes) -> None:
        path = self._login.known_hosts[0]
        name = HostKeys.hash_host(self.name) if self._login.hash_known_hosts else self.name
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _append(path, f"{name} {kind} {_base64(blob)}\n")
        except OSError as error:
            raise ConnectError(
                f"the host key cannot be saved: {error.strerror}",
                where=str(path),
                hint="make the file writable, or set UserKnownHostsFile to another one in ssh_config",
            ) from None


def _append(path: Path, line: str) -> None:
    old = path.read_bytes() if path.exists() else b""
    with path.open("ab") as stream:
        stream.write((b"" if not old or old.endswith(b"\n") else b"\n") + line.encode())


def _base64(blob: bytes) -> str:
    return base64.b64encode(blob).decode("ascii")


def _certificate(key: PKey) -> SSHCertificate | None:
    """The certificate that a host presented instead of a plain key; None for a plain key."""
    public = key.public_blob
    if public is None:
        return None
    try:
        found = load_ssh_public_identity(f"{public.key_type} {_base64(public.key_blob)}".encode())
    except (ValueError, UnsupportedAlgorithm):
        return None
    return found if isinstance(found, SSHCertificate) else None


def _signer(certificate: SSHCertificate) -> bytes:
    """The public key of the authority that signed a certificate, as in known_hosts."""
    text = certificate.signature_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return base64.b64decode(text.split()[1])
