"""Downloads that can be cut off at any byte, and never leave a file that was not verified.

Bytes gather in ``.NAME.part`` and get their name by a rename once they have the published checksum. A checksum
is not optional: a file of the right size over https is still whatever a mirror or a proxy made of it.
"""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from kprov import __version__
from kprov.errors import UsageError
from kprov.events import Emit, Message, Transfer, Warned, ignore
from kprov.releases import checksum
from kprov.releases.catalogue import Upstream
from kprov.releases.checksum import Checksum

ATTEMPTS = 4  # in a row without one new byte
ATTEMPTS_TO_CONNECT = 2
TIMEOUT = httpx.Timeout(30.0, connect=10.0)  # seconds; the first is between two pieces of data
_SUM_LIMIT = 1 << 16  # bytes; a checksum file is smaller, a web page may not be
_CLOSED_NETWORK = "on a closed network, make a folder elsewhere: kprov fetch --to DIR; then pass --archives DIR here"
_HINT = f"set HTTPS_PROXY behind a proxy, SSL_CERT_FILE if it has a certificate of its own; {_CLOSED_NETWORK}"


class UnreachableError(UsageError):
    """No address gives the file, or the sum that it must have."""


class _FailedError(Exception):
    """An address did not give the file; the text says why."""


class _AgainError(Exception):
    """The server is busy; another try may do."""


@dataclass(frozen=True)
class _Try:
    """What a download works with."""

    client: httpx.Client
    name: str
    part: Path
    emit: Emit
    sleep: Callable[[float], None]


def download(
    upstream: Upstream, folder: Path, *, emit: Emit = ignore, sleep: Callable[[float], None] = time.sleep
) -> Path:
    """Get the file into ``folder``, verified, with NAME.sha512 beside it; return its path.

    What an earlier download left is continued where the server allows it (Range, If-Range). Of several kprovs
    that want the same file, one downloads and the others wait for it. Proxies are the environment's.
    Raises UsageError if no address gives the file, no published checksum can be had, or the sum is wrong.
    """
    target = folder / upstream.name
    part = folder / f".{upstream.name}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _only_one(folder / f".{upstream.name}.lock", part, upstream.name, emit), _client() as client:
            if not target.exists():  # else another kprov was faster
                _download(_Try(client, upstream.name, part, emit, sleep), upstream, target)
    except OSError as error:
        raise UsageError(
            f"{upstream.name} cannot be stored", where=str(folder), cause=str(error), hint="check space and permissions"
        ) from error
    return target


def shown(address: str) -> str:
    """The address without what may be secret in it: user, password, query, fragment."""
    url = httpx.URL(address)
    return str(url.copy_with(userinfo=b"", query=None, fragment=None))


def _download(this: _Try, upstream: Upstream, target: Path) -> None:
    expected, source = _expected(this, upstream)
    tried: list[str] = []
    for address in upstream.addresses:
        try:
            if not (this.part.exists() and checksum.digest(this.part, expected.algorithm) == expected):
                _get_verified(this, address, expected, source)
        except _FailedError as error:
            tried.append(f"{shown(address)}: {error}")
            continue
        checksum.write_beside(target, checksum.digest(this.part, "sha512").hex)
        this.part.replace(target)
        _notes(this.part).unlink(missing_ok=True)
        return
    raise UnreachableError(f"{upstream.name} cannot be downloaded", cause="\n".join(tried), hint=_HINT)


def _get_verified(this: _Try, address: str, expected: Checksum, source: str) -> None:
    """Get the whole file with the expected sum. Raises _FailedError."""
    this.emit(Message(f"downloading {this.name} from {httpx.URL(address).host}"))
    resumed = _size(this.part) > 0
    _get(this, address)
    try:
        _require(this, expected, source)
    except _FailedError as error:
        if not resumed:
            raise
        this.emit(Warned(f"{this.name}: {str(error).partition(chr(10))[0]}; starting again from its first byte"))
        _get(this, address)
        _require(this, expected, source)


