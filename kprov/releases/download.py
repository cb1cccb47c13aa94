"""Downloads that can be interrupted at any byte and never leave an unverified file.

The data is written to ``.NAME.part``, which is renamed once its checksum matches the published one. The checksum is
mandatory: even over https, a mirror or a proxy can deliver a wrong file of the right size.
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

ATTEMPTS = 4  # in a row without a new byte
ATTEMPTS_TO_CONNECT = 2
TIMEOUT = httpx.Timeout(30.0, connect=10.0)  # seconds; the first is between two pieces of data
_SUM_LIMIT = 1 << 16  # bytes; a checksum file is smaller, a web page may be larger
_CLOSED_NETWORK = "without internet access, run elsewhere: kprov fetch --to DIR; then pass --archives DIR here"
_HINT = f"behind a proxy set HTTPS_PROXY, and SSL_CERT_FILE if it has its own certificate; {_CLOSED_NETWORK}"


class UnreachableError(UsageError):
    """No URL provides the file, or its checksum."""


class _FailedError(Exception):
    """A URL did not provide the file; the text says why."""


class _AgainError(Exception):
    """The server is busy; another attempt may succeed."""


@dataclass(frozen=True)
class _Try:
    """The context of a download."""

    client: httpx.Client
    name: str
    part: Path
    emit: Emit
    sleep: Callable[[float], None]


def download(
    upstream: Upstream, folder: Path, *, emit: Emit = ignore, sleep: Callable[[float], None] = time.sleep
) -> Path:
    """Download the file into ``folder``, verify it, write NAME.sha512 next to it, and return its path.

    A partial download is resumed if the server allows it (Range, If-Range). If several kprov processes need the same
    file, one downloads it and the others wait. Proxies are taken from the environment.
    Raises UsageError if no URL provides the file, there is no published checksum, or the checksum does not match.
    """
    target = folder / upstream.name
    part = folder / f".{upstream.name}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _only_one(folder / f".{upstream.name}.lock", part, upstream.name, emit), _client() as client:
            if not target.exists():  # otherwise another kprov has just downloaded it
                _download(_Try(client, upstream.name, part, emit, sleep), upstream, target)
    except OSError as error:
        raise UsageError(
            f"{upstream.name} cannot be written",
            where=str(folder),
            cause=str(error),
            hint="check free space and permissions",
        ) from error
    return target


def shown(address: str) -> str:
    """The URL without the parts that may be secret: user, password, query, fragment."""
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
    raise UnreachableError(f"{upstream.name} could not be downloaded", cause="\n".join(tried), hint=_HINT)


def _get_verified(this: _Try, address: str, expected: Checksum, source: str) -> None:
    """Download the file and verify its checksum. Raises _FailedError."""
    this.emit(Message(f"downloading {this.name} from {httpx.URL(address).host}"))
    resumed = _size(this.part) > 0
    _get(this, address)
    try:
        _require(this, expected, source)
    except _FailedError as error:
        if not resumed:
            raise
        this.emit(Warned(f"{this.name}: {str(error).partition(chr(10))[0]}; starting over"))
        _get(this, address)
        _require(this, expected, source)


def _require(this: _Try, expected: Checksum, source: str) -> None:
    """Raise _FailedError, and delete the download, unless it has the expected checksum."""
    actual = checksum.digest(this.part, expected.algorithm)
    if actual != expected:
        this.part.unlink()
        raise _FailedError(
            f"wrong {expected.algorithm} checksum, deleted\n"
            f"  expected {expected.hex} ({source})\n  found    {actual.hex}"
        )


def _expected(this: _Try, upstream: Upstream) -> tuple[Checksum, str]:
    """The checksum that the file must have, and where it is from."""
    if upstream.known is not None:
        return upstream.known, "known before the download"
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
        raise UnreachableError(f"{upstream.name} could not be downloaded", cause="\n".join(tried), hint=_HINT)
    raise UnreachableError(
        f"no published checksum of {upstream.name} was found, so it was not downloaded",
        cause="\n".join(tried),
        hint=f"add #sha512=HEX (or #sha256=HEX) to your own URL, or publish NAME.sha512 next to the file; {_HINT}",
    )


def _text(this: _Try, address: str) -> str:
    """Download a small text file. Raises _FailedError."""
    data = bytearray()
    this.emit(Message(f"getting the checksum of {this.name} from {httpx.URL(address).host}"))
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
    """Download the file into the part, resuming after each interruption. Raises _FailedError."""
    failures = 0
    while True:
        before = _size(this.part)
        limit = ATTEMPTS
        try:
            if _receive(this, address):
                return
            why = "the connection was interrupted"
        except httpx.ConnectTimeout as error:
            raise _FailedError(_why(error)) from error
        except httpx.ConnectError as error:
            why, limit = _why(error), ATTEMPTS_TO_CONNECT
        except (_AgainError, httpx.HTTPError, httpx.InvalidURL) as error:
            why = _why(error)
        failures = 0 if _size(this.part) > before else failures + 1
        if failures >= limit:
            raise _FailedError(why)
        this.emit(Warned(f"{this.name}: {why}; trying again"))
        this.sleep(min(0.5 * 2**failures, 8.0))


def _receive(this: _Try, address: str) -> bool:
    """Request the missing part, and return whether the file is complete. Raises httpx's errors and _FailedError."""
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
            for chunk in _with_progress(this, response.iter_raw(), done, total):  # raw: see _client
                file.write(chunk)
                done += len(chunk)
        return total is None or done == total


def _with_progress(this: _Try, chunks: Iterator[bytes], done: int, total: int | None) -> Iterator[bytes]:
    """The chunks; emits the progress."""
    last = 0.0
    for chunk in chunks:
        yield chunk
        done += len(chunk)
        if (now := time.monotonic()) - last > 0.1 or done == total:
            last = now
            this.emit(Transfer(f"downloading {this.name}", done, total))


def _range(part: Path, address: str) -> tuple[int, dict[str, str]]:
    """The size of the partial download, and the headers to request the rest; (0, {}) to start over."""
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
    """Record the validator by which a later request can check that the file is unchanged."""
    etag = response.headers.get("etag", "")
    # If-Range must not contain a weak ETag (RFC 9110, 13.1.5).
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
    """A client that does not decode files.

    Some servers declare a .tar.gz as a tar with gzip *encoding*; decoding it would break the published checksum.
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
        raise _FailedError(f"it redirects to {response.url.scheme}, which is not secure")


def _status(response: httpx.Response) -> str:
    return f"the server answered {response.status_code} {response.reason_phrase}".rstrip()


def _why(error: Exception) -> str:
    return str(error) or type(error).__name__


@contextmanager
def _only_one(lock: Path, part: Path, name: str, emit: Emit) -> Iterator[None]:
    """Hold the lock of this file; while another process holds it, show its progress.

    The kernel releases the lock of a process that dies. The lock file is not removed: otherwise a third process could
    lock a new file of the same name.
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
