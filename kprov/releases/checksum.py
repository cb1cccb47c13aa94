"""Checksums: the published formats, the files next to an archive, and their comparison."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kprov.errors import UsageError

#: Suffixes of published checksum files, best first. Adoptium uses ``.sha256.txt``; Apache published ``.sha1`` until its
#: release policy required SHA-256 or SHA-512 in 2018.
SUFFIXES = (".sha512", ".sha256", ".sha256.txt", ".sha1")

_ALGORITHMS = {40: "sha1", 64: "sha256", 128: "sha512"}
_HEX = re.compile(r"[0-9A-Fa-f]+")
_COREUTILS = re.compile(r"\\?([0-9A-Fa-f]{40,128})(?:[ \t]+\*?(\S.*))?")
_BSD = re.compile(r"SHA-?(?:1|256|512) ?\((.+)\) ?= ?([0-9A-Fa-f]+)")
_GPG = re.compile(r"(\S.*?):\s*(?:SHA-?(?:1|256|512)\s*=\s*)?((?:[0-9A-Fa-f]+\s*)*)")


@dataclass(frozen=True)
class Checksum:
    """``hex`` (lower case) is the digest by ``algorithm``: sha1, sha256 or sha512."""

    algorithm: str
    hex: str

    @classmethod
    def of_hex(cls, text: str) -> Checksum | None:
        """The checksum with these hexadecimal digits; the length decides the algorithm. None if it is not one."""
        algorithm = _ALGORITHMS.get(len(text))
        return cls(algorithm, text.lower()) if algorithm and _HEX.fullmatch(text) else None

    def __str__(self) -> str:
        return f"{self.algorithm} {self.hex}"

    def require(self, path: Path, *, source: str, known: Checksum | None = None) -> None:
        """Raise UsageError unless ``path`` has this checksum.

        source: where this checksum is from, for the message.
        known: the file's checksum if it was computed before; used if the algorithm is the same.
        """
        actual = known if known is not None and known.algorithm == self.algorithm else digest(path, self.algorithm)
        if actual != self:
            raise UsageError(
                f"the {self.algorithm} checksum of {path.name} does not match: the file is damaged or was changed",
                where=str(path),
                cause=f"expected {self.hex} ({source})\nfound    {actual.hex}",
                hint="delete the file and download it again, together with its published checksum",
            )


def digest(path: Path, algorithm: str) -> Checksum:
    """Compute the checksum of the file. Raises OSError if it cannot be read."""
    with path.open("rb") as file:
        return Checksum(algorithm, hashlib.file_digest(file, algorithm).hexdigest())


def parse(text: str, name: str, *, where: str) -> Checksum:
    """Read a published checksum of the file ``name``.

    Three formats are in use: ``HEX  NAME`` of the coreutils (one line per file, or HEX alone), ``SHA512 (NAME) = HEX``
    of BSD, and ``NAME: AB CD ...`` over several lines of ``gpg --print-md``, as with Apache's older releases. A single
    entry is used whatever its name is; of several, the one for ``name``. Raises UsageError, with ``where``, if there
    is no entry for the file.
    """
    entries = list(_entries(text))
    if len(entries) > 1:
        entries = [entry for entry in entries if entry[0].rpartition("/")[2] == name]
    sums = {checksum for _, checksum in entries}
    if len(sums) != 1:
        raise UsageError(
            f"it does not contain a checksum of {name}",
            where=where,
            cause=text.strip()[:200],
            hint="replace it with the output of `sha512sum`, or delete it",
        )
    return sums.pop()


def _entries(text: str) -> Iterator[tuple[str, Checksum]]:
    """Every (name, checksum) of a checksum file; the name is empty if the file gives none."""
    lines = text.replace("\r\n", "\n").removeprefix("\ufeff").splitlines()
    number = 0
    while number < len(lines):
        line = lines[number].strip()
        number += 1
        if match := _COREUTILS.fullmatch(line):
            digits, name = match[1], match[2] or ""
        elif match := _BSD.fullmatch(line):
            digits, name = match[2], match[1]
        elif match := _GPG.fullmatch(line):
            digits, name = match[2], match[1]
            while (
                number < len(lines) and _HEX.fullmatch("".join(lines[number].split())) and lines[number][:1].isspace()
            ):
                digits += lines[number]
                number += 1
        else:
            continue
        if checksum := Checksum.of_hex("".join(digits.split())):
            yield name, checksum


def beside(path: Path) -> tuple[Checksum, Path] | None:
    """The checksum next to ``path``, in NAME.sha512 or similar, and that file; None if there is none.

    Raises UsageError if the file exists but cannot be read.
    """
    for suffix in SUFFIXES:
        file = path.with_name(path.name + suffix)
        if not file.is_file():
            continue
        try:
            text = file.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise UsageError(
                "it cannot be read", where=str(file), cause=str(error), hint="make it readable, or delete it"
            ) from error
        return parse(text, path.name, where=str(file)), file
    return None


def write_beside(path: Path, sha512: str) -> Path:
    """Write NAME.sha512 next to ``path``, in the format of ``sha512sum``, and return it."""
    file = path.with_name(f"{path.name}.sha512")
    part = path.with_name(f".{path.name}.sha512.part")
    part.write_text(f"{sha512}  {path.name}\n", encoding="utf-8")
    part.replace(file)
    return file