def _require(this: _Try, expected: Checksum, source: str) -> None:
    """Raise _FailedError, and drop what was downloaded, unless it has the expected sum."""
    actual = checksum.digest(this.part, expected.algorithm)
    if actual != expected:
        this.part.unlink()
        raise _FailedError(
            f"wrong {expected.algorithm} sum, dropped\n  expected {expected.hex} ({source})\n  found    {actual.hex}"
        )


def _expected(this: _Try, upstream: Upstream) -> tuple[Checksum, str]:
    """The sum that the file must have, and where it is from."""
    if upstream.known is not None:
        return upstream.known, "known beforehand"
    tried: list[str] = []
    silent: set[str] = set()
    for address in upstream.sums:
        host = httpx.URL(address).host
        if host in silent:
            continue
        try:
            text = _text(this, address)
            return checksum.parse(text, upstream.name, where=shown(address)), shown(address)
        except _FailedError as error:
            tried.append(f"{shown(address)}: {error}")
            if isinstance(error.__cause__, httpx.TransportError):
                silent.add(host)
        except UsageError as error:
            tried.append(str(error))
    if {httpx.URL(address).host for address in upstream.sums} == silent:
        raise UnreachableError(f"{upstream.name} cannot be downloaded", cause="\n".join(tried), hint=_HINT)
    raise UnreachableError(
        f"no published checksum of {upstream.name} can be had, and without one it is not downloaded",
        cause="\n".join(tried),
        hint="add #sha512=HEX (or #sha256=HEX) to an address of your own, or publish NAME.sha512 beside the file; "
        f"{_HINT}",
    )


def _text(this: _Try, address: str) -> str:
    """A small text file. Raises _FailedError."""
    data = bytearray()
    this.emit(Message(f"asking {httpx.URL(address).host} for the checksum of {this.name}"))
    for attempt in range(1, ATTEMPTS_TO_CONNECT + 1):
        try:
            data.clear()
            with this.client.stream("GET", address) as response:
                _require_secure(address, response)
                if response.status_code != httpx.codes.OK:
                    raise _FailedError(_status(response))
                for chunk in response.iter_raw():
                    data += chunk
                    if len(data) > _SUM_LIMIT:
                        raise _FailedError("it is too long for a checksum")
            return data.decode("utf-8", "replace")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            if attempt == ATTEMPTS_TO_CONNECT or isinstance(error, httpx.ConnectTimeout):
                raise _FailedError(_why(error)) from error
            this.sleep(0.5)
    raise AssertionError  # pragma: no cover


def _get(this: _Try, address: str) -> None:
    """Download the file into the part and resume after each lost connection. Raises _FailedError."""
    barren = 0
    while True:
        before = _size(this.part)
        limit = ATTEMPTS
        try:
            if _receive(this, address):
                return
            why = "the connection was cut"
        except httpx.ConnectTimeout as error:
            raise _FailedError(_why(error)) from error
        except httpx.ConnectError as error:
            why, limit = _why(error), ATTEMPTS_TO_CONNECT
        except (_AgainError, httpx.HTTPError, httpx.InvalidURL) as error:
            why = _why(error)
        barren = 0 if _size(this.part) > before else barren + 1
        if barren >= limit:
            raise _FailedError(why)
        this.emit(Warned(f"{this.name}: {why}; trying again"))
        this.sleep(min(0.5 * 2**barren, 8.0))


