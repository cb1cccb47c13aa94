"""The directory of archives for a closed network: each archive under its name, with its .sha512."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from kprov.errors import UsageError, unwritable
from kprov.events import Emit, Transfer, ignore
from kprov.releases import checksum
from kprov.releases.archive import Archive

_CHUNK = 4 << 20


def bundle(archives: Iterable[Archive], folder: Path, *, emit: Emit = ignore) -> tuple[Archive, ...]:
    """Copy the archives into ``folder``, which is created if necessary, and return the copies.

    A file that already exists with the right checksum is not copied again. An incomplete copy never has the name of a
    complete one. Raises UsageError if the folder cannot be written, OutputError if its disk is full.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return tuple(_copy(archive, folder, emit) for archive in archives)
    except OSError as error:
        hint = "choose a directory that you can write to and that has enough space"
        raise unwritable(error, "the archives cannot be written", where=f"--to {folder}", hint=hint) from error


def _copy(archive: Archive, folder: Path, emit: Emit) -> Archive:
    target = folder / archive.name
    if not (target.is_file() and checksum.digest(target, "sha512").hex == archive.sha512):
        part = folder / f".{archive.name}.part"
        copied = hashlib.sha512()
        done = 0
        with archive.path.open("rb") as source, part.open("wb") as file:
            while data := source.read(_CHUNK):
                copied.update(data)
                file.write(data)
                done += len(data)
                emit(Transfer(f"copying {archive.name}", done, archive.size))
        if copied.hexdigest() != archive.sha512:
            part.unlink()
            raise UsageError("it changed while it was copied", where=str(archive.path), hint="run the command again")
        part.replace(target)
    checksum.write_beside(target, archive.sha512)
    return replace(archive, path=target)
