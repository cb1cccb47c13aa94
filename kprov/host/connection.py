"""One SSH connection to one host, and exchanges over it.

An exchange is one channel: the remote library, calls of its functions and, after them, any payload go in on
standard input; records come out. The command line of the channel is the same short text for every login
shell, and nothing secret or of ours is ever on it.
"""

from __future__ import annotations

import logging
import shlex
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import dataclass, field, replace
from importlib.resources import files
from types import TracebackType

import fabric
import paramiko

from kprov.errors import ConnectError
from kprov.events import Emit, ignore
from kprov.host.answers import Record
from kprov.host.authentication import Authentication
from kprov.host.become import Become
from kprov.host.exchange import STARTED, Exchange, NotLetInError, Reply, StalledError
from kprov.host.ssh_config import Login
from kprov.host.trust import Trust, prepare
from kprov.host.waiting import LOGIN_SECONDS, SLOW_HINT, SLOW_REASON, Waiting
from kprov.host.wire import Watch, Wire, dial, start_proxy
from kprov.secret import Passwords, Secret

__all__ = ["Call", "Connection", "Reply", "Traffic"]

Call = Sequence[str]

# Whatever goes wrong is in kprov's own error; without a handler Python would print paramiko's complaints beside it.
logging.getLogger("paramiko").addHandler(logging.NullHandler())

_OPEN_SECONDS = 60  # for one channel; what sshd looks up for a session counts
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

    passwords: for logging in and for sudo. run: the id of the run that it serves, for the host's journal. emit: takes a
    message where the host is slow to let us in, from another thread. Not for several threads. Raises ConnectError where
    the host cannot be reached, the login is refused, root's rights are not to be had, or the connection is lost.
    """

    login: Login
    trust: Trust = field(default_factory=Trust)
    passwords: Passwords = field(default_factory=Passwords)
    run: str = ""
    emit: Emit = ignore
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
        connection: fabric.Connection | None = None
        waiting = Waiting(hop.name, self.emit)
        try:
            wire = self._wire(hop, waiting)
            connection = fabric.Connection(
                hop.hostname,
                user=hop.user,
                port=hop.port,
                connect_timeout=hop.banner_timeout,  # of the handshake: the wire is connected
                # A lazy configuration reads none of fabric's own files: a user's settings for other tools stay out.
                config=fabric.Config(lazy=True),
                connect_kwargs={
                    "sock": wire,
                    # The password that was given is for the host, and nothing for those on the way.
                    "auth_strategy": Authentication(
                        hop, self.passwords if hop is self.login else replace(self.passwords, login=None), waiting
                    ),
                    "banner_timeout": hop.banner_timeout,
                    "auth_timeout": LOGIN_SECONDS,
                    "channel_timeout": _OPEN_SECONDS,
                },
            )
            connection.connect_kwargs["transport_factory"] = prepare(connection.client, hop, self.trust, waiting)
            connection.open()
        except BaseException as error:
            complaint = _close(connection, wire)
            if isinstance(error, paramiko.SSHException | OSError | EOFError | UnicodeError):
                raise _connect_error(hop, error, waiting, complaint) from error
            raise
        self._chain.append(connection)
        return wire

    def _wire(self, hop: Login, waiting: Waiting) -> Wire:
        """From the hop before, or from here."""
        if self._chain:
            with waiting.for_answer(f"the hop before it to reach {hop.hostname}"):
                channel = self._chain[-1].transport.open_channel(
                    "direct-tcpip", (hop.hostname, hop.port), ("", 0), timeout=hop.banner_timeout
                )
            return Wire(channel)
        command = hop.proxy_command
        return start_proxy(command) if command else dial(hop)

    # -------------------------------------------------------------- becoming root

    def _become_root(self) -> None:
        with self._waiting():
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

    def _waiting(self) -> AbstractContextManager[None]:
        """For the first command, which may be slow where all later ones are not."""
        reason = "a login script, sudo or a name server may be slow"
        return Waiting(self.login.name, self.emit).for_answer("the first command to run", reason)

    def _ask_sudo(self, user: str, said: str) -> None:
        """Let sudo ask: it wants a password, a terminal (requiretty), or both."""
        become = Become(sudo=True, asks=True, tty="must have a tty" in said, password=self.passwords.sudo)
        given, tries = become.password is not None, 0
        if not given and not become.tty:  # with a terminal, sudo may want no password at all
            become, tries = replace(become, password=self._sudo_password(user, said)), 1
        while True:
            self._become = become
            try:
                with self._waiting():
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
        if self.passwords.prompt is None:
            raise self._no_root(user, "sudo asks for a password", said)
        return self.passwords.prompt(f"sudo's password for {user} on {self.login.name}")

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
        script = "\n".join([_library(), STARTED, *(shlex.join(call) for call in calls), ""]).encode()
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
        except StalledError as error:
            raise self._lost(error) if not self._chain[-1].is_connected else self._stalled(error) from None
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

    def _stalled(self, error: StalledError) -> ConnectError:
        what = "a command on the host does not end" if error.begun else "the host does not start our script"
        hint = (
            "find the process that hangs there (for example one that waits for a network file system), then run the "
            "same command again"
            if error.begun
            else f"'ssh {self.login.name} /bin/sh -c id' must print the user; a login script or sudo may hang"
        )
        return ConnectError(
            what,
            where=self.login.name,
            cause=f"the connection works, but nothing was sent or received for {error.seconds:.0f} s",
            hint=hint,
        )

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


def _close(connection: fabric.Connection | None, wire: Wire | None) -> str:
    """Give up what is half open; what a ProxyCommand has said.

    The transport first: it reads from the wire in a thread of its own, and would report a wire that is closed under it.
    """
    transport = connection.client.get_transport() if connection is not None else None
    if transport is not None:
        transport.packetizer.complete_handshake()  # ends its timer, which would keep the process alive
        transport.close()
    if wire is None:
        return ""
    wire.close()
    return wire.complaint


def _connect_error(login: Login, error: Exception, waiting: Waiting, complaint: str = "") -> ConnectError:
    """What went wrong while connecting, in the user's words, with what to do.

    waiting: for this hop. complaint: what a ProxyCommand said.
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
    if waiting.was_slow and not isinstance(error, ConnectionAbortedError):
        return ConnectError(
            f"{address} did not answer",
            where=where,
            cause=f"it was waited for {waiting.seconds:.0f} s; {SLOW_REASON}",
            hint=SLOW_HINT,
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
