"""Scans a tar file: is it complete and safe to unpack, what does it contain, what are its checksums.

The file is read once from start to end. Nothing is unpacked, and only the text of ``release`` is kept.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import stat
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from kprov.errors import UsageError
from kprov.events import Emit, Transfer, ignore

_CHUNK = 1 << 20
_PROGRESS_FROM = 8 << 20  # smaller files are read too fast for a progress bar
_RELEASE_LIMIT = 1 << 16
_LINK_LIMIT = 40  # the same as the kernel's
_GET_AGAIN = "download the file again, together with its published checksum"

# Members that identify a product or a version, by their path below the top directory.
_TELLING = re.compile(
    r"bin/(java|zkServer\.sh|kafka-server-start\.sh)"
    r"|libs/kafka_\d+\.\d+-[0-9][^/]*\.jar"
    r"|(lib/)?zookeeper-[0-9][^/]*\.jar"
    r"|release|pom\.xml|build\.gradle|build\.xml"
)
# e_machine of an ELF header (elf.h) -> the machine as in `uname -m`.
_MACHINES = {3: "i686", 21: "ppc64", 22: "s390x", 40: "armv7l", 62: "x86_64", 183: "aarch64", 243: "riscv64"}


@dataclass(frozen=True)
class Contents:
    """The contents of a valid tar file.

    top: the top directory that contains everything.
    telling: paths below ``top`` that identify the product, in the archive's order.
    release: the text of Java's ``release`` file, "" if there is none.
    machine: the machine that ``bin/java`` is built for, as in ``uname -m``; None if unknown.
    gzipped: whether it is compressed. ZooKeeper 3.5.3-beta was published as a plain tar named .tar.gz
        (ZOOKEEPER-2885), so a host must unpack it without requiring gzip.
    size, unpacked: bytes of the file, and of its unpacked contents.
    """

    top: str
    telling: tuple[str, ...]
    release: str
    machine: str | None
    gzipped: bool
    sha256: str
    sha512: str
    size: int
    unpacked: int


def scan(path: Path, *, emit: Emit = ignore) -> Contents:
    """Read the tar file at ``path``, with or without gzip compression.

    Raises UsageError, with the file and a fix, if it cannot be read, is empty, truncated or not a tar, or if unpacking
    it could write outside one directory: absolute paths, "..", links that lead outside, devices.
    """
    size = _require_file(path)
    try:
        with path.open("rb") as file:
            return _scan(file, path, size, emit)
    except (tarfile.TarError, EOFError, zlib.error, ValueError, OverflowError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise UsageError(
                "it cannot be read", where=str(path), cause=str(error), hint="check its permissions"
            ) from error
        raise UsageError(
            "it is truncated or damaged", where=str(path), cause=str(error) or type(error).__name__, hint=_GET_AGAIN
        ) from error


def _require_file(path: Path) -> int:
    """The size of the file in bytes. Raises UsageError unless it is a regular file and not empty."""
    where = str(path)
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise UsageError("there is no such file", where=where, hint="check the path of the archive") from error
    except OSError as error:
        raise UsageError("it cannot be read", where=where, cause=str(error), hint="check its permissions") from error
    if stat.S_ISDIR(status.st_mode):
        raise UsageError(
            "it is a directory", where=where, hint="give the archive itself, or pass the directory with --archives"
        )
    if not stat.S_ISREG(status.st_mode):
        raise UsageError("it is not a regular file", where=where, hint="give the archive itself")
    if status.st_size == 0:
        raise UsageError("it is empty", where=where, hint=_GET_AGAIN)
    return status.st_size


def _scan(file: IO[bytes], path: Path, size: int, emit: Emit) -> Contents:
    head = file.read(tarfile.BLOCKSIZE)
    file.seek(0)
    gzipped = head.startswith(b"\x1f\x8b")
    if not gzipped:
        _require_tar(head, path)
    hashing = _Hashing(file, f"checking {path.name}", size, emit)
    stream = gzip.GzipFile(fileobj=hashing, mode="rb") if gzipped else hashing
    members = _Members(path)
    try:
        with tarfile.open(fileobj=stream, mode="r|") as tar:
            for member in tar:
                members.add(tar, member)
    except tarfile.ReadError as error:
        if members.count == 0 and not isinstance(error.__context__, EOFError | zlib.error):
            raise _not_a_tar(path, "the compressed content is not a tar") from error
        raise
    while stream.read(_CHUNK):  # the checksums cover the rest of the file, and gzip's own checksum is at its end
        pass
    hashing.finish()
    return Contents(
        top=members.require_sound(),
        telling=tuple(members.telling),
        release=members.release,
        machine=members.machine,
        gzipped=gzipped,
        sha256=hashing.sha256.hexdigest(),
        sha512=hashing.sha512.hexdigest(),
        size=hashing.done,
        unpacked=members.unpacked,
    )


def _require_tar(head: bytes, path: Path) -> None:
    try:
        tarfile.TarInfo.frombuf(head, tarfile.ENCODING, "surrogateescape")
    except tarfile.HeaderError as error:
        kinds = {b"PK": "a zip", b"\xfd7zXZ": "an xz file", b"BZh": "a bzip2 file", b"\x28\xb5\x2f\xfd": "a zstd file"}
        kind = next((kind for magic, kind in kinds.items() if head.startswith(magic)), None)
        if kind is None and re.match(rb"\s*<(!doctype|html|\?xml)", head, re.IGNORECASE):
            kind = "a web page, perhaps the error page of a server or a proxy"
        raise _not_a_tar(path, f"it is {kind}" if kind else "") from error


def _not_a_tar(path: Path, cause: str) -> UsageError:
    return UsageError("it is not a tar archive", where=str(path), cause=cause, hint=_GET_AGAIN)


class _Hashing(io.BufferedIOBase):
    """A file that computes checksums while it is read from start to end, and emits the progress."""

    def __init__(self, file: IO[bytes], what: str, total: int, emit: Emit) -> None:
        self._file, self._what, self._total = file, what, total
        self._emit = emit if total >= _PROGRESS_FROM else ignore
        self._shown = 0
        self.done = 0
        self.sha256 = hashlib.sha256()
        self.sha512 = hashlib.sha512()

    def read(self, count: int | None = -1, /) -> bytes:
        data = self._file.read(-1 if count is None else count)
        self.sha256.update(data)
        self.sha512.update(data)
        self.done += len(data)
        if self.done - self._shown >= 4 * _CHUNK:
            self._shown = self.done
            self._emit(Transfer(self._what, min(self.done, self._total - 1), self._total))
        return data

    def finish(self) -> None:
        while self.read(_CHUNK):
            pass
        self._emit(Transfer(self._what, self._total, self._total))


@dataclass
class _Members:
    """The members read so far; raises UsageError for unsafe ones."""

    path: Path
    count: int = 0
    tops: dict[str, None] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    links: dict[str, str] = field(default_factory=dict)  # symbolic link -> target as written
    telling: list[str] = field(default_factory=list)
    release: str = ""
    machine: str | None = None
    unpacked: int = 0

    def add(self, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        self.count += 1
        name = self._plain(member.name, member.name)
        if not name:  # "./", the directory in which the archive was created
            return
        top, _, below = name.partition("/")
        if not below and not member.isdir():
            raise self._unsafe(name, "is outside the top directory")
        self.tops[top] = None
        if name in self.links or (member.issym() and name in self.names):
            raise self._unsafe(name, "occurs twice, once as a link")
        if member.issym():
            self.links[name] = member.linkname
        elif member.islnk():
            if self._plain(member.linkname, name) not in self.names:
                raise self._unsafe(name, f"is a hard link to {member.linkname!r}, which is not in the archive")
        elif not (member.isreg() or member.isdir()):
            raise self._unsafe(name, "is a device or another special file")
        self.names.add(name)
        self.unpacked += member.size if member.isreg() else 0
        if _TELLING.fullmatch(below):
            self.telling.append(below)
            self._read(tar, member, below)

    def _read(self, tar: tarfile.TarFile, member: tarfile.TarInfo, below: str) -> None:
        file = tar.extractfile(member) if member.isreg() else None
        if file is None:
            return
        if below == "release":
            self.release = file.read(_RELEASE_LIMIT).decode("utf-8", "replace")
        elif below == "bin/java":
            self.machine = _machine(file.read(20))

    def require_sound(self) -> str:
        """The top directory. Raises UsageError unless there is exactly one and every link stays inside it."""
        if len(self.tops) != 1:
            what = (
                f"it has {len(self.tops)} top directories ({', '.join(list(self.tops)[:3])} ...)"
                if self.tops
                else "it is empty"
            )
            raise UsageError(
                what, where=str(self.path), hint="use the archive from upstream, which has one top directory"
            )
        for name, target in self.links.items():
            if not _stays_inside(name, self.links):
                raise self._unsafe(name, f"is a link to {target!r}, outside the top directory")
        for name in self.names if self.links else ():
            for end in (index for index, letter in enumerate(name) if letter == "/"):
                if name[:end] in self.links:
                    raise self._unsafe(name, f"would be written through the link {name[:end]}")
        return next(iter(self.tops))

    def _plain(self, name: str, member: str) -> str:
        """The name without "." parts. Raises UsageError if it is absolute, or contains ".." or control characters."""
        parts = [part for part in name.split("/") if part not in {"", "."}]
        if name.startswith("/"):
            raise self._unsafe(member, "has an absolute path")
        if ".." in parts:
            raise self._unsafe(member, 'has ".." in its path')
        if not name.isprintable():
            raise self._unsafe(member, "has a name with control characters")
        return "/".join(parts)

    def _unsafe(self, member: str, why: str) -> UsageError:
        return UsageError(
            "it is not safe to unpack",
            where=str(self.path),
            cause=f"its member {member!a} {why}",
            hint="do not use this file; get the archive from upstream",
        )


def _stays_inside(link: str, links: Mapping[str, str]) -> bool:
    """Whether following ``link``, and every link on the way, never leaves the top directory."""
    todo = link.split("/")[::-1]
    done: list[str] = []
    hops = 0
    while todo:
        part = todo.pop()
        if part in {"", "."}:
            continue
        if part == "..":
            if len(done) <= 1:  # leaves the top directory, even if it comes back later
                return False
            done.pop()
            continue
        done.append(part)
        target = links.get("/".join(done))
        if target is not None:
            hops += 1
            if target.startswith("/") or hops > _LINK_LIMIT:
                return False
            done.pop()
            todo += target.split("/")[::-1]
    return True


def _machine(head: bytes) -> str | None:
    """The machine of an ELF program, from its first 20 bytes; None if it is not ELF or the machine is unknown."""
    if len(head) < 20 or not head.startswith(b"\x7fELF"):
        return None
    order = "little" if head[5] == 1 else "big"
    return _MACHINES.get(int.from_bytes(head[18:20], order))  # type: ignore[arg-type]
