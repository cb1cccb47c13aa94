"""One SSH connection to one host, and exchanges over it.

An exchange is one channel: kprov sends the remote library, calls of its functions, and then any payload on standard
input, and reads records from standard output. The command line of the channel is always the same short text, valid in
every login shell; it holds no secret and no part of the script.
"""

from __future__ import annotations

import logging
import math
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
from kprov.events import Emit, Message, ignore
from kprov.host.answers import Record
from kprov.host.authentication import Authentication
from kprov.host.become import Become
from kprov.host.exchange import STARTED, Exchange, NotLetInError, Reply, StalledError
from kprov.host.ssh_config import Login
from kprov.host.traffic import Traffic, starts_java
from kprov.host.trust import Trust, prepare
from kprov.host.waiting import LOGIN_SECONDS, SLOW_HINT, SLOW_REASON, Waiting
from kprov.host.wire import Watch, Wire, dial, start_proxy
from kprov.kinds.base import Answer
from kprov.secret import Passwords, Secret

__all__ = ["Call", "Channel", "Connection", "Reply"]

Call = Sequence[str]
Channel = paramiko.Channel

# kprov reports failures itself; without a handler, Python would print paramiko's log messages as well.
logging.getLogger("paramiko").addHandler(logging.NullHandler())

_OPEN_SECONDS = 60  # to open a channel, including the look-ups that sshd makes for a session
_BUSY_SECONDS = 10  # until sshd has closed the previous session
_SUDO_TRIES = 3


