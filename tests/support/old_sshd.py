"""An SSH server on this machine that behaves like an old sshd: its version, what it announces and what it accepts."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import paramiko

from kprov.host.authentication import Authentication
from kprov.host.ssh_config import Login
from kprov.host.trust import Trust, prepare
from kprov.host.waiting import Waiting
from kprov.secret import Passwords

HOST_KEY = paramiko.ECDSAKey.generate()
EVERY = ("ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512", "rsa-sha2-256")
WITHOUT_RSA = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa")


@dataclass(frozen=True)
class Behaviour:
    """How the server behaves.

    software: its version string. announced: its server-sig-algs, None for no list. takes: accepted signature types.
    authorized: public keys of the user. banner, answer: seconds before its first line, and before its first answer to a
    login, as for a slow name look-up.
    """

    software: str = "OpenSSH_9.2"
    announced: tuple[str, ...] | None = EVERY
    takes: tuple[str, ...] = EVERY
    authorized: tuple[bytes, ...] = ()
    banner: float = 0.0
    answer: float = 0.0


OPENSSH_6_6 = Behaviour("OpenSSH_6.6.1", None, WITHOUT_RSA)
OPENSSH_7_4 = Behaviour("OpenSSH_7.4", WITHOUT_RSA, EVERY)  # as upstream has it, without Red Hat's patch


@dataclass
class OldSshd:
    """Serves until it is closed. tried: the type of each signature that a client presented."""

    behaviour: Behaviour
    tried: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._transports: list[_Transport] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self) -> OldSshd:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for transport in self._transports:
            transport.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            time.sleep(self.behaviour.banner)
            transport = _Transport(client, self)
            self._transports.append(transport)
            with suppress(paramiko.SSHException, EOFError, OSError):
                transport.start_server(server=_Users(self.behaviour), event=threading.Event())

    def log_in(self, *identities: Path, agent: str = "", waiting: Waiting | None = None) -> None:
        """Log in as kprov.host.connection does."""
        login = Login(
            "box", "127.0.0.1", "me", self.port, identities, False, (Path("/dev/null"),), 10, system_known_hosts=()
        )
        login = replace(login, agent=agent, methods=("publickey",))
        waiting = waiting or Waiting("box")
        with paramiko.SSHClient() as client:
            client.connect(
                "127.0.0.1",
                self.port,
                transport_factory=prepare(client, login, Trust(accept_new=True), waiting),
                auth_strategy=Authentication(login, Passwords(), waiting),  # type: ignore[arg-type]
                banner_timeout=30,
                auth_timeout=30,
            )


class _Transport(paramiko.Transport):
    def __init__(self, sock: socket.socket, sshd: OldSshd) -> None:
        behaviour = sshd.behaviour
        super().__init__(sock, server_sig_algs=behaviour.announced is not None)
        self.local_version = f"SSH-2.0-{behaviour.software}"
        self.add_server_key(HOST_KEY)
        self._sshd = sshd
        self._announcing = False

    def _activate_outbound(self) -> None:
        self._announcing = True
        super()._activate_outbound()  # type: ignore[misc]
        self._announcing = False

    @property
    def preferred_pubkeys(self) -> tuple[str, ...]:
        behaviour = self._sshd.behaviour
        return (behaviour.announced or ()) if self._announcing else _Noting(self._sshd)


class _Noting(tuple[str, ...]):
    """The signature types that the server accepts; it records each one that a client tries."""

    def __new__(cls, sshd: OldSshd) -> _Noting:
        made = super().__new__(cls, sshd.behaviour.takes)
        made.sshd = sshd  # type: ignore[attr-defined]
        return made

    def __contains__(self, kind: object) -> bool:
        self.sshd.tried.append(str(kind))  # type: ignore[attr-defined]
        return super().__contains__(kind)


@dataclass
class _Users(paramiko.ServerInterface):
    behaviour: Behaviour

    def check_auth_none(self, username: str) -> int:
        time.sleep(self.behaviour.answer)
        return paramiko.AUTH_FAILED

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return paramiko.AUTH_SUCCESSFUL if key.asbytes() in self.behaviour.authorized else paramiko.AUTH_FAILED

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"
