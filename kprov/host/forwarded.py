"""Puts a question to a service on the host, through a channel of the SSH connection to the service's own port.

The host connects to its own service, as its own programs would; no port is opened and no program is started for it.
Where sshd forbids forwarding, the host's bash connects; where there is none, callers fall back on the service's own
tools, which start a JVM.
"""

from __future__ import annotations

import base64
import time
from contextlib import closing
from typing import TypeVar

import paramiko

from kprov.host.connection import Connection
from kprov.host.facts import probe
from kprov.queries import GarbledError, Query

T = TypeVar("T")

_CHUNK = 65536
# RFC 4254, 5.1. Only a failed connection says anything about the service; all other codes are about forwarding.
_CONNECT_FAILED = 2


class ForwardingForbiddenError(Exception):
    """sshd does not forward, and there is no bash to ask instead."""


class UnansweredError(Exception):
    """The service did not answer, or not with an answer to the question; its text says how."""


def ask(connection: Connection, address: str, port: int, query: Query[T], *, seconds: float) -> T:
    """The answer of the service that listens at ``address`` and ``port``, as seen from the host.

    seconds: how long it may take. Raises ForwardingForbiddenError, UnansweredError, and ConnectError if the connection
    to the host is lost.
    """
    try:
        data = _asked(connection, address, port, query, seconds)
    except paramiko.ChannelException:
        raise UnansweredError(f"nothing accepts connections at {address} port {port}") from None
    except TimeoutError:
        raise UnansweredError(f"no answer within {seconds:.0f} s") from None
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise connection.lost(error) or UnansweredError(f"the connection to the service broke: {error}") from None
    if not data:
        raise connection.lost() or UnansweredError("it closed the connection without an answer")
    try:
        return query.read(data)
    except GarbledError as error:
        raise connection.lost() or UnansweredError(str(error)) from None


def _asked(connection: Connection, address: str, port: int, query: Query[T], seconds: float) -> bytes:
    """The bytes of the answer. Raises ForwardingForbiddenError and what ``_converse`` raises."""
    if connection.forwards:
        try:
            return _converse(connection, address, port, query, seconds)
        except paramiko.ChannelException as error:
            if error.code == _CONNECT_FAILED:
                raise
            connection.forwards = False
    return _asked_by_bash(connection, address, port, query, seconds)


def _asked_by_bash(connection: Connection, address: str, port: int, query: Query[T], seconds: float) -> bytes:
    ends = "frame" if query.framed else "stream"
    question = base64.b64encode(query.request).decode()
    call = ("ask_service", "answer", address, str(port), str(max(1, round(seconds))), ends, question)
    answer = probe(connection, [call])["answer"]
    if answer["status"] != "present":
        raise ForwardingForbiddenError(answer.get("why", ""))
    data = base64.b64decode(answer.get("answer", ""))
    if not data:
        raise UnansweredError(f"no answer from {address} port {port} within {seconds:.0f} s")
    return data


def _converse(connection: Connection, address: str, port: int, query: Query[T], seconds: float) -> bytes:
    deadline = time.monotonic() + seconds
    data = b""
    with closing(connection.open_forward(address, port, seconds)) as channel:
        channel.settimeout(seconds)
        channel.sendall(query.request)
        while not query.whole(data):
            channel.settimeout(max(0.01, deadline - time.monotonic()))
            chunk = channel.recv(_CHUNK)
            if not chunk:
                break
            data += chunk
    return data