@dataclass
class Connection:
    """A connection to one host, as root. Use it as a context manager, from one thread, except for ``channels``.

    passwords: for the login and for sudo. run: the id of the run, for the host's journal. emit: receives a message
    from another thread while the login is slow. verbose: 1 for a message about the login, 2 also for one about the
    traffic, at the end. forwards: false once sshd has refused to forward. first: calls that are made together with the
    login if the user is root; ``greeting`` returns the reply. ahead: an answer that was read ahead, for who asks next.
    distance: the shortest time that a channel took to open, in seconds: about a round trip.
    Raises ConnectError if the host cannot be reached, the login is refused, kprov cannot become root, or the connection
    is lost.
    """

    login: Login
    trust: Trust = field(default_factory=Trust)
    passwords: Passwords = field(default_factory=Passwords)
    run: str = ""
    emit: Emit = ignore
    verbose: int = 0
    forwards: bool = True
    first: tuple[Call, ...] = ()
    traffic: Traffic = field(default_factory=Traffic)
    session: str = ""
    distance: float = math.inf
    _chain: list[fabric.Connection] = field(default_factory=list)
    _become: Become = field(default_factory=Become)
    _watch: Watch | None = None
    _greeting: Reply | None = None
    ahead: Answer | None = None

    def __enter__(self) -> Connection:
        try:
            self._open()
            self._become_root()
        except BaseException:
            self.close()
            raise
        if self.verbose:
            cipher = self._chain[-1].transport.local_cipher
            became = " and sudo" if self._become.sudo else ""
            login = self.login
            self.emit(Message(f"connected to {login.hostname}:{login.port} as {login.user}{became}, with {cipher}"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection and every hop on the way to it (fabric leaves its gateways open)."""
        if self._watch is not None:
            self._watch.stop()
            if self.verbose > 1:
                self.emit(Message(f"traffic: {self.traffic}"))
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
                connect_timeout=hop.banner_timeout,  # for the handshake: the wire is already connected
                # A lazy configuration does not read fabric's files, which hold the user's settings for other tools.
                config=fabric.Config(lazy=True),
                connect_kwargs={
                    "sock": wire,
                    # The given password is for the host itself; jump hosts must not see it.
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
        """Connect to a hop through the previous one, through ProxyCommand, or directly."""
        if self._chain:
            with waiting.for_answer(f"the jump host to reach {hop.hostname}"):
                channel = self._chain[-1].transport.open_channel(
                    "direct-tcpip", (hop.hostname, hop.port), ("", 0), timeout=hop.banner_timeout
                )
            return Wire(channel)
        command = hop.proxy_command
        return start_proxy(command) if command else dial(hop)

    # -------------------------------------------------------------- becoming root

    def _become_root(self) -> None:
        with self._waiting():
            reply = self._greeting = self.exchange([["probe_login"], *(("if_root", *call) for call in self.first)])
        answers = reply.of_kind("login")
        if not answers:
            raise ConnectError(
                "the login shell did not run kprov's command",
                where=self.login.name,
                cause=reply.errors.strip(),
                hint="this command must print the user: ssh HOST /bin/sh -c id",
            )
        answer = answers[0]
        self.session = answer["session"]
        if answer["sudo"] == "free":
            self._become = Become(sudo=True)
        elif answer["sudo"] == "refused":
            self._ask_sudo(answer["user"], answer["said"].strip())
        elif answer["sudo"] != "root":
            raise self._no_root(answer["user"], "sudo is not installed", "", "install sudo and ")

    def greeting(self) -> Reply | None:
        """The reply to the login and to ``first``, the first time; None afterwards, as it may be outdated."""
        reply, self._greeting = self._greeting, None
        return reply

    def _waiting(self) -> AbstractContextManager[None]:
        """Reports a slow first command; later ones do not go through a login again."""
        reason = "a login script, sudo or a name server may be slow"
        return Waiting(self.login.name, self.emit).for_answer("the first command to run", reason)

    def _ask_sudo(self, user: str, said: str) -> None:
        """Run sudo with what it needs: a password, a terminal (requiretty), or both."""
        become = Become(sudo=True, asks=True, tty="must have a tty" in said, password=self.passwords.sudo)
        given, tries = become.password is not None, 0
        if not given and not become.tty:  # with a terminal, sudo may need no password
            become, tries = replace(become, password=self._sudo_password(user, said)), 1
        while True:
            self._become = become
            try:
                with self._waiting():
                    self._exchange(["probe_login"])
                return
            except NotLetInError as error:
                talk = error.talk
            said = talk.cause or said
            if not (talk.unanswered or talk.refused):
                raise self._no_root(user, "sudo does not allow it to become root", said)
            if given:
                raise self._no_root(user, "sudo rejected the password that was given", said)
            if tries == _SUDO_TRIES:
                raise self._no_root(user, f"sudo rejected {tries} passwords", said)
            become, tries = replace(become, password=self._sudo_password(user, said)), tries + 1

    def _sudo_password(self, user: str, said: str) -> Secret:
        if self.passwords.prompt is None:
            raise self._no_root(user, "sudo asks for a password", said)
        return self.passwords.prompt(f"sudo's password for {user} on {self.login.name}")

    def _no_root(self, user: str, why: str, said: str, first: str = "") -> ConnectError:
        name = self.login.name
        other = "" if first else "; or give sudo's password: on a terminal, or with --sudo-password-file FILE"
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
        beside: Sequence[Sequence[Call]] = (),
        *,
        channel: Channel | None = None,
    ) -> Reply:
        """Run functions of the remote library in one channel.

        calls: functions with their arguments. payload: bytes for the function that reads standard input.
        on_record: called with each record as it arrives. beside: further groups of calls; all groups run at the same
        time, each in a shell of its own, and are answered in their order. With them, there is no payload.
        channel: one of ``channels``, for an exchange beside another one; by default it opens its own.
        """
        groups = [[*calls], *beside]
        self.traffic.jvms += sum(starts_java(call) for group in groups for call in group)
        return self._let_in(beside_each_other(groups), payload, on_record, channel=channel)

    def follow(self, calls: Iterable[Call], on_record: Callable[[Record], None]) -> None:
        """Run functions that last until their standard input ends: when this returns, or the connection is lost.

        on_record: called with each record as it arrives; records are not kept.
        """
        self._let_in(lines_of(calls), (), on_record, hold=True)

    def _let_in(
        self,
        lines: Iterable[str],
        payload: Iterable[bytes],
        on_record: Callable[[Record], None] | None,
        *,
        hold: bool = False,
        channel: Channel | None = None,
    ) -> Reply:
        try:
            return self._exchange(lines, payload, on_record, hold=hold, channel=channel)
        except NotLetInError as error:
            raise ConnectError(
                "sudo stopped accepting our commands during this run",
                where=self.login.name,
                cause=error.talk.cause,
                hint="check whether sudoers or the password was changed, then run the same command again",
            ) from None

    def _exchange(
        self,
        lines: Iterable[str],
        payload: Iterable[bytes] = (),
        on_record: Callable[[Record], None] | None = None,
        *,
        hold: bool = False,
        channel: Channel | None = None,
    ) -> Reply:
        """Run an exchange. hold: keep standard input open, as ``follow`` does. Raises NotLetInError if sudo refuses."""
        if not self._chain:  # it was closed: the operator interrupted a run on several hosts
            raise self._lost(None)
        script = "\n".join([_library(), STARTED, *lines, ""]).encode()
        try:
            used = channel if channel is not None else self._open_channel()
            self.traffic.exchanges += 1
            with closing(used):
                exchange = Exchange(used, self._become, hold=hold)
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
        self.traffic.received += exchange.received
        if not self._chain[-1].is_connected:
            raise self._lost(None)
        return reply

    def _open_channel(self) -> paramiko.Channel:
        """Open a session. With MaxSessions 1, sshd refuses a new one until it has closed the previous one."""
        deadline = time.monotonic() + _BUSY_SECONDS
        transport: paramiko.Transport = self._chain[-1].transport
        while True:
            began = time.monotonic()
            try:
                opened = transport.open_session(timeout=_OPEN_SECONDS)
                self.distance = min(self.distance, time.monotonic() - began)
                return opened
            except paramiko.ChannelException:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def channels(self, count: int) -> list[Channel]:
        """That many channels for exchanges at the same time, or as many as sshd opens beside each other (MaxSessions).

        Whoever gets them closes them. Raises ConnectError.
        """
        try:
            opened = [self._open_channel()]
            with suppress(paramiko.ChannelException):
                while len(opened) < count:
                    opened.append(self._chain[-1].transport.open_session(timeout=_OPEN_SECONDS))
        except (paramiko.SSHException, OSError, EOFError, IndexError) as error:
            raise self._lost(error) from error
        return opened

    def open_forward(self, address: str, port: int, seconds: float) -> paramiko.Channel:
        """Open a channel to a port as the host sees it. Raises paramiko's errors; ``lost`` says what they mean."""
        transport: paramiko.Transport = self._chain[-1].transport
        channel = transport.open_channel("direct-tcpip", (address, port), ("127.0.0.1", 0), timeout=seconds)
        self.traffic.forwards += 1
        return channel

    def lost(self, error: Exception | None = None) -> ConnectError | None:
        """What to raise if the connection to the host is lost; None while it works."""
        return None if self._chain[-1].is_connected else self._lost(error)

    def _stalled(self, error: StalledError) -> ConnectError:
        what = "a command on the host has stalled" if error.begun else "the host did not start kprov's script"
        hint = (
            "find the process that hangs there (it may be waiting for a network file system), then run the same "
            "command again"
            if error.begun
            else f"'ssh {self.login.name} /bin/sh -c id' must print the user; a login script or sudo may be hanging"
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
            hint="run the same command again to continue",
        )


def lines_of(calls: Iterable[Call]) -> list[str]:
    """The calls as lines of shell text."""
    return [shlex.join(call) for call in calls]


def beside_each_other(groups: Sequence[Sequence[Call]]) -> list[str]:
    """Lines that run groups of calls at the same time: a pipe keeps the answers of each until its turn comes."""
    first, *others = groups
    if not others:
        return lines_of(first)
    lines: list[str] = []
    for group in reversed(others):
        lines += ["{", "{", *lines_of(group), "} </dev/null", *(["cat"] if lines else []), "} |"]
    return [*lines, "{", "{", *lines_of(first), "} </dev/null", "cat", "}"]


def _library() -> str:
    return files("kprov.host").joinpath("library.sh").read_text(encoding="utf-8")


def _close(connection: fabric.Connection | None, wire: Wire | None) -> str:
    """Close a connection that is not fully open; return what ProxyCommand wrote to standard error.

    Close the transport first: its thread reads from the wire and would report an error if the wire closed before it.
    """
    transport = connection.client.get_transport() if connection is not None else None
    if transport is not None:
        transport.packetizer.complete_handshake()  # stops its timer, which would keep the process alive
        transport.close()
    if wire is None:
        return ""
    wire.close()
    return wire.complaint


def _connect_error(login: Login, error: Exception, waiting: Waiting, complaint: str = "") -> ConnectError:
    """The error for a failed connection, with how to fix it.

    waiting: the wait for this hop. complaint: what ProxyCommand wrote to standard error.
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
    if isinstance(error, socket.gaierror | UnicodeError):  # UnicodeError: a label of the name is empty or too long
        return ConnectError(
            f"the host name {login.hostname} cannot be resolved",
            where=where,
            cause=getattr(error, "strerror", None) or str(error),
            hint="check the spelling, /etc/hosts and DNS; an alias must be defined in ssh_config",
        )
    if isinstance(error, TimeoutError):
        return ConnectError(
            f"{address} did not answer within {login.connect_timeout:.0f} s",
            where=where,
            hint=f"check that the host is up and that no firewall blocks port {login.port}",
        )
    if waiting.was_slow and not isinstance(error, ConnectionAbortedError):
        return ConnectError(
            f"{address} did not answer",
            where=where,
            cause=f"no answer for {waiting.seconds:.0f} s; {SLOW_REASON}",
            hint=SLOW_HINT,
        )
    if isinstance(error, paramiko.ssh_exception.IncompatiblePeer):
        return ConnectError(
            f"{address} and kprov have no SSH algorithms in common",
            where=where,
            cause=str(error),
            hint="allow current algorithms in its sshd_config; kprov supports curve25519-sha256, aes256-ctr, "
            "hmac-sha2-256 and ed25519 host keys, among others",
        )
    cause = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return ConnectError(
        f"{address} cannot be reached", where=where, cause=cause, hint="check that sshd is running there"
    )
