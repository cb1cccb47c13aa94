"""Small files on their way to a host: one tar per exchange, each file under its SHA-256."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterable

from kprov.diagnosis import known_remedy
from kprov.errors import StepError
from kprov.host.connection import Connection, Reply


def packed(contents: Iterable[bytes]) -> bytes:
    """The contents as one tar, each under its SHA-256: the payload of ``receive_stage``."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in {hashlib.sha256(item).hexdigest(): item for item in contents}.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), 0o600
            tar.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def check_staged(connection: Connection, reply: Reply) -> None:
    """Raise StepError if the host could not unpack the tar."""
    for record in reply.of_kind("staged"):
        if record["ok"] != "yes":
            raise StepError(
                "the small files could not be unpacked on the host",
                where=connection.login.name,
                cause=record["output"],
                hint=known_remedy(record["output"]) or "check whether /var is full or read-only",
            )
