"""One SSH connection to one host, and exchanges over it.

An exchange is one channel: the remote library, calls of its functions and, after them, any payload go in on
standard input; records come out. The command line of the channel is the same short text for every login
shell, and nothing secret or of ours is ever on it.
"""

from __future__ import annotations

import shlex
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.resources import files
from types import TracebackType
from typing import Any

import fabric
import paramiko
from invoke.exceptions import ThreadException

from kprov.errors import ConnectError, KprovError
from kprov.host.answers import Record, parse
from kprov.host.ssh_config import Login
from kprov.host.trust import Trust, changed_key, prepare

Call = Sequence[str]

_CHUNK = 32768  # paramiko's window works in packets of this size
_DEAD_PEER_SECONDS = 30
_STDERR_KEPT = 8192


@dataclass
class Traffic:
    """How often the host was spoken to: a second run is held to a small number."""

    connections: int = 0
    exchanges: int = 0
    sent: int = 0


@dataclass(frozen=True)
class Reply:
    """What came back: the records in order, and the tail of what was written to standard error."""

    records: tuple[Record, ...]
    errors: str
    status: int

    def of_kind(self, kind: str) -> list[Record]:
        return [record for record in self.records if record.kind == kind]


@dataclass
class Connection:
    """A host that is logged in to, with root's rights. Use it as a context manager.

    run: the id of the run that it serves, for the host's journal. Not for several threads. Raises ConnectError where
    the host cannot be reached, the login is refused, root's rights are not to be had, or the connection is lost.
    """

    login: Login
    trust: Trust = field(default_factory=Trust)
    run: str = ""
    traffic: Traffic = field(default_factory=Traffic)
    session: str = ""
    _chain: list[fabric.Connection] = field(default_factory=list)
    _become: str = ""

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
        while self._chain:
            with suppress(Exception):
                self._chain.pop().close()

    # -------------------------------------------------------------- opening

    def _open(self) -> None:
        gateway: Any = self.login.proxy_command
        for hop in (*self.login.jumps, self.login):
            gateway = self._open_hop(hop, gateway)
        self.traffic.connections += 1

    def _open_hop(self, hop: Login, gateway: Any) -> fabric.Connection:
        connection = fabric.Connection(
            hop.hostname,
            user=hop.user,
            port=hop.port,
            gateway=gateway,
            connect_timeout=hop.connect_timeout,
            # A lazy configuration reads none of fabric's own files: a user's settings for other tools stay out.
            config=fabric.Config(lazy=True),
            connect_kwargs={
                "key_filename": [str(path) for path in hop.identities],
                "look_for_keys": not hop.identities_only,
                "allow_agent": not hop.identities_only or not hop.identities,
                "banner_timeout": hop.connect_timeout,
                "auth_timeout": 2 * hop.connect_timeout,
                "channel_timeout": hop.connect_timeout,
            },
        )
        prepare(connection.client, hop, self.trust)
        self._chain.append(connection)
        try:
            connection.open()
        except KprovError:
            raise
        except paramiko.BadHostKeyException as error:
            raise changed_key(hop, error) from None
        except (paramiko.SSHException, OSError, EOFError, ThreadException, UnicodeError) as error:
            raise _connect_error(hop, error) from error
        transport = connection.transport
        transport.set_keepalive(_DEAD_PEER_SECONDS // 3)
        if isinstance(transport.sock, socket.socket):
            # Keepalives are sent and not waited for; this makes the kernel notice that none is acknowledged.
            with suppress(OSError):
                transport.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _DEAD_PEER_SECONDS * 1000)
        return connection

    def _become_root(self) -> None:
        reply = self.exchange([["probe_login"]])
        answers = reply.of_kind("login")
        if not answers:
            raise ConnectError(
                "the login shell did not run a command",
                where=self.login.name,
                cause=reply.errors.strip(),
                hint=f"'ssh {self.login.name} /bin/sh -c id' must work and print the user",
            )
        answer = answers[0]
        self.session = answer["session"]
        if answer["sudo"] == "free":
            self._become = "sudo -n -H "
        elif answer["sudo"] != "root":
            missing = answer["sudo"] == "missing"
            raise ConnectError(
                f"{answer['user']} is not root and {'there is no sudo' if missing else 'sudo asks for a password'}",
                where=self.login.name,
                cause=answer["said"].strip(),
                hint=f"log in as root@{self.login.name}, or {'install sudo and ' if missing else ''}allow it: "
                f"'{answer['user']} ALL=(ALL) NOPASSWD: ALL' in /etc/sudoers.d/{answer['user']}",
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
        return self._exchange(calls, payload, on_record, follow=False)

    def follow(self, calls: Iterable[Call], on_record: Callable[[Record], None]) -> None:
        """Run functions that go on until their standard input ends, which is when this is left or the host goes away.

        on_record: called with each record as it arrives; none is kept.
        """
        self._exchange(calls, (), on_record, follow=True)

    def _exchange(
        self,
        calls: Iterable[Call],
        payload: Iterable[bytes],
        on_record: Callable[[Record], None] | None,
        *,
        follow: bool,
    ) -> Reply:
        script = (_library() + "\n" + "\n".join(shlex.join(call) for call in calls) + "\n").encode()
        # `head -c` takes exactly that many bytes: what follows is left for the functions.
        command = f"{self._become}/bin/sh -c 'eval \"$(head -c {len(script)})\"'"
        try:
            channel = self._chain[-1].transport.open_session(timeout=_DEAD_PEER_SECONDS)
            channel.exec_command(command)
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise self._lost(error) from error
        self.traffic.exchanges += 1
        try:
            return self._converse(channel, _Feeder(channel, script, payload, hold=follow), on_record, keep=not follow)
        finally:
            channel.close()

    def _converse(
        self,
        channel: paramiko.Channel,
        feeder: _Feeder,
        on_record: Callable[[Record], None] | None,
        *,
        keep: bool,
    ) -> Reply:
        errors = _Tail(channel)
        feeder.start()
        errors.start()
        records = []
        try:
            for line in _lines(channel):
                if (record := parse(line)) is not None:
                    if keep:
                        records.append(record)
                    if on_record is not None:
                        on_record(record)
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise self._lost(error) from error
        finally:
            feeder.cancel()
        errors.join(timeout=5)
        feeder.join(timeout=5)
        self.traffic.sent += feeder.sent
        if feeder.failure is not None:
            raise feeder.failure
        # sshd may send the end of output before the exit status; both events follow a death of the transport.
        channel.status_event.wait(_DEAD_PEER_SECONDS)
        if not self._chain[-1].transport.is_active():
            raise self._lost(None)
        return Reply(tuple(records), errors.text, channel.recv_exit_status() if channel.exit_status_ready() else -1)

    def _lost(self, error: Exception | None) -> ConnectError:
        return ConnectError(
            "the connection was lost",
            where=self.login.name,
            cause=str(error) if error and str(error) else "",
            hint="run the same command again: it goes on from where the host is",
        )


def _library() -> str:
    return files("kprov.host").joinpath("library.sh").read_text(encoding="utf-8")


def _lines(channel: paramiko.Channel) -> Iterator[str]:
    rest = b""
    while chunk := channel.recv(_CHUNK):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line.decode("utf-8", "replace")
    if rest:
        yield rest.decode("utf-8", "replace")


class _Feeder(threading.Thread):
    """Sends standard input while the main thread reads the answers; ``hold`` leaves it open."""

    def __init__(self, channel: paramiko.Channel, script: bytes, payload: Iterable[bytes], *, hold: bool) -> None:
        super().__init__(name="feeder", daemon=True)
        self._hold = hold
        self._channel = channel
        self._chunks = _chain(script, payload)
        self._cancelled = False
        self.sent = 0
        self.failure: KprovError | None = None

    def run(self) -> None:
        try:
            for chunk in self._chunks:
                if self._cancelled:
                    return
                self._channel.sendall(chunk)
                self.sent += len(chunk)
            if not self._hold:
                self._channel.shutdown_write()
        except KprovError as error:  # the archive could not be read
            self.failure = error
            self._channel.close()
        except (OSError, EOFError, paramiko.SSHException):
            pass  # the other side went away: the reader says so

    def cancel(self) -> None:
        self._cancelled = True


def _chain(script: bytes, payload: Iterable[bytes]) -> Iterator[bytes]:
    yield script
    yield from payload


class _Tail(threading.Thread):
    """Keeps the end of standard error; unread it would fill the window and stop the command."""

    def __init__(self, channel: paramiko.Channel) -> None:
        super().__init__(name="stderr", daemon=True)
        self._channel = channel
        self._kept = b""

    def run(self) -> None:
        with suppress(OSError, EOFError, paramiko.SSHException):
            while chunk := self._channel.recv_stderr(_CHUNK):
                self._kept = (self._kept + chunk)[-_STDERR_KEPT:]

    @property
    def text(self) -> str:
        return self._kept.decode("utf-8", "replace")


def _connect_error(login: Login, error: Exception) -> ConnectError:
    """What went wrong while connecting, in the user's words, with what to do."""
    where = login.name
    address = f"{login.hostname} port {login.port}"
    if isinstance(error, socket.gaierror | UnicodeError):  # no label of a name may be empty or have 64 characters
        return ConnectError(
            f"there is no host {login.hostname}",
            where=where,
            cause=getattr(error, "strerror", None) or str(error),
            hint="check the spelling, /etc/hosts and DNS; an alias must stand in ssh_config",
        )
    if isinstance(error, paramiko.PasswordRequiredException):
        return ConnectError(
            "a private key is encrypted",
            where=where,
            cause=str(error),
            hint="add it to the agent: ssh-add, or name another key with -i FILE",
        )
    if isinstance(error, paramiko.AuthenticationException):
        tried = ", ".join(str(path) for path in login.identities) or "the agent's and the default keys"
        return ConnectError(
            f"the login as {login.user} was refused",
            where=where,
            cause=f"tried {tried}: {error}",
            hint=f"name the right key with -i FILE, or the right user as USER@{login.name}; "
            f"'ssh-copy-id {login.user}@{login.name}' puts your key there",
        )
    if isinstance(error, TimeoutError):
        return ConnectError(
            f"{address} does not answer within {login.connect_timeout:.0f} s",
            where=where,
            hint=f"is the host up, and does a firewall let port {login.port} through?",
        )
    # paramiko gathers the failures by address; the first tells what happened.
    first = next(iter(getattr(error, "errors", {}).values()), error)
    cause = getattr(first, "strerror", None) or str(first) or type(first).__name__
    return ConnectError(f"{address} cannot be reached", where=where, cause=cause, hint="is sshd running there?")
