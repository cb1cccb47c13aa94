"""Logging in, as ssh does: keys of the agent, key files, then what only a person or a file knows.

paramiko's own order stops at the first partial success and cannot ask; see RFC 4252 for the protocol.
"""

from __future__ import annotations

import base64
import queue
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    SSHCertificate,
    load_ssh_public_identity,
)
from paramiko import AuthenticationException, BadAuthenticationType, Message, PKey, SSHException, Transport
from paramiko.agent import AgentSSH
from paramiko.pkey import PublicBlob, UnknownKeyType

from kprov.errors import ConnectError
from kprov.host.rsa import SHA2, Sshd
from kprov.host.ssh_config import Login
from kprov.host.waiting import SLOW_HINT, SLOW_REASON, Waiting
from kprov.secret import Passwords, Secret

_MOST_FACTORS = 5
_PATIENCE = 600.0  # seconds for a person at a prompt; sshd's LoginGraceTime is shorter
_SHOWN_PROMPT = 200
_NO_ANSWER = "Authentication timeout."  # paramiko's words, in auth_handler.py; nothing else tells it from a refusal
_OPENSSH_KEY = b"-----BEGIN OPENSSH PRIVATE KEY-----"

Attempt = Callable[[], Sequence[str]]  # answers the methods that are still wanted; none: logged in


