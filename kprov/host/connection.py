"""One SSH connection to one host, and exchanges over it.

An exchange is one channel: the remote library, calls of its functions and, after them, any payload go in on
standard input; records come out. The command line of the channel is the same short text for every login
shell, and nothing secret or of ours is ever on it.
"""

from __future__ import annotations

import shlex
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from importlib.resources import files
from types import TracebackType

import fabric
import paramiko

from kprov.errors import ConnectError
from kprov.host.answers import Record
from kprov.host.authentication import Authentication
from kprov.host.become import Become
from kprov.host.exchange import Exchange, NotLetInError, Reply
from kprov.host.ssh_config import Login
from kprov.host.trust import Trust, prepare
from kprov.host.wire import Watch, Wire, dial, start_proxy
from kprov.secret import Passwords, Secret

__all__ = ["Call", "Connection", "Reply", "Traffic"]

Call = Sequence[str]

_OPEN_SECONDS = 30  # for one channel
_BUSY_SECONDS = 10  # while sshd clears away the session before
_SUDO_TRIES = 3


@dataclass
class Traffic:
    """How often the host was spoken to: a second run is held to a small number."""

    connections: int = 0
    exchanges: int = 0
    sent: int = 0


@dataclass
class Connection:
    """A host that is logged in to, with root's rights. Use it as a context manager.

    passwords: for logging in and for sudo. run: the id of the run that it serves, for the host's journal. Not for
    several threads. Raises ConnectError where the host cannot be reached, the login is refused, root's rights are not
    to be had, or the connection is lost.
    """

    login: Login
    trust: Trust = field(default_factory=Trust)
    passwords: Passwords = field(default_factory=Passwords)
    run: str = ""
    traffic: Traffic = field(default_factory=Traffic)
    session: str = ""
    _chain: list[fabric.Connection] = field(default_factory=list)
    _become: Become = field(default_factory=Become)
    _watch: Watch | None = None

    def __enter__(self) -> Connection:
        try:
            self._open()
            self._become_root()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection and every hop on the way to it (fabric leaves its gateways open)."""
        if self._watch is not None:
            self._watch.stop()
        while self._chain:
            with suppress(Exception):
                self._chain.pop().close()

    # -------------------------------------------------------------- opening

    def _open(self) -> None:
        for hop in (*self.login.jumps, self.login):
            wire = self._open_hop(hop)
        transport = self._chain[-1].transport
        self._watch = Watch(transport, wire, self.login.alive_interval, self.login.alive_count)
        self._watch.start()
        self.traffic.connections += 1

    def _open_hop(self, hop: Login) -> Wire:
        wire: Wire | None = None
        try:
            wire = self._wire(hop)
            connection = fabric.Connection(
                hop.hostname,
                user=hop.user,
                port=hop.port,
                connect_timeout=hop.connect_timeout,
                # A lazy configuration reads none of fabric's own files: a user's settings for other tools stay out.
                config=fabric.Config(lazy=True),
                connect_kwargs={
                    "sock": wire,
                    # The password that was given is for the host, and nothing for those on the way.
                    "auth_strategy": Authentication(
                        hop, self.passwords if hop is self.login else replace(self.passwords, login=None)
                    ),
                    "banner_timeout": hop.connect_timeout,
                    "auth_timeout": 2 * hop.connect_timeout,
                    "channel_timeout": hop.connect_timeout,
                },
            )
            connection.connect_kwargs["transport_factory"] = prepare(connection.client, hop, self.trust)
            connection.open()
        except BaseException as error:
            complaint = ""
            if wire is not None:
                wire.close()
                complaint = wire.complaint
            if isinstance(error, paramiko.SSHException | OSError | EOFError | UnicodeError):
                raise _connect_error(hop, error, complaint) from error
            raise
        self._chain.append(connection)
        return wire

    def _wire(self, hop: Login) -> Wire:
        """From the hop before, or from here."""
        if self._chain:
            channel = self._chain[-1].transport.open_channel(
                "direct-tcpip", (hop.hostname, hop.port), ("", 0), timeout=hop.connect_timeout
            )
            return Wire(channel)
        command = hop.proxy_command
        return start_proxy(command) if command else dial(hop)

    # -------------------------------------------------------------- becoming root

    def _become_root(self) -> None:
        reply = self.exchange([["probe_login"]])
        answers = reply.of_kind("login")
        if not answers:
            raise ConnectError(
                "the login shell did not run a command",
                where=self.login.name,
                cause=reply.errors.strip(),
                hint="this must work and print the user: ssh HOST /bin/sh -c id",
            )
        answer = answers[0]
        self.session = answer["session"]
        if answer["sudo"] == "free":
            self._become = Become(sudo=True)
        elif answer["sudo"] == "refused":
            self._ask_sudo(answer["user"], answer["said"].strip())
        elif answer["sudo"] != "root":
            raise self._no_root(answer["user"], "there is no sudo", "", "install sudo and ")

    def _ask_sudo(self, user: str, said: str) -> None:
        """Let sudo ask: it wants a password, a terminal (requiretty), or both."""
        become = Become(sudo=True, asks=True, tty="must have a tty" in said, password=self.passwords.sudo)
        given, tries = become.password is not None, 0
        if not given and not become.tty:  # with a terminal, sudo may want no password at all
            become, tries = replace(become, password=self._sudo_password(user, said)), 1
        while True:
            self._become = become
            try:
                self._exchange([["probe_login"]])
                return
            except NotLetInError as error:
                talk = error.talk
            said = talk.cause or said
            if not (talk.unanswered or talk.refused):
                raise self._no_root(user, "sudo does not let it in", said)
            if given:
                raise self._no_root(user, "sudo does not take the password that was given", said)
            if tries == _SUDO_TRIES:
                raise self._no_root(user, f"sudo has refused {tries} passwords", said)
            become, tries = replace(become, password=self._sudo_password(user, said)), tries + 1

    def _sudo_password(self, user: str, said: str) -> Secret:
        if self.passwords.ask is None:
            raise self._no_root(user, "sudo asks for a password", said)
        return self.passwords.ask(f"sudo's password for {user} on {self.login.name}")

    def _no_root(self, user: str, why: str, said: str, first: str = "") -> ConnectError:
        name = self.login.name
        other = "" if first else "; kprov asks for a password on a terminal, or reads it with --sudo-password-file"
        return ConnectError(
            f"{user} is not root and {why}",
            where=name,
            cause=said,
            hint=f"log in as root@{name}, or {first}allow it: "
            f"'{user} ALL=(ALL) NOPASSWD: ALL' in /etc/sudoers.d/{user}{other}",
        )

    # -------------------------------------------------------------- exchanges

    def exchange(
        self,
        calls: Iterable[Call],
        payload: Iterable[bytes] = (),
        on_record: Callable[[Record], None] | None = None,
    ) -> Reply:
        """Run functions of the remote library in one channel.

        calls: each a function and its arguments. payload: bytes for the function that reads them.
        on_record: called with each record as it arrives.
        """
        return self._let_in(calls, payload, on_record)

    def follow(self, calls: Iterable[Call], on_record: Callable[[Record], None]) -> None:
        """Run functions that go on until their standard input ends, which is when this is left or the host goes away.

        on_record: called with each record as it arrives; none is kept.
        """
        self._let_in(calls, (), on_record, hold=True)

    def _let_in(
        self,
        calls: Iterable[Call],
        payload: Iterable[bytes],
        on_record: Callable[[Record], None] | None,
        *,
        hold: bool = False,
    ) -> Reply:
        try:
            return self._exchange(calls, payload, on_record, hold=hold)
        except NotLetInError as error:
            raise ConnectError(
                "sudo has let us in before, and does not any more",
                where=self.login.name,
                cause=error.talk.cause,
                hint="has somebody changed sudoers or the password? Run the same command again",
            ) from None

    def _exchange(
        self,
        calls: Iterable[Call],
        payload: Iterable[bytes] = (),
        on_record: Callable[[Record], None] | None = None,
        *,
        hold: bool = False,
    ) -> Reply:
        """As ``exchange``; hold: as ``follow``. Raises NotLetInError where sudo does not run it."""
        script = (_library() + "\n" + "\n".join(shlex.join(call) for call in calls) + "\n").encode()
        try:
            channel = self._open_channel()
            self.traffic.exchanges += 1
            with closing(channel):
                exchange = Exchange(channel, self._become, hold=hold)
                reply = exchange.run(script, payload, on_record)
        except NotLetInError:
            if self._chain[-1].is_connected:
                raise
            raise self._lost(None) from None
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise self._lost(error) from error
        self.traffic.sent += exchange.sent
        if not self._chain[-1].is_connected:
            raise self._lost(None)
        return reply

    def _open_channel(self) -> paramiko.Channel:
        """A session of its own. With MaxSessions 1 sshd refuses it until it has cleared away the one before."""
        deadline = time.monotonic() + _BUSY_SECONDS
        transport: paramiko.Transport = self._chain[-1].transport
        while True:
            try:
                return transport.open_session(timeout=_OPEN_SECONDS)
            except paramiko.ChannelException:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def _lost(self, error: Exception | None) -> ConnectError:
        cause = str(error) if error and str(error) else ""
        if self._watch is not None and self._watch.silent_for:
            cause = f"the host has not answered for {self._watch.silent_for:.0f} s"
        return ConnectError(
            "the connection was lost",
            where=self.login.name,
            cause=cause,
            hint="run the same command again: it goes on from where the host is",
        )


def _library() -> str:
    return files("kprov.host").joinpath("library.sh").read_text(encoding="utf-8")


def _connect_error(login: Login, error: Exception, complaint: str = "") -> ConnectError:
    """What went wrong while connecting, in the user's words, with what to do.

    complaint: what a ProxyCommand said.
    """
    where = login.name
    address = f"{login.hostname} port {login.port}"
    if login.proxy_command:
        return ConnectError(
            f"{address} cannot be reached through the ProxyCommand",
            where=where,
            cause=complaint or str(error) or type(error).__name__,
            hint=f"try it by hand: {login.proxy_command}",
        )
    if isinstance(error, socket.gaierror | UnicodeError):  # no label of a name may be empty or have 64 characters
        return ConnectError(
            f"there is no host {login.hostname}",
            where=where,
            cause=getattr(error, "strerror", None) or str(error),
            hint="check the spelling, /etc/hosts and DNS; an alias must stand in ssh_config",
        )
    if isinstance(error, TimeoutError):
        return ConnectError(
            f"{address} does not answer within {login.connect_timeout:.0f} s",
            where=where,
            hint=f"is the host up, and does a firewall let port {login.port} through?",
        )
    if isinstance(error, paramiko.ssh_exception.IncompatiblePeer):
        return ConnectError(
            f"{address} and kprov have no way to encrypt in common",
            where=where,
            cause=str(error),
            hint="its sshd allows too little, or only what is too old; curve25519-sha256, aes256-ctr, hmac-sha2-256 "
            "and a host key of the kind ed25519 go together with kprov",
        )
    cause = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return ConnectError(f"{address} cannot be reached", where=where, cause=cause, hint="is sshd running there?")
