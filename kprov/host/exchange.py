"""One exchange: send a script and its payload on a channel, and read the records that come back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import paramiko

from kprov.errors import KprovError
from kprov.host.answers import Record, parse
from kprov.host.become import READY, Become, Conversation

_CHUNK = 32768  # the size of paramiko's packets
_STATUS_SECONDS = 30
_STDERR_KEPT = 8192


# The first line of the script that prints something.
STARTED = "say started"


@dataclass(frozen=True)
class Patience:
    """How many seconds an exchange may last without a byte in either direction.

    start: until the script runs; login shells, PAM modules and name look-ups take time. silent: afterwards; the longest
    silent calls are a controlled shutdown (TimeoutStopSec) and the removal of data.
    """

    start: float = 60.0
    silent: float = 1800.0


@dataclass(frozen=True)
class Reply:
    """The result of an exchange: the records in order, the end of standard error, and the exit status."""

    records: tuple[Record, ...]
    errors: str
    status: int

    def of_kind(self, kind: str) -> list[Record]:
        return [record for record in self.records if record.kind == kind]


class NotLetInError(Exception):
    """sudo did not run the script; ``talk`` is the dialogue with it."""

    def __init__(self, talk: Conversation) -> None:
        super().__init__(talk.cause)
        self.talk = talk


class StalledError(Exception):
    """An exchange made no progress for ``seconds`` although the connection works. begun: the script was running."""

    def __init__(self, seconds: float, *, begun: bool) -> None:
        super().__init__(f"no progress for {seconds:.0f} s")
        self.seconds = seconds
        self.begun = begun


class Exchange:
    """Runs one script on a new, unused channel.

    hold: keep standard input open, keep no records, and allow unlimited silence. sent, received: bytes so far.
    """

    def __init__(
        self, channel: paramiko.Channel, become: Become, *, hold: bool = False, patience: Patience | None = None
    ) -> None:
        self._patience = patience or Patience()
        self._bound = _Bound(channel, self._patience.start)
        self._hold = hold
        self._channel = channel
        self._become = become
        self._talk = Conversation(become, channel.sendall, channel.close) if become.asks else None
        hear = self._talk.hear if self._talk else None
        # On a terminal, both streams and sudo's prompt arrive as one.
        self._tail = _Tail(channel, self._bound, None if become.tty else hear)
        self._hear = hear if become.tty else None
        self._feeder: _Feeder | None = None
        self._left: int | None = None
        self._begun = False
        self.received = 0

    @property
    def sent(self) -> int:
        return self._feeder.sent if self._feeder else 0

    def run(self, script: bytes, payload: Iterable[bytes], on_record: Callable[[Record], None] | None) -> Reply:
        """Send the script and the payload, and collect the answers.

        Raises NotLetInError if sudo does not run the script, StalledError if nothing moves any more, and what the
        payload or, for a lost connection, paramiko raises.
        """
        talk = self._talk
        feeder = self._feeder = _Feeder(self._channel, self._become, script, payload, self._bound, hold=self._hold)
        self._bound.start()
        try:
            records = self._converse(feeder, len(script), on_record)
        except (paramiko.SSHException, OSError, EOFError):
            if not self._bound.expired:
                raise
            records = []
        finally:
            feeder.cancel()
            self._bound.stop()
        if talk is not None and not talk.ready:
            if self._tail.is_alive():  # it was not started if the channel refused the command
                self._tail.join(timeout=5)
            if talk.cause or not self._bound.expired:
                raise NotLetInError(talk)
        if self._bound.expired:
            raise StalledError(self._bound.seconds, begun=self._begun)
        return self._reply(feeder, records)

    def _converse(self, feeder: _Feeder, length: int, on_record: Callable[[Record], None] | None) -> list[Record]:
        if self._become.tty:
            self._take_terminal()
        self._channel.exec_command(self._become.command(length))
        self._tail.start()
        if self._talk is None:
            feeder.start()
        return self._listen(feeder, on_record)

    def _reply(self, feeder: _Feeder, records: list[Record]) -> Reply:
        channel = self._channel
        if self._become.tty:
            channel.close()
        self._tail.join(timeout=5)
        feeder.join(timeout=5)
        if feeder.failure is not None:
            raise feeder.failure
        # sshd may send end of file before the exit status; the event is also set when the transport dies.
        channel.status_event.wait(_STATUS_SECONDS)
        status = channel.recv_exit_status() if channel.exit_status_ready() else -1
        return Reply(tuple(records), self._tail.text.rpartition(READY)[2], status if self._left is None else self._left)

    def _take_terminal(self) -> None:
        try:
            self._channel.get_pty("dumb")
        except paramiko.SSHException:
            if self._talk is None or self._bound.expired or not self._channel.get_transport().is_active():
                raise
            self._talk.said = "sudoers demands a terminal (requiretty), and sshd gives none (PermitTTY)"
            raise NotLetInError(self._talk) from None

    def _listen(self, feeder: _Feeder, on_record: Callable[[Record], None] | None) -> list[Record]:
        talk, records = self._talk, []
        for line in self._lines():
            record = parse(line)
            if record is None:
                if self._become.tty and talk is not None and talk.ready:
                    self._tail.keep(f"{line}\n".encode())
            elif talk is not None and record.kind == "ready":
                if not talk.ready:
                    talk.ready = True
                    feeder.start()
            elif record.kind == "started" and not self._begun:
                self._begun = True
                self._bound.allow(None if self._hold else self._patience.silent)
            elif talk is not None and record.kind == "left":
                self._left = record.number("status")
                break
            else:
                if not self._hold:
                    records.append(record)
                if on_record is not None:
                    on_record(record)
        return records

    def _lines(self) -> Iterator[str]:
        rest = b""
        while chunk := self._channel.recv(_CHUNK):
            self._bound.heard()
            self.received += len(chunk)
            if self._hear is not None:
                self._hear(chunk.decode("utf-8", "replace"))
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                yield line.decode("utf-8", "replace")
        if rest:
            yield rest.decode("utf-8", "replace")


class _Bound(threading.Thread):
    """Closes the channel, which ends every wait on it, after ``seconds`` without traffic; None: never."""

    def __init__(self, channel: paramiko.Channel, seconds: float) -> None:
        super().__init__(name="bound", daemon=True)
        self._channel = channel
        self._changed = threading.Condition()
        self._last = time.monotonic()
        self._limit: float | None = seconds
        self._over = False
        self.expired = False

    @property
    def seconds(self) -> float:
        return self._limit or 0.0

    def heard(self) -> None:
        self._last = time.monotonic()

    def allow(self, seconds: float | None) -> None:
        """Set a new limit, which counts from now."""
        with self._changed:
            self._limit = seconds
            self.heard()
            self._changed.notify()

    def stop(self) -> None:
        with self._changed:
            self._over = True
            self._changed.notify()

    def run(self) -> None:
        with self._changed:
            while not self._over:
                left = None if self._limit is None else self._last + self._limit - time.monotonic()
                if left is not None and left <= 0:
                    self.expired = True
                    break
                self._changed.wait(left)
        if self.expired:
            self._channel.close()


class _Feeder(threading.Thread):
    """Sends standard input while the main thread reads the answers. hold: keep it open afterwards."""

    def __init__(
        self,
        channel: paramiko.Channel,
        become: Become,
        script: bytes,
        payload: Iterable[bytes],
        bound: _Bound,
        *,
        hold: bool,
    ) -> None:
        super().__init__(name="feeder", daemon=True)
        self._bound = bound
        self._hold = hold
        self._channel = channel
        self._become = become
        self._chunks = _chain(script, payload)
        self._cancelled = False
        self.sent = 0
        self.failure: KprovError | None = None

    def run(self) -> None:
        try:
            for chunk in self._chunks:
                if self._cancelled:
                    return
                self._channel.sendall(self._become.framed(chunk))
                self._bound.heard()
                self.sent += len(chunk)
            if not self._hold:
                self._channel.sendall(self._become.end)
                self._channel.shutdown_write()
        except KprovError as error:  # the archive could not be read
            self.failure = error
            self._channel.close()
        except (OSError, EOFError, paramiko.SSHException):
            pass  # the connection is gone: the reader reports it

    def cancel(self) -> None:
        self._cancelled = True


def _chain(script: bytes, payload: Iterable[bytes]) -> Iterator[bytes]:
    yield script
    yield from payload


class _Tail(threading.Thread):
    """Reads standard error, which would otherwise fill the window and block the command, and keeps its end."""

    def __init__(self, channel: paramiko.Channel, bound: _Bound, hear: Callable[[str], None] | None) -> None:
        super().__init__(name="stderr", daemon=True)
        self._bound = bound
        self._channel = channel
        self._hear = hear
        self._kept = b""

    def run(self) -> None:
        with suppress(OSError, EOFError, paramiko.SSHException):
            while chunk := self._channel.recv_stderr(_CHUNK):
                self._bound.heard()
                if self._hear is not None:
                    self._hear(chunk.decode("utf-8", "replace"))
                self.keep(chunk)

    def keep(self, chunk: bytes) -> None:
        self._kept = (self._kept + chunk)[-_STDERR_KEPT:]

    @property
    def text(self) -> str:
        return self._kept.decode("utf-8", "replace")
