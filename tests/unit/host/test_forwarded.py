"""Questions through a channel to a service's own port: what each way of not answering means."""

from __future__ import annotations

import base64
from types import SimpleNamespace
from typing import Any

import paramiko
import pytest

from kprov.errors import ConnectError
from kprov.host.answers import Record
from kprov.host.connection import Reply
from kprov.host.forwarded import ForwardingForbiddenError, UnansweredError, ask
from kprov.queries import four_letter_word, metadata

ANSWER = b"Mode: standalone\n"


class Channel:
    """Gives out chunks, and then raises or ends. sent: what it was sent."""

    def __init__(self, *chunks: bytes | Exception) -> None:
        self.chunks = list(chunks)
        self.sent = b""
        self.closed = False

    def settimeout(self, _seconds: float) -> None: ...

    def sendall(self, data: bytes) -> None:
        self.sent += data

    def recv(self, _size: int) -> bytes:
        chunk = self.chunks.pop(0) if self.chunks else b""
        if isinstance(chunk, Exception):
            raise chunk
        return chunk

    def close(self) -> None:
        self.closed = True


def connection(channel: Channel | Exception, lost: bool = False, bash: dict[str, str] | None = None) -> Any:
    """bash: what it answers if sshd does not forward; None if there is none."""

    def open_forward(address: str, port: int, seconds: float) -> Channel:
        assert (address, port, seconds) == ("box", 2181, 3)
        if isinstance(channel, Exception):
            raise channel
        return channel

    error = ConnectError("the connection was lost", hint="run the same command again to continue")

    def exchange(calls: Any, beside: Any = ()) -> Reply:
        assert calls == [("ask_service", "answer", "box", "2181", "3", "stream", "c3J2cg==")]
        return Reply((Record("seen", {"id": "answer", **(bash or {"status": "unknown", "why": "no bash"})}),), "", 0)

    return SimpleNamespace(
        open_forward=open_forward, lost=lambda _error=None: error if lost else None, exchange=exchange, forwards=True
    )


def test_an_answer_in_pieces() -> None:
    channel = Channel(ANSWER[:3], ANSWER[3:])
    assert ask(connection(channel), "box", 2181, four_letter_word("srvr"), seconds=3) == ANSWER.decode()
    assert channel.sent == b"srvr"
    assert channel.closed


@pytest.mark.parametrize(
    ("channel", "said"),
    [
        (paramiko.ChannelException(2, "Connection refused"), "nothing accepts connections at box port 2181"),
        (paramiko.SSHException("Timeout opening channel."), "the connection to the service broke: Timeout opening"),
        (Channel(TimeoutError()), "no answer within 3 s"),
        (Channel(b"Mo", ConnectionResetError("reset")), "the connection to the service broke: reset"),
        (Channel(), "it closed the connection without an answer"),
    ],
)
def test_a_service_that_does_not_answer(channel: Channel | Exception, said: str) -> None:
    with pytest.raises(UnansweredError, match=said):
        ask(connection(channel), "box", 2181, four_letter_word("srvr"), seconds=3)


def test_an_answer_of_something_else() -> None:
    with pytest.raises(UnansweredError, match="is not Kafka's"):
        ask(connection(Channel(b"HTTP/1.1 400")), "box", 2181, metadata(), seconds=3)


@pytest.mark.parametrize("code", [1, 3, 4])  # prohibited, unknown type, no resources
def test_an_sshd_that_does_not_forward(code: int) -> None:
    """The host's bash asks from then on; without one, the caller has to find another way."""
    refused = paramiko.ChannelException(code, "no")
    with pytest.raises(ForwardingForbiddenError):
        ask(connection(refused), "box", 2181, four_letter_word("srvr"), seconds=3)
    answering = connection(refused, bash={"status": "present", "answer": base64.b64encode(ANSWER).decode()})
    for _ in range(2):
        assert ask(answering, "box", 2181, four_letter_word("srvr"), seconds=3) == ANSWER.decode()
        answering.open_forward = None  # it is not tried again
    with pytest.raises(UnansweredError, match="no answer from box port 2181 within 3 s"):
        ask(connection(refused, bash={"status": "present"}), "box", 2181, four_letter_word("srvr"), seconds=3)


@pytest.mark.parametrize("channel", [paramiko.SSHException("not active"), Channel(b"HTTP"), Channel()])
def test_a_connection_that_is_lost_meanwhile(channel: Channel | Exception) -> None:
    """It says nothing about the service."""
    with pytest.raises(ConnectError, match="the connection was lost"):
        ask(connection(channel, lost=True), "box", 2181, metadata(), seconds=3)
