"""Pack a directory into an archive that depends only on the directory's content, with a checksum file beside it."""

from __future__ import annotations

import gzip
import hashlib
import os
import tarfile
from pathlib import Path

MODIFIED = 1_500_000_000  # seconds; of every file: 2017-07-14, which tar takes without a word
COMPRESSION = 1  # jars are compressed already


def pack(tree: Path, archive: Path) -> None:
    """Write ``tree`` as the one top folder of ``archive``: sorted, root's, one date, modes 0755 or 0644."""
    paths = sorted([tree, *tree.rglob("*")])
    with (
        archive.open("wb") as file,
        gzip.GzipFile("", "wb", compresslevel=COMPRESSION, fileobj=file, mtime=0) as stream,
        tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as tar,
    ):
        for path in paths:
            member = tar.gettarinfo(path, arcname=str(path.relative_to(tree.parent)))
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            member.mtime = MODIFIED
            member.uid = member.gid = 0
            member.uname = member.gname = "root"
            if member.isreg():
                with path.open("rb") as content:
                    tar.addfile(member, content)
            else:
                tar.addfile(member)


def date(path: Path) -> None:
    """Give a file the date that it will have when it is unpacked."""
    os.utime(path, (MODIFIED, MODIFIED))


def checksum_line(archive: Path) -> str:
    """The archive's SHA-512 as ``sha512sum`` prints it and ``sha512sum --check`` reads it."""
    with archive.open("rb") as file:
        return f"{hashlib.file_digest(file, 'sha512').hexdigest()}  {archive.name}\n"