@dataclass
class Authentication:
    """Logs in to one hop. Raises ConnectError where that is refused; what was tried, and what was not, is told."""

    login: Login
    passwords: Passwords
    waiting: Waiting = field(default_factory=lambda: Waiting(""))
    _sshd: Sshd = field(default_factory=lambda: Sshd(""))
    _skipped: list[str] = field(default_factory=list)
    _tried: list[str] = field(default_factory=list)
    _locked: list[Path] = field(default_factory=list)
    _prompts: int = 0

    def authenticate(self, transport: Transport) -> None:
        """Go through the methods that the host offers until it lets us in."""
        self._prompts = self.login.password_prompts
        try:
            with self.waiting.for_answer("the login"):
                wanted: Sequence[str] = transport.auth_none(self.login.user)
        except BadAuthenticationType as error:
            wanted = error.allowed_types
        except (AuthenticationException, SSHException, EOFError, OSError) as error:
            raise self._gone(error) from None
        self._sshd = _sshd(transport)
        if self._sshd.keeps_quiet:
            _extensions(transport)["server-sig-algs"] = ",".join(SHA2).encode()
        for _ in range(_MOST_FACTORS):
            if not wanted:
                return
            wanted = self._factor(transport, wanted)
        raise self._refused("it asks for one thing after the other")

    def _factor(self, transport: Transport, offered: Sequence[str]) -> Sequence[str]:
        """One factor; what the host wants after it."""
        for method in self.login.methods:
            if method not in offered:
                continue
            for attempt in self._attempts(method, transport):
                try:
                    return attempt()
                except BadAuthenticationType:
                    break
                except (AuthenticationException, SSHException, EOFError, OSError) as error:
                    if not transport.is_active() or str(error) == _NO_ANSWER:
                        raise self._gone(error) from None
        raise self._refused(f"the host takes {', '.join(offered)}")

    def _attempts(self, method: str, transport: Transport) -> Iterator[Attempt]:
        if method == "publickey":
            with closing(_Agent(self.login.agent)) as agent:
                yield from self._with_keys(transport, agent)
        else:
            way = self._with_answers if method == "keyboard-interactive" else self._with_password
            given = self.passwords.login
            if given is not None:
                self._tried.append("the password of --password-file")
                yield lambda: way(transport, lambda _: given)
            elif (prompt := self.passwords.prompt) is not None:
                while self._prompts > 0:
                    self._prompts -= 1
                    self._tried.append(f"a {'password' if method == 'password' else 'typed answer'}")
                    yield lambda: way(transport, prompt)

    # -------------------------------------------------------------- keys

    def _with_keys(self, transport: Transport, agent: _Agent) -> Iterator[Attempt]:
        """The agent's keys that belong to the identity files, its others, then the files that it does not hold."""
        held = {bytes(key.asbytes()): key for key in agent.get_keys()}
        own = {path: _public_part(path) for path in self.login.identities}
        ours = [held[blob] for blob in own.values() if blob in held]
        others = [] if self.login.identities_only else [key for key in held.values() if key not in ours]
        for key in (*ours, *others):
            yield from self._with_key(transport, key, f"the agent's {getattr(key, 'comment', '') or key.get_name()}")
        for path, blob in own.items():
            if blob in held or not path.is_file():
                continue
            loaded = self._load(path)
            if loaded is None:
                continue
            for certificate in _certificates(loaded, path, self.login.certificates):
                loaded.load_certificate(str(certificate))
                yield from self._with_key(transport, loaded, str(certificate))
            loaded.public_blob = None
            yield from self._with_key(transport, loaded, str(path))

    def _with_key(self, transport: Transport, key: PKey, shown: str) -> Iterator[Attempt]:
        """An attempt with this key, unless the host cannot take it: paramiko would end the connection."""
        kind = key.public_blob.key_type if key.public_blob else key.get_name()
        if why := self._sshd.obstacle(kind):
            self._skipped.append(f"{shown} ({why})")
            return
        unsure = " (signed with SHA-2, which the host does not say it takes)" if self._sshd.unsure(kind) else ""
        at = len(self._tried)
        self._tried.append(f"{shown}{unsure}")
        signer = _Signer(key)

        def attempt() -> Sequence[str]:
            with self.waiting.for_answer("the login"):
                return transport.auth_publickey(self.login.user, signer)

        yield attempt
        if signer.failure:
            self._tried[at] = f"{shown} (it did not sign: {signer.failure})"

    def _load(self, path: Path) -> PKey | None:
        """The private key; None where it cannot be read or nobody knows its passphrase."""
        try:
            return _read_key(path, None)
        except TypeError:  # what cryptography raises for a key that is encrypted
            pass
        except (OSError, ValueError, SSHException, UnknownKeyType, UnsupportedAlgorithm) as error:
            self._tried.append(f"{path} (cannot be read: {error})")
            return None
        for _ in range(self.login.password_prompts):
            if self.passwords.prompt is None:
                break
            passphrase = self.passwords.prompt(f"Passphrase of the key {path}")
            if not passphrase:
                break
            with suppress(ValueError, SSHException):
                return _read_key(path, passphrase)
        self._locked.append(path)
        return None

    # -------------------------------------------------------------- passwords

    def _with_password(self, transport: Transport, ask: Callable[[str], Secret]) -> Sequence[str]:
        password = ask(f"Password of {self.login.user} on {self.login.name}")
        with self.waiting.for_answer("the login"):
            return transport.auth_password(self.login.user, password.reveal(), fallback=False)

    def _with_answers(self, transport: Transport, ask: Callable[[str], Secret]) -> Sequence[str]:
        """keyboard-interactive: the host puts the questions. They come in paramiko's thread and are asked in ours,
        which is the one that Ctrl-C reaches."""
        questions: queue.Queue[str | None] = queue.Queue()
        answers: queue.Queue[str] = queue.Queue()
        outcome: list[Sequence[str] | Exception] = []

        def handler(title: str, instructions: str, fields: list[tuple[str, bool]]) -> list[str]:
            found = []
            for text, _ in fields:
                questions.put(text)
                found.append(answers.get())
            return found

        def run() -> None:
            try:
                outcome.append(transport.auth_interactive(self.login.user, handler))
            except Exception as error:  # raised again below, in the thread that waits
                outcome.append(error)
            questions.put(None)

        patience, transport.auth_timeout = transport.auth_timeout, _PATIENCE
        threading.Thread(target=run, name="keyboard-interactive", daemon=True).start()
        try:
            while (text := self._next(questions)) is not None:
                shown = "".join(sign for sign in text if sign.isprintable())[:_SHOWN_PROMPT].strip().rstrip(":")
                answers.put(ask(f"{self.login.user} on {self.login.name}: {shown or 'Answer'}").reveal())
        finally:
            transport.auth_timeout = patience
            answers.put("")  # nobody waits for ever, also after Ctrl-C
        if isinstance(outcome[0], Exception):
            raise outcome[0]
        return outcome[0]

    def _next(self, questions: queue.Queue[str | None]) -> str | None:
        with self.waiting.for_answer("the login"):
            return questions.get()

    # -------------------------------------------------------------- refusals

    def _gone(self, error: Exception) -> ConnectError:
        """The host has ended the connection, or has not answered for as long as it is waited for."""
        if isinstance(error, ConnectionAbortedError):
            return ConnectError(
                "the connection was lost during the login",
                where=self.login.name,
                cause=error.strerror or str(error),
                hint=f"is the host still up, and does a firewall still let port {self.login.port} through?",
            )
        if not self.waiting.was_slow:
            return self._refused(f"the host has ended the connection: {error}", cut=True)
        return ConnectError(
            f"the login as {self.login.user} was not answered",
            where=self.login.name,
            cause=f"it was waited for {self.waiting.seconds:.0f} s; {SLOW_REASON}",
            hint=SLOW_HINT,
        )

    def _refused(self, why: str, *, cut: bool = False) -> ConnectError:
        login = self.login
        if self._locked and self.passwords.prompt is None:
            return ConnectError(
                "a private key is encrypted",
                where=login.name,
                cause=f"nobody can be asked for the passphrase of {', '.join(map(str, self._locked))}",
                hint="add it to the agent: ssh-add, or name another key with -i FILE",
            )
        tried = f"tried {', '.join(self._tried)}" if self._tried else "there was nothing to try"
        if self._skipped:
            tried += f"; not tried: {', '.join(self._skipped)}"
        hint = (
            f"name the right key with -i FILE, or the right user as USER@{login.name}; "
            "or put your key there: ssh-copy-id HOST"
        )
        if self._skipped:
            hint = (
                f"give {login.user} another key there: ssh-keygen -t ed25519, add its .pub file to "
                "~/.ssh/authorized_keys on the host, and name the key with -i FILE"
            )
        if self.passwords.prompt is None and self.passwords.login is None:
            hint += "; a password is asked for on a terminal, or read with --password-file"
        if cut and len(self._tried) > 3:
            hint = "a host takes a few tries only: name the one key with -i FILE and IdentitiesOnly yes in ssh_config"
        return ConnectError(
            f"the login as {login.user} was refused", where=login.name, cause=f"{tried}: {why}", hint=hint
        )


