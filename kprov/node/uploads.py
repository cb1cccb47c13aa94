"""Archives are pushed to the host before its first change, while its services still run; a partial one is resumed.

The host unpacks an archive while it arrives, beside the place of its release. The release appears there only with the
step that the plan shows for it.

sshd lets 2 MiB of a channel be under way, so a single channel is slow at a distance: there, an archive travels on
several of them, in blocks by turns.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field

from kprov.diagnosis import known_remedy
from kprov.errors import KprovError, StepError
from kprov.events import Emit, Transfer
from kprov.host.answers import Record
from kprov.host.connection import Channel, Connection, Reply
from kprov.kinds.base import Answer, Change, Upload
from kprov.node.lock import exchange_under_lock

_CHUNK = 262144
_BLOCK = 1048576
_MOST_LANES = 4  # the library has descriptors for no more, and with these TCP's own window is the limit
_LANE_SECONDS = 0.0125  # of distance for each; then 2 MiB of one take twice as long as their encryption
_LANES_FROM = 8 * _BLOCK  # a smaller archive is there before the lanes are


def uploads_of(changes: Iterable[Change]) -> list[Upload]:
    """The archives that the changes need, each once."""
    return list({change.upload.sha256: change.upload for change in changes if change.upload}.values())


def push(connection: Connection, upload: Upload, seen: Answer, emit: Emit) -> None:
    """Send an archive to the host unless all of it is there, under a lock that the caller holds.

    seen: how much of it the host has. A partial upload is resumed; if its SHA-256 turns out wrong, the archive is sent
    once more from the start.
    """
    if seen.get("whole") == "yes":
        return
    offset = int(seen.get("size") or 0)
    start, lanes = offset if offset < upload.size else 0, lanes_for(connection.distance, upload.size - offset)
    # The second time, from the start and in one lane: either may have been why it did not arrive.
    for first, count in dict.fromkeys(((start, lanes), (0, 1))):
        answer, cause = _sent(connection, _Sending(upload, first, emit), count)
        if answer is not None and answer["ok"] == "yes":
            return
    raise StepError(
        f"{upload.name} did not arrive whole",
        where=connection.login.name,
        cause=cause.strip(),
        hint=f"{known_remedy(cause) or 'check whether /var is full'}; then run the same command again",
    )


def lanes_for(distance: float, size: int) -> int:
    """How many channels an archive travels on. distance: a round trip in seconds. size: in bytes."""
    if size < _LANES_FROM:
        return 1
    return 1 + min(_MOST_LANES - 1, int(distance / _LANE_SECONDS))


@dataclass
class _Sending:
    """An archive that is being sent, from ``start`` on."""

    upload: Upload
    start: int
    emit: Emit
    done: int = 0
    _telling: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.done = self.start
        self._tell()

    def whole(self) -> Iterator[bytes]:
        """All of it."""
        return self.lane(0, 1)

    def lane(self, number: int, lanes: int) -> Iterator[bytes]:
        """The blocks that travel on one of several lanes."""
        try:
            with self.upload.source.open("rb") as stream:
                for place in range(self.start + number * _BLOCK, self.upload.size, lanes * _BLOCK):
                    stream.seek(place)
                    left = _BLOCK
                    while left and (chunk := stream.read(min(_CHUNK, left))):
                        yield chunk
                        left -= len(chunk)
                        self._tell(len(chunk))
        except OSError as error:
            raise StepError(
                f"{self.upload.source} cannot be read: {error.strerror}",
                hint="make it readable, then run the same command again",
            ) from None

    def _tell(self, more: int = 0) -> None:
        with self._telling:
            self.done += more
            self.emit(Transfer(f"pushing {self.upload.name}", self.done, self.upload.size))


def _sent(connection: Connection, sending: _Sending, lanes: int) -> tuple[Record | None, str]:
    """The host's answer to one attempt, None if it gave none; and why it did not arrive, as far as is known."""
    upload, size = sending.upload, str(sending.upload.size - sending.start)
    restart = [] if sending.start else [("drop_part", upload.stored)]
    receive = ("receive_upload", upload.stored, upload.sha256, size, upload.top, upload.path)
    answers = []
    if lanes > 1:
        reply = _in_lanes(connection, [*restart, receive], sending, connection.channels(lanes))
        answers = reply.of_kind("upload")
    if lanes == 1 or (answers and answers[0]["lanes"] == "no"):
        sending.done = sending.start
        reply = exchange_under_lock(connection, [*restart, receive], sending.whole())
        answers = reply.of_kind("upload")
    if not answers:
        return None, reply.errors
    return answers[0], answers[0]["output"] or f"its SHA-256 there is {answers[0]['sum']}"


def _in_lanes(
    connection: Connection, calls: list[tuple[str, ...]], sending: _Sending, channels: list[Channel]
) -> Reply:
    """The reply to an exchange whose payload travels on several channels.

    Raises what the exchange raises, and StepError if the archive cannot be read.
    """
    first, *others = channels
    lanes, token = len(channels), secrets.token_hex(8)
    calls = [*calls[:-1], (*calls[-1], str(lanes), str(_BLOCK), token)]

    def fill(number: int, channel: Channel) -> None:
        connection.exchange([("fill_lane", str(number), token)], sending.lane(number, lanes), channel=channel)

    with ThreadPoolExecutor(max(1, len(others))) as pool:
        filling = [pool.submit(fill, number, channel) for number, channel in enumerate(others, 1)]
        try:
            with closing(first):
                reply = exchange_under_lock(connection, calls, sending.lane(0, lanes), channel=first)
        finally:
            # They have sent everything, or never will.
            for channel in others:
                channel.close()
    _raise_unreadable(filling)
    return reply


def _raise_unreadable(filling: Iterable[Future[None]]) -> None:
    """Raise why a lane's own blocks could not be read; that it was cut off, the host has said."""
    for future in filling:
        error = future.exception()
        if error is not None and (isinstance(error, StepError) or not isinstance(error, KprovError)):
            raise error
