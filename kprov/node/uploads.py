"""Archives are pushed to the host before its first change, while its services still run; a partial one is resumed.

The host unpacks an archive while it arrives, beside the place of its release. The release appears there only with the
step that the plan shows for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kprov.diagnosis import known_remedy
from kprov.errors import StepError
from kprov.events import Emit, Transfer
from kprov.host.connection import Connection
from kprov.kinds.base import Answer, Change, Upload
from kprov.node.lock import exchange_under_lock

_CHUNK = 262144


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
    for start in dict.fromkeys((offset if offset < upload.size else 0, 0)):
        restart = [] if start else [("drop_part", upload.stored)]
        size = str(upload.size - start)
        receive = ("receive_upload", upload.stored, upload.sha256, size, upload.top, upload.path)
        reply = exchange_under_lock(connection, [*restart, receive], _read(upload, start, emit))
        answers = reply.of_kind("upload")
        if answers and answers[0]["ok"] == "yes":
            return
        cause = answers[0]["output"] or f"its SHA-256 there is {answers[0]['sum']}" if answers else reply.errors
    raise StepError(
        f"{upload.name} did not arrive whole",
        where=connection.login.name,
        cause=cause.strip(),
        hint=f"{known_remedy(cause) or 'check whether /var is full'}; then run the same command again",
    )


def _read(upload: Upload, start: int, emit: Emit) -> Iterator[bytes]:
    done = start
    emit(Transfer(f"pushing {upload.name}", done, upload.size))
    try:
        with upload.source.open("rb") as stream:
            stream.seek(start)
            while chunk := stream.read(_CHUNK):
                yield chunk
                done += len(chunk)
                emit(Transfer(f"pushing {upload.name}", done, upload.size))
    except OSError as error:
        raise StepError(
            f"{upload.source} cannot be read: {error.strerror}",
            hint="make it readable, then run the same command again",
        ) from None
