"""Every exchange has a time limit, whenever the host stops answering."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

import paramiko
import pytest

from kprov.host.become import READY, Become
from kprov.host.exchange import Exchange, NotLetInError, Patience, StalledError
from kprov.secret import Secret

SOON = Patience(start=0.3, silent=0.3)
STARTED = b"@kprov\tstarted\n"


class Channel:
    """A channel of a host that sends some bytes, and then neither continues nor ends.

    accepts: whether it takes terminals and commands. window: how many bytes it takes before it takes none.
    """

    def __init__(
        self, *answers: bytes, errors: bytes = b"", accepts: bool = True, window: int = 1 << 30, pause: float = 0.0
    ) -> None:
        self._answers = list(answers)
        self._errors = [errors] if errors else []
        self._accepts = accepts
        self._window = window
        self._pause = pause
        self._closed = threading.Event()
        self.status_event = self._closed

    def _request(self) -> None:
        if not self._accepts:
            self._closed.wait()
            raise paramiko.SSHException("Channel closed.")

    def get_pty(self, term: str) -> None:
        self._request()

    def exec_command(self, command: str) -> None:
        self._request()

    def recv(self, size: int) -> bytes:
        return self._next(self._answers)

    def recv_stderr(self, size: int) -> bytes:
        return self._next(self._errors)

    def _next(self, parts: list[bytes]) -> bytes:
        if parts:
            self._closed.wait(self._pause)
            return parts.pop(0)
        self._closed.wait()
        return b""

    def sendall(self, data: bytes) -> None:
        self._window -= len(data)
        if self._window < 0:
            self._closed.wait()
            raise OSError("Socket is closed")

    def shutdown_write(self) -> None:
        pass

    def exit_status_ready(self) -> bool:
        return False

    def get_transport(self) -> SimpleNamespace:
        return SimpleNamespace(is_active=lambda: True)

    def close(self) -> None:
        self._closed.set()


def run(channel: Channel, become: Become | None = None, *, hold: bool = False) -> None:
    exchange = Exchange(cast(paramiko.Channel, channel), become or Become(), hold=hold, patience=SOON)
    exchange.run(b"script", [b"payload"], None)


SUDO = Become(sudo=True, asks=True, password=Secret("word"), prompt="[?]")
TERMINAL = Become(sudo=True, asks=True, tty=True, password=Secret("word"), prompt="[?]")


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    ("channel", "become", "begun"),
    [
        (Channel(accepts=False), Become(), False),
        (Channel(accepts=False), SUDO, False),
        (Channel(accepts=False), TERMINAL, False),
        (Channel(), Become(), False),
        (Channel(b"a banner\n"), Become(), False),
        (Channel(window=3), Become(), False),
        (Channel(), SUDO, False),
        (Channel(errors=b"[?]"), SUDO, False),
        (Channel(b"[?]"), TERMINAL, False),
        (Channel(READY.encode()), SUDO, False),
        (Channel(READY.encode()), TERMINAL, False),
        (Channel(STARTED), Become(), True),
        (Channel(STARTED, window=8), Become(), True),
        (Channel(READY.encode(), STARTED), TERMINAL, True),
    ],
)
def test_a_host_that_stops_answering_ends_the_exchange(channel: Channel, become: Become, begun: bool) -> None:
    with pytest.raises(StalledError) as caught:
        run(channel, become)
    assert (caught.value.begun, caught.value.seconds) == (begun, 0.3)


@pytest.mark.timeout(10)
def test_sudo_that_asks_for_something_else_is_quoted() -> None:
    with pytest.raises(NotLetInError, match="Verification code:"):
        run(Channel(errors=b"[?]\nVerification code: "), SUDO)


@pytest.mark.timeout(10)
def test_output_that_arrives_slowly_is_waited_for() -> None:
    lines = [b"noise\n"] * 6
    begun = time.monotonic()
    with pytest.raises(StalledError):
        run(Channel(STARTED, *lines, pause=0.15))
    assert time.monotonic() - begun > 0.15 * 7


@pytest.mark.timeout(10)
def test_payload_that_is_taken_slowly_is_waited_for() -> None:
    def payload() -> Iterator[bytes]:
        for _ in range(6):
            time.sleep(0.15)
            yield b"x"

    begun = time.monotonic()
    with pytest.raises(StalledError):
        Exchange(cast(paramiko.Channel, Channel(STARTED)), Become(), patience=SOON).run(b"", payload(), None)
    assert time.monotonic() - begun > 0.15 * 6


@pytest.mark.timeout(10)
def test_followed_output_may_be_silent() -> None:
    channel = Channel(STARTED)
    threading.Timer(3 * SOON.silent, channel.close).start()
    run(channel, hold=True)