class _Agent(AgentSSH):
    """The key agent behind a socket; one that is not there has no keys."""

    def __init__(self, path: str) -> None:
        super().__init__()
        if not path:
            return
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(path)
            self._connect(connection)  # type: ignore[attr-defined]
        except (OSError, SSHException):
            connection.close()

    def close(self) -> None:
        self._close()  # type: ignore[attr-defined]


class _Signer(PKey):
    """A key whose failure to sign is a refusal of this key.

    paramiko signs in the thread of the connection, which an error there would end before the next key is tried: an
    agent whose owner says no, a hardware key that is not plugged in. failure: what went wrong.
    """

    def __init__(self, key: PKey) -> None:
        self._key = key
        self.public_blob = key.public_blob
        self.failure = ""

    def get_name(self) -> str:
        return self._key.get_name()

    def asbytes(self) -> bytes:
        return self._key.asbytes()

    def sign_ssh_data(self, data: bytes, algorithm: str | None = None) -> Message:
        try:
            return self._key.sign_ssh_data(data, algorithm)
        except Exception as error:  # whatever an agent or a library raises
            self.failure = str(error) or type(error).__name__
            nothing = Message()
            nothing.add_string(algorithm or self.get_name())
            nothing.add_string(bytes(64))
            return nothing


def _sshd(transport: Transport) -> Sshd:
    """What the host has said about itself; once it has answered to the first request, its list has come."""
    return Sshd.of(transport.remote_version, _extensions(transport).get("server-sig-algs"))


def _extensions(transport: Transport) -> dict[str, bytes]:
    """What the host's SSH_MSG_EXT_INFO says, by name (RFC 8308)."""
    found: dict[str, bytes] = transport.server_extensions  # type: ignore[attr-defined]  # the stubs lack it
    return found


def _read_key(path: Path, passphrase: Secret | None) -> PKey:
    # Declared as text, and handed on to where only bytes are taken.
    key = PKey.from_path(path, passphrase.reveal().encode() if passphrase else None)  # type: ignore[arg-type]
    key.public_blob = None  # it takes a certificate from beside the file; which ones count is ours to say
    return key


def _public_part(path: Path) -> bytes:
    """The public key that goes with an identity file, without its passphrase; empty where it is not to be had."""
    for beside in (path.with_name(f"{path.name}.pub"), path):
        with suppress(OSError, ValueError, IndexError):
            return PublicBlob.from_string(beside.read_text("ascii")).key_blob
    with suppress(OSError, ValueError):
        return _openssh_public(path.read_bytes())
    return b""


def _openssh_public(data: bytes) -> bytes:
    """The public part of an OpenSSH private key file, which is never encrypted (OpenSSH's PROTOCOL.key)."""
    if not data.startswith(_OPENSSH_KEY):
        raise ValueError("not in OpenSSH's format")
    body = b"".join(data.strip().splitlines()[1:-1])
    message = Message(base64.b64decode(body).removeprefix(b"openssh-key-v1\0"))
    for _ in ("cipher", "derivation", "its options"):
        message.get_binary()
    message.get_int()  # how many keys; it is always one
    return message.get_binary()


def _certificates(key: PKey, path: Path, named: tuple[Path, ...]) -> Iterator[Path]:
    """The certificates of a key: beside its file, and of CertificateFile."""
    for candidate in dict.fromkeys((path.with_name(f"{path.name}-cert.pub"), *named)):
        with suppress(OSError, ValueError, UnsupportedAlgorithm):
            certificate = load_ssh_public_identity(candidate.read_bytes())
            if not isinstance(certificate, SSHCertificate):
                continue
            certified = certificate.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
            if certified.split()[1].decode() == key.get_base64():
                yield candidate
