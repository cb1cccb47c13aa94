"""The releases of an installation: where their archives are, which are already on the host, which work together.

No host is contacted here: the receipt says what is installed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Set
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from posixpath import basename

from kprov.errors import Problem, UsageError
from kprov.events import Emit
from kprov.kinds.release import ReleaseEntry
from kprov.receipt import ON_HOST, Receipt
from kprov.releases import catalogue
from kprov.releases.archive import Archive
from kprov.releases.chosen import Releases
from kprov.releases.compatibility import Compatibility, check
from kprov.releases.product import Product, java_major
from kprov.releases.sources import ArchiveNotFoundError, NotCataloguedError, find_again, locate, require_folder
from kprov.roles.common import release_path
from kprov.roles.java import java_path
from kprov.spec.model import Cluster, Mode, RoleName


def verify_local_archives(cluster: Cluster, archives: Path | None, emit: Emit, *, whole: bool) -> None:
    """Verify the archives that are on this machine, before any host is contacted. Nothing is downloaded.

    archives: a folder that is searched before the cache. whole: whether the specification is complete, as a kprov.yaml
    is. Otherwise only the archives that an option names are verified: which other ones are needed, and whether the
    versions work together, depends on what is on the host. Raises UsageError for an archive that cannot be used.
    """
    if archives is not None:
        require_folder(archives)
    for wanted, given in needed(cluster) if whole else _named_by_options(cluster):
        with suppress(ArchiveNotFoundError, NotCataloguedError):
            archive = locate(wanted, given=given, archives=archives, fetch=False, emit=emit)
            if whole and archive.product is Product.JAVA:
                check_compatibility(cluster, archive.major)


def _named_by_options(cluster: Cluster) -> Iterator[tuple[catalogue.Wanted, str | None]]:
    """The archives whose versions or places this run names."""
    kafka, zookeeper, java = cluster.kafka, cluster.zookeeper, cluster.java
    if "version" in kafka.model_fields_set:
        yield catalogue.kafka(kafka.version, scala=kafka.scala), kafka.archive
    elif kafka.archive:
        yield catalogue.Wanted(Product.KAFKA, None, ()), kafka.archive
    if "version" in zookeeper.model_fields_set:
        yield catalogue.zookeeper(zookeeper.version), zookeeper.archive
    elif zookeeper.archive:
        yield catalogue.Wanted(Product.ZOOKEEPER, None, ()), zookeeper.archive
    if "release" in java.model_fields_set or java.archive:
        yield catalogue.java(None if java.archive else java.release), java.archive


def find_releases(
    cluster: Cluster,
    receipt: Receipt,
    archives: Path | None,
    emit: Emit,
    gone: Set[str] = frozenset(),
    *,
    roles: Collection[RoleName] = tuple(RoleName),
) -> Releases:
    """Find and verify every archive; for a release on the host the receipt suffices.

    archives: a folder that is searched before the cache. gone: directories of releases that the receipt lists and that
    the host has lost, so that their archives are needed. roles: of the host; what none of them runs is only named.
    Raises UsageError, also if the versions do not work together.
    """
    found: dict[Product, Archive] = {}
    for wanted, given in needed(cluster):
        if wanted.product in _unused(cluster, roles):
            found[wanted.product] = _only_named(wanted, given)
            continue
        there = on_host(wanted, given, receipt)
        if there is not None and directory(there) in gone:
            there = find_again(there.name, there.sha256, wanted.product, archives, emit)
        found[wanted.product] = there or _located(wanted, given, receipt, archives, emit, fetch=True)
    if java := found.get(Product.JAVA):
        check_compatibility(cluster, java.major)
    return Releases(found[Product.KAFKA], found.get(Product.ZOOKEEPER), java)


def _unused(cluster: Cluster, roles: Collection[RoleName]) -> set[Product]:
    """The products that a host with these roles does not run."""
    unused = {Product.ZOOKEEPER} if RoleName.ZOOKEEPER not in roles else set()
    if RoleName.BROKER not in roles and cluster.zookeeper.mode is Mode.STANDALONE:
        unused.add(Product.KAFKA)
    return unused


def _only_named(wanted: catalogue.Wanted, given: str | None) -> Archive:
    """The archive of a product that other hosts run, with the directory of its release there."""
    archive = named(wanted)
    on_others = given is not None and given.startswith(ON_HOST)
    return replace(archive, top=basename(given or "")) if on_others else archive


def _located(
    wanted: catalogue.Wanted, given: str | None, receipt: Receipt, archives: Path | None, emit: Emit, *, fetch: bool
) -> Archive:
    """The archive at the given place, or where it is found. Raises UsageError."""
    if given is None or not given.startswith(ON_HOST):
        return locate(wanted, given=given, archives=archives, fetch=fetch, emit=emit)
    path, option = given.removeprefix(ON_HOST), f"--{wanted.product}-archive"
    name, sha256 = _unpacked_from(path, receipt)
    if sha256 and (again := find_again(name, sha256, wanted.product, archives, emit)):
        return again
    raise UsageError(
        f"{wanted.product.label} in {path} is gone from the host, and the archive that it came from was not found",
        where=option,
        cause=f"it was {name}, SHA-256 {sha256}" if sha256 else "",
        hint=f"pass {option} PATH; or choose a release that kprov knows",
    )


def _unpacked_from(path: str, receipt: Receipt) -> tuple[str, str]:
    """Name and SHA-256 of the archive of the release in a directory of the host; empty if unknown."""
    entry = receipt.made.get(f"release:{path}")
    if isinstance(entry, ReleaseEntry):
        return entry.name, entry.sha256
    known = (receipt.last or {}).get("archives", {}).get(path, {})
    return known.get("name", ""), known.get("sha256", "")


def known_releases(
    cluster: Cluster,
    receipt: Receipt,
    archives: Path | None,
    emit: Emit,
    *,
    roles: Collection[RoleName] = tuple(RoleName),
) -> Releases:
    """The same without a download: for an archive that is not on this machine, the names suffice to plan."""
    found: dict[Product, Archive] = {}
    for wanted, given in needed(cluster):
        if wanted.product in _unused(cluster, roles):
            found[wanted.product] = _only_named(wanted, given)
            continue
        there = on_host(wanted, given, receipt)
        try:
            found[wanted.product] = there or _located(wanted, given, receipt, archives, emit, fetch=False)
        except ArchiveNotFoundError:
            found[wanted.product] = named(wanted)
    return Releases(found[Product.KAFKA], found.get(Product.ZOOKEEPER), found.get(Product.JAVA))


def assumed_releases(cluster: Cluster) -> Releases:
    """The releases of a specification without a host: archives that are given, and the names of the others."""
    found = {
        wanted.product: locate(wanted, given=given) if given else named(wanted) for wanted, given in needed(cluster)
    }
    return Releases(found[Product.KAFKA], found.get(Product.ZOOKEEPER), found.get(Product.JAVA))


def named(wanted: catalogue.Wanted) -> Archive:
    """What is known about an archive that is not on this machine: enough for paths and versions."""
    name = wanted.names[0] if wanted.names else f"{wanted.product}-{wanted.version}"
    top = name.removesuffix(".tgz").removesuffix(".tar.gz")
    if wanted.product is Product.JAVA:
        top = f"temurin-{wanted.version}"
    version = wanted.version or ""
    return Archive(wanted.product, version, Path(name), name, top, "", "", 0)


def needed(cluster: Cluster) -> Iterator[tuple[catalogue.Wanted, str | None]]:
    """Which archives are needed, each with its given place. Raises UsageError for versions that do not exist."""
    kafka, zookeeper, java = cluster.kafka, cluster.zookeeper, cluster.java
    if not java.home and not java.archive:
        check_compatibility(cluster, catalogue.release_major(java.release))
    yield catalogue.kafka(kafka.version, scala=kafka.scala), kafka.archive
    if zookeeper.mode is Mode.STANDALONE:
        yield catalogue.zookeeper(zookeeper.version), zookeeper.archive
    if not java.home:
        yield catalogue.java(None if java.archive else java.release), java.archive


def on_host(wanted: catalogue.Wanted, given: str | None, receipt: Receipt) -> Archive | None:
    """The archive of a release that kprov has unpacked on the host, according to the receipt; the newest of several.

    given: the given place of the archive. Only a place on the host is looked up there.
    """
    releases = [entry for entry in receipt.made.values() if isinstance(entry, ReleaseEntry)]
    for entry in reversed(releases):
        if entry.product != wanted.product or entry.pending or entry.previous:
            continue
        if _is_wanted(entry, wanted) if given is None else f"{ON_HOST}{entry.path}" == given:
            name = entry.name or entry.top
            return Archive(wanted.product, entry.version, Path(name), name, entry.top, entry.sha256, "", entry.size)
    return None


def _is_wanted(entry: ReleaseEntry, wanted: catalogue.Wanted) -> bool:
    """Whether a release on the host has the wanted version and build."""
    if wanted.product is not Product.JAVA:
        return entry.version == wanted.version and (not wanted.scala or f"_{wanted.scala}-" in entry.top)
    # Any build of that Java does, but not another vendor's archive that was once given; old receipts know no names.
    build = wanted.pattern is None or not entry.name or wanted.pattern.fullmatch(entry.name) is not None
    return str(java_major(entry.version)) == wanted.version and build


def directory(archive: Archive) -> str:
    """Where a release lies on the host."""
    return java_path(archive) if archive.product is Product.JAVA else release_path(archive)


def check_compatibility(cluster: Cluster, java: int) -> Compatibility:
    """Kafka, ZooKeeper and Java (its major) together. Raises UsageError if they cannot run."""
    server = None if cluster.zookeeper.mode is Mode.BUNDLED else cluster.zookeeper.version
    result = check(cluster.kafka.version, server, java)
    if result.problems:
        where = "kafka.version, zookeeper.version, java.release"
        raise UsageError([Problem(item.what, where, item.cause, item.hint) for item in result.problems])
    return result
