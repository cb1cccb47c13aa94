"""Finds an archive: the one that was given, or one in --archives, in the cache or upstream, in this order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from platformdirs import user_cache_path

from kprov.errors import UsageError
from kprov.events import Emit, Warned, ignore
from kprov.releases import checksum
from kprov.releases.archive import Archive, inspect
from kprov.releases.catalogue import Wanted, not_catalogued
from kprov.releases.checksum import Checksum
from kprov.releases.memory import Memory
from kprov.releases.product import Product


def default_cache() -> Path:
    """The folder where kprov keeps archives on the operator's machine."""
    return user_cache_path("kprov") / "archives"


class ArchiveNotFoundError(UsageError):
    """The archive is neither in --archives nor in the cache, and downloads are off."""


class NotCataloguedError(UsageError):
    """The archive is neither in --archives nor in the cache, and the catalogue has no URL for it."""


@dataclass
class _Search:
    """One search: the request, and the places without a result."""

    wanted: Wanted
    memory: Memory
    emit: Emit
    looked: list[str] = field(default_factory=list)

    def inspect(self, path: Path) -> Archive:
        wanted = self.wanted
        archive = inspect(
            path,
            wanted.product,
            version=wanted.version,
            scala=wanted.scala,
            arch=wanted.arch,
            memory=self.memory,
            emit=self.emit,
        )
        upstream = wanted.upstream
        if upstream is not None and upstream.known is not None and path.name == upstream.name:
            sums = {name: Checksum(name, getattr(archive, name)) for name in ("sha256", "sha512")}
            known = upstream.known
            known.require(path, source="kprov's catalogue", known=sums.get(known.algorithm))
        return archive


def locate(
    wanted: Wanted,
    *,
    given: str | None = None,
    archives: Path | None = None,
    cache: Path | None = None,
    fetch: bool = True,
    emit: Emit = ignore,
) -> Archive:
    """Find the archive and check it.

    given: a path or an http(s) URL from kprov.yaml or an option; no other place is searched then. The fragment
        ``#sha512=HEX`` or ``#sha256=HEX`` of a URL is the file's checksum; without it, NAME.sha512 or similar must be
        published next to the file.
    archives: a folder to search by upstream's file names, before the cache and a download.
    cache: where downloads are kept; :func:`default_cache` if None.
    fetch: whether to download an archive that was not found; otherwise ArchiveNotFoundError.
    Raises UsageError if the archive is not found (with every place searched), or is not the wanted one.
    An invalid file in the cache is deleted and downloaded again; one that the user gave is an error.
    """
    cache = cache or default_cache()
    search = _Search(wanted, Memory(cache / ".inspected"), emit)
    if given is not None:
        return search.inspect(_given(given, cache, emit))
    if archives is not None and (path := _in_archives(search, archives)):
        return search.inspect(path)
    if archive := _in_cache(search, cache):
        return archive
    if wanted.upstream is None:
        raise _nowhere(search)
    if not fetch:
        raise ArchiveNotFoundError(
            f"{wanted} was not found locally", cause="\n".join(search.looked), hint=_carry(wanted)
        )
    from kprov.releases.download import UnreachableError, download  # noqa: PLC0415 (loads the library for HTTP)

    try:
        path = download(wanted.upstream, cache, emit=emit)
    except UnreachableError as error:
        problem = error.problems[0]
        search.looked += problem.cause.splitlines()
        raise UsageError(
            f"{wanted} was not found locally, and {problem.what}", cause="\n".join(search.looked), hint=_carry(wanted)
        ) from error
    return search.inspect(path)


def _given(given: str, cache: Path, emit: Emit) -> Path:
    if "://" not in given:
        return Path(given).expanduser()
    from kprov.releases.from_url import fetched  # noqa: PLC0415 (loads the library for HTTP)

    return fetched(given, cache, emit)


def require_folder(folder: Path) -> None:
    """Raise UsageError unless the folder of archives is a directory."""
    if not folder.is_dir():
        what = "it is not a directory" if folder.exists() else "there is no such directory"
        raise UsageError(
            what, where=f"--archives {folder}", hint="give a folder with archives; to create one: kprov fetch --to DIR"
        )


def find_again(name: str, sha256: str, product: Product, archives: Path | None, emit: Emit = ignore) -> Archive | None:
    """The archive that a release was unpacked from, in the folder or the cache; None if it is in neither."""
    cache = default_cache()
    for folder in (archives, cache):
        path = folder / name if folder is not None else None
        if path is None or not path.is_file():
            continue
        with suppress(UsageError):
            found = inspect(path, product, memory=Memory(cache / ".inspected"), emit=emit)
            if found.sha256 == sha256:
                return found
    return None


def _in_archives(search: _Search, folder: Path) -> Path | None:
    require_folder(folder)
    if path := next(_candidates(search.wanted, folder), None):
        return path
    search.looked.append(f"{folder}: no {_names(search.wanted)}")
    for name, why in search.wanted.unusable.items():
        if (folder / name).exists():
            search.looked.append(f"{folder / name}: {why}")
    return None


def _in_cache(search: _Search, cache: Path) -> Archive | None:
    for path in _candidates(search.wanted, cache):
        try:
            return search.inspect(path)
        except UsageError as error:
            search.emit(Warned(f"deleted from the cache: {error}"))
            for file in (path, *(path.with_name(path.name + suffix) for suffix in checksum.SUFFIXES)):
                file.unlink(missing_ok=True)
    search.looked.append(f"{cache}: no {_names(search.wanted)}")
    return None


def _candidates(wanted: Wanted, folder: Path) -> Iterator[Path]:
    """The files in the folder with a matching name, best first: for Java the newest build, JRE before JDK."""
    if wanted.pattern is None:
        yield from (path for name in wanted.names if (path := folder / name).exists())
        return
    fitting: list[tuple[list[int], bool, Path]] = []
    for path in folder.iterdir() if folder.is_dir() else ():
        if match := wanted.pattern.fullmatch(path.name):
            numbers = [int(number) for number in re.findall(r"\d+", match["build"])]
            fitting.append((numbers, match["kind"] == "jre", path))
    yield from (path for _, _, path in sorted(fitting, reverse=True))


def _names(wanted: Wanted) -> str:
    if wanted.pattern is not None:
        example = f", for instance {wanted.names[0]}" if wanted.names else ""
        return f"Temurin {wanted.version} for {wanted.arch}{example}"
    return " or ".join(wanted.names) or str(wanted)


def _nowhere(search: _Search) -> NotCataloguedError:
    wanted = search.wanted
    return NotCataloguedError(
        f"{wanted} was not found locally and is not in the catalogue",
        cause="\n".join(search.looked),
        hint=f"put {_names(wanted)} into a folder and pass --archives DIR, or set archive in kprov.yaml; "
        f"{not_catalogued(wanted)}",
    )


def _carry(wanted: Wanted) -> str:
    command = " ".join(("kprov fetch", *wanted.options, "--to DIR"))
    return (
        f"on a machine with internet access run: {command}; then copy DIR here and pass --archives DIR; "
        "behind a proxy set HTTPS_PROXY"
    )
