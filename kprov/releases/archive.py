"""A checked archive: it has the wanted product and version, is complete and safe to unpack."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from packaging.version import InvalidVersion, Version

from kprov.errors import UsageError
from kprov.events import Emit, ignore
from kprov.releases import checksum
from kprov.releases.checksum import Checksum
from kprov.releases.contents import Contents, scan
from kprov.releases.memory import Memory
from kprov.releases.product import Product, java_major

_KAFKA_JAR = re.compile(r"libs/kafka_(\d+\.\d+)-(\d+(?:\.\d+)+)\.jar")
_ZOOKEEPER_JAR = re.compile(r"(?:lib/)?zookeeper-(\d+(?:\.\d+)+(?:-(?:alpha|beta))?)\.jar")
_RELEASE_LINE = re.compile(r'^([A-Z_]+)="?([^"\n]*)"?\s*$', re.MULTILINE)
# os.arch, as a Java names its machine in `release` -> uname -m
_MACHINES = {"amd64": "x86_64", "x64": "x86_64", "arm64": "aarch64"}


@dataclass(frozen=True)
class Archive:
    """A local archive that was inspected.

    version: of the product inside: "1.0.0", "3.5.3-beta"; of Java as it prints it, "11.0.29" or "1.8.0_472".
    name: the file's name. top: the top directory that contains everything.
    sha256, sha512: lower-case hexadecimal. size: bytes of the file.
    arch: the machine of a Java, as in ``uname -m``; None if unknown, and for the other products.
    scala: the Scala build of a Kafka, "2.12".
    unpacked: bytes of the unpacked files, without overhead of the file system; 0 if not measured.
    gzipped: False for a plain tar, as ZooKeeper 3.5.3-beta was published; unpack it without requiring gzip.
    """

    product: Product
    version: str
    path: Path
    name: str
    top: str
    sha256: str
    sha512: str
    size: int
    arch: str | None = None
    scala: str | None = None
    unpacked: int = 0
    gzipped: bool = True

    @property
    def major(self) -> int:
        """The first number of the version; for Java its major version (8 for 1.8.0_472)."""
        return java_major(self.version) if self.product is Product.JAVA else int(self.version.split(".")[0])


def inspect(
    path: Path,
    product: Product,
    *,
    version: str | None = None,
    scala: str | None = None,
    arch: str | None = None,
    memory: Memory | None = None,
    emit: Emit = ignore,
) -> Archive:
    """Check a local archive before any host is changed.

    version: the required version; for Java a major version ("11") or a full version; None for any. scala, arch: the
    required build and machine, None for any. memory: where to keep the result for the next run.
    Raises UsageError, with the file and a fix, if the file cannot be read, is truncated, not a tar, unsafe to unpack,
    differs from the checksum next to it, or contains another product, version, build or machine.
    """
    contents = _contents(path, memory, emit)
    sums = {algorithm: Checksum(algorithm, getattr(contents, algorithm)) for algorithm in ("sha256", "sha512")}
    if found := checksum.beside(path):
        published, file = found
        published.require(path, source=str(file), known=sums.get(published.algorithm))
    archive = _identify(path, product, contents)
    _require_wanted(archive, version, scala, arch)
    return archive


def _contents(path: Path, memory: Memory | None, emit: Emit) -> Contents:
    try:
        key = Memory.key(path)
    except OSError:
        return scan(path, emit=emit)  # raises the right error
    if memory is not None and (known := memory.recall(key)):
        return known
    contents = scan(path, emit=emit)
    try:
        unchanged = Memory.key(path) == key
    except OSError:
        unchanged = False
    if memory is not None and unchanged:
        memory.keep(key, contents)
    return contents


def _identify(path: Path, product: Product, contents: Contents) -> Archive:
    version = scala = arch = None
    match product:
        case Product.KAFKA:
            if "bin/kafka-server-start.sh" in contents.telling:
                scala, version = next(
                    (m.groups() for text in contents.telling if (m := _KAFKA_JAR.fullmatch(text))), (None, None)
                )
        case Product.ZOOKEEPER:
            if "bin/zkServer.sh" in contents.telling:
                version = next((m[1] for text in contents.telling if (m := _ZOOKEEPER_JAR.fullmatch(text))), None)
        case Product.JAVA:
            if "bin/java" in contents.telling:
                release = dict(_RELEASE_LINE.findall(contents.release))
                version = release.get("JAVA_VERSION")
                named = release.get("OS_ARCH")
                arch = _MACHINES.get(named, named) if named else contents.machine
    if version is None:
        raise _other_product(path, product, contents)
    return Archive(
        product,
        version,
        path,
        path.name,
        contents.top,
        contents.sha256,
        contents.sha512,
        contents.size,
        arch,
        scala,
        contents.unpacked,
        contents.gzipped,
    )


def _other_product(path: Path, product: Product, contents: Contents) -> UsageError:
    """The error for a valid archive of something else; it says what the archive seems to be."""
    marks = {
        "bin/kafka-server-start.sh": Product.KAFKA,
        "bin/zkServer.sh": Product.ZOOKEEPER,
        "bin/java": Product.JAVA,
    }
    seen = next((marks[text] for text in contents.telling if text in marks), None)
    sources = {"pom.xml", "build.gradle", "build.xml"}
    jars = (_KAFKA_JAR, _ZOOKEEPER_JAR)
    built = any(jar.fullmatch(text) for jar in jars for text in contents.telling)
    if sources.intersection(contents.telling) and not built:
        cause = "it is a source archive, which cannot be run"
    elif seen is not None and seen is not product:
        cause = f"it is an archive of {seen.label}"
    else:
        needed = {
            Product.KAFKA: "bin/kafka-server-start.sh and libs/kafka_SCALA-VERSION.jar",
            Product.ZOOKEEPER: "bin/zkServer.sh and zookeeper-VERSION.jar",
            Product.JAVA: "bin/java and release with JAVA_VERSION",
        }[product]
        cause = f"{contents.top}/ does not contain {needed}"
    name = {
        Product.KAFKA: "kafka_SCALA-VERSION.tgz",
        Product.ZOOKEEPER: "apache-zookeeper-VERSION-bin.tar.gz (zookeeper-VERSION.tar.gz before 3.5.5)",
        Product.JAVA: "a Java for Linux as .tar.gz",
    }[product]
    return UsageError(f"it does not contain {product.label}", where=str(path), cause=cause, hint=f"use {name}")


def _require_wanted(archive: Archive, version: str | None, scala: str | None, arch: str | None) -> None:
    where, label = str(archive.path), archive.product.label
    if version is not None and not _same_version(archive, version):
        raise UsageError(
            f"it contains {label} {archive.version} instead of {version}",
            where=where,
            hint=f"give the archive of {label} {version}, or choose version {archive.version}",
        )
    if scala is not None and archive.scala != scala:
        raise UsageError(
            f"it contains the build for Scala {archive.scala} instead of {scala}",
            where=where,
            hint=f"get kafka_{scala}-{archive.version}.tgz, or do not choose a Scala build",
        )
    if arch is not None and archive.arch is not None and archive.arch != arch:
        raise UsageError(
            f"it is a Java for {archive.arch}, but the host is {arch}", where=where, hint=f"get the archive for {arch}"
        )


def _same_version(archive: Archive, wanted: str) -> bool:
    if archive.product is Product.JAVA and wanted.isdigit():
        return archive.major == int(wanted)
    try:
        return Version(archive.version) == Version(wanted)
    except InvalidVersion:  # 1.8.0_472
        return archive.version == wanted