def _receive(this: _Try, address: str) -> bool:
    """One request for what is missing; whether all is there now. Raises httpx's errors and _FailedError."""
    start, headers = _range(this.part, address)
    with this.client.stream("GET", address, headers=headers) as response:
        _require_secure(address, response)
        status = response.status_code
        if status == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE and start:
            this.part.unlink()
            return False
        if status == httpx.codes.TOO_MANY_REQUESTS or status >= 500:
            raise _AgainError(_status(response))
        resumed = status == httpx.codes.PARTIAL_CONTENT
        if resumed and not response.headers.get("content-range", "").startswith(f"bytes {start}-"):
            this.part.unlink()
            return False
        if status not in {httpx.codes.OK, httpx.codes.PARTIAL_CONTENT}:
            raise _FailedError(_status(response))
        done = start if resumed else 0
        length = response.headers.get("content-length", "")
        total = done + int(length) if length.isdigit() else None
        if not resumed:
            _note(this.part, address, response)
        with this.part.open("ab" if resumed else "wb") as file:
            for chunk in _told(this, response.iter_raw(), done, total):  # raw: as the sum was made, see _client
                file.write(chunk)
                done += len(chunk)
        return total is None or done == total


def _told(this: _Try, chunks: Iterator[bytes], done: int, total: int | None) -> Iterator[bytes]:
    """The chunks, while telling how far it is."""
    last = 0.0
    for chunk in chunks:
        yield chunk
        done += len(chunk)
        if (now := time.monotonic()) - last > 0.1 or done == total:
            last = now
            this.emit(Transfer(f"downloading {this.name}", done, total))


def _range(part: Path, address: str) -> tuple[int, dict[str, str]]:
    """The size of the part, and the headers that request the rest; (0, {}) to start from the beginning."""
    try:
        notes = json.loads(_notes(part).read_text(encoding="utf-8"))
        validator = notes["validator"] if notes["address"] == address else ""
    except (OSError, ValueError, KeyError, TypeError):
        validator = ""
    size = _size(part)
    if not size or not isinstance(validator, str) or not validator:
        return 0, {}
    return size, {"Range": f"bytes={size}-", "If-Range": validator}


def _note(part: Path, address: str, response: httpx.Response) -> None:
    """Write down by what a later request can tell that the file is still the same one."""
    etag = response.headers.get("etag", "")
    # A weak ETag must not stand in If-Range (RFC 9110, 13.1.5).
    validator = etag if etag and not etag.startswith("W/") else response.headers.get("last-modified", "")
    _notes(part).write_text(json.dumps({"address": address, "validator": validator}), encoding="utf-8")


def _notes(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _size(part: Path) -> int:
    try:
        return part.stat().st_size
    except FileNotFoundError:
        return 0


def _client() -> httpx.Client:
    """A client that takes files as they are.

    Some servers announce a .tar.gz as a gzip *encoding* of a tar; undoing it would break the published sum.
    """
    headers = {"User-Agent": f"kprov/{__version__}", "Accept-Encoding": "identity"}
    try:
        return httpx.Client(follow_redirects=True, timeout=TIMEOUT, headers=headers)
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        raise UsageError(
            "the environment's proxy settings cannot be used",
            cause=str(error),
            hint="set HTTPS_PROXY to http://HOST:PORT, or unset it",
        ) from error


def _require_secure(address: str, response: httpx.Response) -> None:
    if address.startswith("https:") and response.url.scheme != "https":
        raise _FailedError(f"it redirects to {response.url.scheme}, which is not safe")


def _status(response: httpx.Response) -> str:
    return f"the server answers {response.status_code} {response.reason_phrase}".rstrip()


def _why(error: Exception) -> str:
    return str(error) or type(error).__name__


@contextmanager
def _only_one(lock: Path, part: Path, name: str, emit: Emit) -> Iterator[None]:
    """Hold the lock of this file; while another holds it, tell how far that one is.

    The kernel frees the lock of a process that died. The lock's file stays: were it removed, a third process
    could lock another file of the same name.
    """
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            emit(Message(f"another kprov is downloading {name}; waiting for it"))
            while not _locked(file.fileno()):
                emit(Transfer(f"waiting for {name}", _size(part), None))
                time.sleep(0.2)
        yield


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
