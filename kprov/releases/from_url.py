"""An archive that is given as a URL."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from urllib.parse import unquote

import httpx

from kprov.errors import UsageError
from kprov.events import Emit, Message
from kprov.releases import checksum
from kprov.releases.catalogue import Upstream
from kprov.releases.checksum import Checksum
from kprov.releases.download import download, shown

_URL_HINT = "write a path, or http(s)://HOST/.../NAME.tgz"


def fetched(given: str, cache: Path, emit: Emit) -> Path:
    """The file at the URL ``given``, in the cache. Raises UsageError.

    Its fragment may be a checksum; without one, NAME.sha512 or similar must be published next to the file.
    """
    try:
        url = httpx.URL(given)
    except httpx.InvalidURL as error:
        raise UsageError(f"{given!r} is not a URL", cause=str(error), hint=_URL_HINT) from error
    raw, _, query = url.raw_path.partition(b"?")
    name = unquote(raw.decode("ascii").rpartition("/")[2])
    if url.scheme not in {"http", "https"} or not url.host or not re.fullmatch(r"[A-Za-z0-9_+][A-Za-z0-9_.+-]*", name):
        raise UsageError(f"{shown(given)!r} is not the URL of a file", hint=_URL_HINT)
    known = _known(url, given)
    address = str(url.copy_with(fragment=None))
    # Two URLs may have different files of the same name.
    folder = cache / f"from-{hashlib.sha256(address.encode()).hexdigest()[:16]}"
    end = b"?" + query if query else b""
    sums = tuple(
        str(url.copy_with(raw_path=raw + suffix.encode() + end, fragment=None)) for suffix in checksum.SUFFIXES
    )
    path = folder / name
    if path.exists():
        emit(Message(f"{name} from {url.host} is in the cache"))
    else:
        download(Upstream(name, (address,), sums, known), folder, emit=emit)
    if known is not None:
        known.require(path, source="given with the URL")
    return path


def _known(url: httpx.URL, given: str) -> Checksum | None:
    if not url.fragment:
        return None
    algorithm, _, digits = url.fragment.partition("=")
    known = Checksum.of_hex(digits)
    if known is None or known.algorithm != algorithm:
        raise UsageError(
            f"the checksum in the URL is not valid: {url.fragment!r}",
            where=shown(given),
            hint="write #sha512= or #sha256= and the hexadecimal checksum",
        )
    return known
