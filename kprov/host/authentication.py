"""Log in as ssh does: with the agent's keys, key files, then passwords and typed answers.

paramiko's own sequence stops at the first partial success and cannot prompt. The protocol is RFC 4252.
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
_NO_ANSWER = "Authentication timeout."  # from paramiko's auth_handler.py; only the text distinguishes it from a refusal
_OPENSSH_KEY = b"-----BEGIN OPENSSH PRIVATE KEY-----"

Attempt = Callable[[], Sequence[str]]  # returns the methods still required; empty once logged in


@dataclass
class Authentication:
    """Logs in to one hop. Raises ConnectError, which lists what was tried and what was not, if the host refuses."""

    login: Login
    passwords: Passwords
    waiting: Waiting = field(default_factory=lambda: Waiting(""))
    _sshd: Sshd = field(default_factory=lambda: Sshd(""))
    _skipped: list[str] = field(default_factory=list)
    _tried: list[str] = field(default_factory=list)
    _locked: list[Path] = field(default_factory=list)
    _prompts: int = 0

    def authenticate(self, transport: Transport) -> None:
        """Try the methods that the host offers until one succeeds."""
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
        raise self._refused(f"the host asked for more than {_MOST_FACTORS} factors")

    def _factor(self, transport: Transport, offered: Sequence[str]) -> Sequence[str]:
        """Pass one factor; return the methods that the host requires next."""
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
        raise self._refused(f"the host accepts {', '.join(offered)}")

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
        """Try the agent's keys for the identity files, its other keys, then the identity files it does not hold."""
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
        """An attempt with this key; none if the host cannot accept it, as paramiko would close the connection."""
        kind = key.public_blob.key_type if key.public_blob else key.get_name()
        if why := self._sshd.obstacle(kind):
            self._skipped.append(f"{shown} ({why})")
            return
        unsure = " (signed with SHA-2, which the host does not announce)" if self._sshd.unsure(kind) else ""
        at = len(self._tried)
        self._tried.append(f"{shown}{unsure}")
        signer = _Signer(key)

        def attempt() -> Sequence[str]:
            with self.waiting.for_answer("the login"):
                return transport.auth_publickey(self.login.user, signer)

        yield attempt
        if signer.failure:
            self._tried[at] = f"{shown} (could not sign: {signer.failure})"

    def _load(self, path: Path) -> PKey | None:
        """The private key; None if it cannot be read or its passphrase is not known."""
        try:
            return _read_key(path, None)
        except TypeError:  # cryptography raises it for an encrypted key
            pass
        except (OSError, ValueError, SSHException, UnknownKeyType, UnsupportedAlgorithm) as error:
            self._tried.append(f"{path} (cannot be read: {error})")
            return None
        for _ in range(self.login.password_prompts):
            if self.passwords.prompt is None:
                break
            passphrase = self.passwords.prompt(f"Passphrase for the key {path}")
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
        """keyboard-interactive: the host sends the prompts. paramiko receives them in its thread; we prompt in ours,
        which is the one that Ctrl-C interrupts."""
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
            except Exception as error:  # raised again below, in the waiting thread
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
            answers.put("")  # unblocks paramiko's thread, also after Ctrl-C
        if isinstance(outcome[0], Exception):
            raise outcome[0]
        return outcome[0]

    def _next(self, questions: queue.Queue[str | None]) -> str | None:
        with self.waiting.for_answer("the login"):
            return questions.get()

    # -------------------------------------------------------------- refusals

    def _gone(self, error: Exception) -> ConnectError:
        """The error for a host that closed the connection or did not answer in time."""
        if isinstance(error, ConnectionAbortedError):
            return ConnectError(
                "the connection was lost during the login",
                where=self.login.name,
                cause=error.strerror or str(error),
                hint=f"check that the host is still up and that no firewall blocks port {self.login.port}",
            )
        if not self.waiting.was_slow:
            return self._refused(f"the host closed the connection: {error}", cut=True)
        return ConnectError(
            f"the login as {self.login.user} was not answered",
            where=self.login.name,
            cause=f"no answer for {self.waiting.seconds:.0f} s; {SLOW_REASON}",
            hint=SLOW_HINT,
        )

    def _refused(self, why: str, *, cut: bool = False) -> ConnectError:
        login = self.login
        if self._locked and self.passwords.prompt is None:
            return ConnectError(
                "a private key is encrypted",
                where=login.name,
                cause=f"there is no terminal to ask for the passphrase of {', '.join(map(str, self._locked))}",
                hint="add the key to the agent with ssh-add, or use another key with -i FILE",
            )
        tried = f"tried {', '.join(self._tried)}" if self._tried else "there was no key or password to try"
        if self._skipped:
            tried += f"; not tried: {', '.join(self._skipped)}"
        hint = (
            f"give the right key with -i FILE, or the right user as USER@{login.name}; "
            "or copy your key to the host: ssh-copy-id HOST"
        )
        if self._skipped:
            hint = (
                f"make another key with ssh-keygen -t ed25519, add its .pub file to {login.user}'s "
                "~/.ssh/authorized_keys on the host, and give the key with -i FILE"
            )
        if self.passwords.prompt is None and self.passwords.login is None:
            hint += "; or give a password: on a terminal, or with --password-file FILE"
        if cut and len(self._tried) > 3:
            hint = "a host allows only a few tries: give one key with -i FILE, and set IdentitiesOnly yes in ssh_config"
        return ConnectError(
            f"the login as {login.user} was refused", where=login.name, cause=f"{tried}: {why}", hint=hint
        )


class _Agent(AgentSSH):
    """The key agent behind a socket; it has no keys if nothing listens there."""

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
        except Exception as error:  # agents and libraries raise many kinds
            self.failure = str(error) or type(error).__name__
            nothing = Message()
            nothing.add_string(algorithm or self.get_name())
            nothing.add_string(bytes(64))
            return nothing


def _sshd(transport: Transport) -> Sshd:
    """What the host announced; its list of algorithms arrives before the answer to the first request."""
    return Sshd.of(transport.remote_version, _extensions(transport).get("server-sig-algs"))


def _extensions(transport: Transport) -> dict[str, bytes]:
    """What the host's SSH_MSG_EXT_INFO says, by name (RFC 8308)."""
    found: dict[str, bytes] = transport.server_extensions  # type: ignore[attr-defined]  # the stubs lack it
    return found


def _read_key(path: Path, passphrase: Secret | None) -> PKey:
    # The stubs declare text, but the function needs bytes.
    key = PKey.from_path(path, passphrase.reveal().encode() if passphrase else None)  # type: ignore[arg-type]
    key.public_blob = None  # paramiko loads a certificate found beside the file; we choose certificates ourselves
    return key


def _public_part(path: Path) -> bytes:
    """The public key of an identity file, read without its passphrase; empty if there is none."""
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
    message.get_int()  # the number of keys, always one
    return message.get_binary()


def _certificates(key: PKey, path: Path, named: tuple[Path, ...]) -> Iterator[Path]:
    """The certificates for a key: the one beside its file, and those of CertificateFile."""
    for candidate in dict.fromkeys((path.with_name(f"{path.name}-cert.pub"), *named)):
        with suppress(OSError, ValueError, UnsupportedAlgorithm):
            certificate = load_ssh_public_identity(candidate.read_bytes())
            if not isinstance(certificate, SSHCertificate):
                continue
            certified = certificate.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
            if certified.split()[1].decode() == key.get_base64():
                yield candidate
