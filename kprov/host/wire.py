"""The byte stream to a host: a TCP connection or a ProxyCommand, and how kprov notices that the host is gone."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from typing import IO, Any

from paramiko import SSHException, Transport

from kprov.host.ssh_config import Login
from kprov.host.waiting import Waiting

_LONGEST_INTERVAL, _MOST_KEEPALIVES = 32767, 127  # tcp(7)
_FAMILIES = {"any": socket.AF_UNSPEC, "inet": socket.AF_INET, "inet6": socket.AF_INET6}
# Ctrl-C must not end the ProxyCommand: kprov still needs it to release the host's lock.
_UNINTERRUPTED = 'trap "" INT; exec "$0" -c "$1"'


class Wire:
    """A socket or channel for paramiko that records when it last received data.

    paramiko does not wait for answers to its own keepalives, so it does not notice a host that is gone.
    complaint: what a ProxyCommand wrote to standard error; set when the wire is closed.
    """

    def __init__(self, line: Any, proxy: subprocess.Popen[bytes] | None = None, said: IO[bytes] | None = None) -> None:
        self._line = line
        self._proxy = proxy
        self._said = said
        self._closed = False  # paramiko reads this attribute of a socket
        self.heard = time.monotonic()
        self.complaint = ""

    def recv(self, size: int) -> bytes:
        try:
            data: bytes = self._line.recv(size)
        except TimeoutError as error:
            if error.errno != errno.ETIMEDOUT:
                raise
            # The kernel gave up. paramiko would mistake a TimeoutError for its own short timeout and continue.
            raise ConnectionAbortedError(errno.ETIMEDOUT, "the host stopped responding") from None
        self.heard = time.monotonic()
        return data

    def send(self, data: bytes) -> int:
        sent: int = self._line.send(data)
        return sent

    def settimeout(self, seconds: float | None) -> None:
        self._line.settimeout(seconds)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._line.close()
        if self._proxy is not None and self._said is not None:
            with suppress(subprocess.TimeoutExpired):
                self._proxy.wait(2)  # it ends when its input does
            self._proxy.kill()
            self._proxy.wait()
            self._said.seek(0)
            self.complaint = self._said.read().decode("utf-8", "replace").strip()
            self._said.close()


def dial(login: Login) -> Wire:
    """Open a TCP connection to the first address that answers. Raises OSError, for instance TimeoutError."""
    failure: OSError | None = None
    addresses = socket.getaddrinfo(login.hostname, login.port, _FAMILIES[login.address_family], socket.SOCK_STREAM)
    for family, kind, protocol, _, address in addresses:
        line = socket.socket(family, kind, protocol)
        try:
            line.settimeout(login.connect_timeout)
            if login.bind_address:
                line.bind((login.bind_address, 0))
            line.connect(address)
            # Small packets of an exchange must not be delayed by Nagle's algorithm (paramiko#2438).
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _keep_alive(line, login)
            return Wire(line)
        except OSError as error:
            line.close()
            failure = failure or error
    raise failure or OSError("the name has no address")


def _keep_alive(line: socket.socket, login: Login) -> None:
    """Let the kernel notice a silent host shortly after Watch would; Watch runs only after the login.

    Keepalives cover an idle connection, TCP_USER_TIMEOUT data that is not acknowledged.
    """
    seconds = max(1, min(int(login.alive_interval), _LONGEST_INTERVAL))
    line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        (socket.TCP_KEEPIDLE, seconds),
        (socket.TCP_KEEPINTVL, seconds),
        (socket.TCP_KEEPCNT, min(login.alive_count + 3, _MOST_KEEPALIVES)),
        (socket.TCP_USER_TIMEOUT, seconds * (login.alive_count + 4) * 1000),
    ):
        line.setsockopt(socket.IPPROTO_TCP, option, value)


def start_proxy(command: str) -> Wire:
    """Start a ProxyCommand as ssh does: in the user's shell, connected through standard input and output."""
    ours, theirs = socket.socketpair()
    shell = os.environ.get("SHELL") or "/bin/sh"
    said = tempfile.TemporaryFile()  # noqa: SIM115 (it is closed with the wire)
    with theirs:
        proxy = subprocess.Popen(
            ["/bin/sh", "-c", _UNINTERRUPTED, shell, f"exec {command}"],
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=said,
        )
    return Wire(ours, proxy, said)


class PatientTransport(Transport):
    """A transport that reports a slow handshake and fails if the handshake does not complete."""

    def __init__(self, sock: Any, waiting: Waiting, **options: Any) -> None:
        super().__init__(sock, **options)
        self._waiting = waiting

    def start_client(self, event: threading.Event | None = None, timeout: float | None = None) -> None:
        with self._waiting.for_answer("sshd to answer"):
            super().start_client(event, timeout)
        if event is None and not self.initial_kex_done:
            raise SSHException("the handshake did not complete")


class Watch(threading.Thread):
    """Ends a connection whose host does not answer any more.

    After ``interval`` seconds without data it sends a keepalive, as ssh does with ServerAliveInterval. After ``count``
    unanswered ones it closes the transport. So a silent host is noticed within ``interval * (count + 2)`` seconds.
    """

    def __init__(self, transport: Transport, wire: Wire, interval: float, count: int) -> None:
        super().__init__(name="watch", daemon=True)
        self._transport = transport
        self._wire = wire
        self._interval = interval
        self._count = count
        self._over = threading.Event()
        self.silent_for = 0.0

    def run(self) -> None:
        unanswered = 0
        asking: threading.Thread | None = None
        checked = time.monotonic()
        while not self._over.wait(self._interval) and self._transport.is_active():
            heard, checked = self._wire.heard >= checked, time.monotonic()
            unanswered = 0 if heard else unanswered + 1
            if unanswered > self._count:
                self.silent_for = checked - self._wire.heard
                self._transport.close()
                return
            if asking is None or not asking.is_alive():
                asking = threading.Thread(target=self._ask, name="keepalive", daemon=True)
                asking.start()

    def stop(self) -> None:
        self._over.set()

    def _ask(self) -> None:
        # A host that does not support the request says so, which is an answer as well.
        with suppress(SSHException, OSError, EOFError):
            self._transport.global_request("keepalive@openssh.com", wait=True)
