"""The catalogue: the releases that kprov knows, the names of their archives, and where they are published.

The data is in ``catalogue.yaml``. A request becomes a :class:`Wanted`, for which ``sources.locate`` finds the archive.
A version that is not in the catalogue can be requested too, if its archive is available locally.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib.resources import files
from typing import TypeVar

from packaging.version import Version
from pydantic import BaseModel, ConfigDict
from ruamel.yaml import YAML

from kprov.errors import UsageError, did_you_mean
from kprov.releases.checksum import Checksum
from kprov.releases.product import Product, java_major, parse_version

T = TypeVar("T")


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Apache(_Data):
    """Kafka or ZooKeeper; the keys of a mapping from versions mean "since that version"."""

    default: str
    versions: tuple[str, ...]
    names: Mapping[str, str]
    unusable: Mapping[str, Mapping[str, str]]
    addresses: tuple[str, ...]
    sums: tuple[str, ...]
    suffixes: tuple[str, ...]
    builds: Mapping[str, tuple[str, ...]] = {}
    zookeeper: Mapping[str, str] = {}
    end_of_life: Mapping[str, date] = {}


class _JavaRelease(_Data):
    build: str
    addresses: tuple[str, ...]
    sha256: Mapping[str, str]


class _Java(_Data):
    default: str
    architectures: Mapping[str, str]
    pattern: str
    releases: Mapping[str, _JavaRelease]
    suffixes: tuple[str, ...]


class _Catalogue(_Data):
    kafka: _Apache
    zookeeper: _Apache
    java: _Java


@cache
def _catalogue() -> _Catalogue:
    text = files("kprov.releases").joinpath("catalogue.yaml").read_text(encoding="utf-8")
    return _Catalogue.model_validate(YAML(typ="safe").load(text))


@dataclass(frozen=True)
class Upstream:
    """Where one file is published.

    name: the file's name.
    addresses: http(s) addresses of the file, in the order to try.
    sums: addresses at which its checksum may be, in the order to try.
    known: its checksum, if it is known; then no published checksum is read.
    """

    name: str
    addresses: tuple[str, ...]
    sums: tuple[str, ...] = ()
    known: Checksum | None = None


@dataclass(frozen=True)
class Wanted:
    """A request for an archive.

    version: the required version. For Java the major version ("11"), or None for any.
    names: the file names to search for, best first.
    pattern: if any build is acceptable, the pattern of the file names, with the groups ``kind`` and ``build``.
    upstream: what to download; None if the release is not in the catalogue.
    unusable: similar file names of other archives -> why they are unusable.
    scala: the required Scala build; None for any. Kafka only.
    arch: the required machine, as in ``uname -m``; None for any. Java only.
    options: the options with which ``kprov fetch`` gets it.
    """

    product: Product
    version: str | None
    names: tuple[str, ...]
    pattern: re.Pattern[str] | None = None
    upstream: Upstream | None = None
    unusable: Mapping[str, str] = field(default_factory=dict)
    scala: str | None = None
    arch: str | None = None
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.product.label} {self.version}" if self.version else self.product.label


def known_versions(product: Product) -> tuple[str, ...]:
    """The versions in the catalogue, oldest first; for Java the releases (``temurin-8`` ...)."""
    catalogue = _catalogue()
    match product:
        case Product.KAFKA:
            return catalogue.kafka.versions
        case Product.ZOOKEEPER:
            return catalogue.zookeeper.versions
        case Product.JAVA:
            return tuple(catalogue.java.releases)


def default_version(product: Product) -> str:
    """The version that kprov installs by default."""
    catalogue = _catalogue()
    return {
        Product.KAFKA: catalogue.kafka.default,
        Product.ZOOKEEPER: catalogue.zookeeper.default,
        Product.JAVA: catalogue.java.default,
    }[product]


def architectures() -> tuple[str, ...]:
    """The machines, as in ``uname -m``, for which there is a Java."""
    return tuple(_catalogue().java.architectures)


def kafka(version: str, *, scala: str | None = None) -> Wanted:
    """The archive of this version of Kafka. scala: the required build ("2.12"); None for any.

    Raises UsageError for a version that is malformed or too old, or that has no such build.
    """
    data, parsed = _catalogue().kafka, parse_version(Product.KAFKA, version)
    builds = scala_builds(version)
    if scala is not None and scala not in builds:
        raise UsageError(f"Kafka {version} has no build for Scala {scala}", hint=f"choose {', '.join(builds)}")
    template = _since(Product.KAFKA, data.names, parsed)
    names = tuple(template.format(version=version, build=build) for build in ([scala] if scala else builds))
    return Wanted(
        Product.KAFKA,
        version,
        names,
        upstream=_upstream(data, version, names[0]),
        unusable=_unusable(data, parsed, version),
        scala=scala,
        options=("--kafka-version", version, *(("--scala", scala) if scala else ())),
    )


def zookeeper(version: str) -> Wanted:
    """The archive of this version of ZooKeeper. Raises UsageError for a version that is malformed or too old."""
    data, parsed = _catalogue().zookeeper, parse_version(Product.ZOOKEEPER, version)
    name = _since(Product.ZOOKEEPER, data.names, parsed).format(version=version)
    return Wanted(
        Product.ZOOKEEPER,
        version,
        (name,),
        upstream=_upstream(data, version, name),
        unusable=_unusable(data, parsed, version),
        options=("--zookeeper-version", version),
    )


def java(release: str | None, *, arch: str = "x86_64") -> Wanted:
    """Java's archive: ``temurin-11`` for any build of Java 11, JRE or JDK; None for any Java.

    arch: the host's machine, as in ``uname -m``.
    Raises UsageError for a malformed release, or a machine without a Java.
    """
    data = _catalogue().java
    if arch not in data.architectures:
        raise UsageError(f"kprov has no Java for {arch}", hint=f"choose a host with {' or '.join(data.architectures)}")
    if release is None:
        return Wanted(Product.JAVA, None, (), arch=arch)
    vendor, _, major = release.partition("-")
    if vendor != "temurin" or not (major.isascii() and major.isdigit()):
        hint = f"{did_you_mean(release, data.releases)} choose {', '.join(data.releases)}".lstrip()
        raise UsageError(f"{release!r} is not a Java release", hint=hint)
    written = data.architectures[arch]
    pattern = re.compile(data.pattern.replace("{major}", major).replace("{arch}", re.escape(written)))
    upstream = None
    if known := data.releases.get(release):
        name = known.build.format(arch=written)
        addresses = tuple(address.format(name=name) for address in known.addresses)
        sums = tuple(address + suffix for address in addresses for suffix in data.suffixes)
        upstream = Upstream(name, addresses, sums, Checksum.of_hex(known.sha256[written]))
    options = ("--java", release, *(("--arch", arch) if arch != "x86_64" else ()))
    return Wanted(
        Product.JAVA,
        major,
        (upstream.name,) if upstream else (),
        pattern=pattern,
        upstream=upstream,
        arch=arch,
        options=options,
    )


def scala_builds(kafka_version: str) -> tuple[str, ...]:
    """The Scala builds of this Kafka, kprov's choice first."""
    return _since(Product.KAFKA, _catalogue().kafka.builds, parse_version(Product.KAFKA, kafka_version))


def bundled_zookeeper(kafka_version: str) -> str:
    """The version of the ZooKeeper inside this Kafka: its client, and the server of ``--zookeeper bundled``."""
    return _since(Product.KAFKA, _catalogue().kafka.zookeeper, parse_version(Product.KAFKA, kafka_version))


def newest() -> Mapping[Product, str]:
    """The newest Kafka in the catalogue, and what goes with it: the newest ZooKeeper of the line that it bundles, whose
    client it has, and the newest Java.
    """
    kafka = known_versions(Product.KAFKA)[-1]
    bundled = parse_version(Product.ZOOKEEPER, bundled_zookeeper(kafka))
    servers = known_versions(Product.ZOOKEEPER)
    parsed = {text: parse_version(Product.ZOOKEEPER, text) for text in servers}
    line = [text for text in servers if parsed[text].release[:2] == bundled.release[:2]]
    return {
        Product.KAFKA: kafka,
        Product.ZOOKEEPER: (line or servers)[-1],
        Product.JAVA: known_versions(Product.JAVA)[-1],
    }


def release_major(release: str) -> int:
    """The major version of a Java release: 11 for ``temurin-11``."""
    return java_major(java(release).version or "")


def end_of_life(product: Product, version: str) -> date | None:
    """The day on which upstream stops fixing this version; None if unknown."""
    if product is Product.JAVA:
        return None
    parsed = parse_version(product, version)
    data = _catalogue().kafka if product is Product.KAFKA else _catalogue().zookeeper
    return data.end_of_life.get(f"{parsed.major}.{parsed.minor}")


def not_catalogued(wanted: Wanted) -> str:
    """A hint for a release that is not in the catalogue: the releases that are, and the nearest ones."""
    known = known_versions(wanted.product)
    text = f"kprov's catalogue has {', '.join(known)}"
    if wanted.product is Product.JAVA or wanted.version is None:
        return text
    version = parse_version(wanted.product, wanted.version)
    near = [
        *([x for x in known if Version(x) < version][-1:]),
        *([x for x in known if Version(x) > version][:1]),
    ]
    return f"{text}; nearest: {' and '.join(near)}"


def _since(product: Product, table: Mapping[str, T], version: Version) -> T:
    """The value of a table for the version: that of the latest key that is not after it."""
    lines = sorted(((Version(since), value) for since, value in table.items()), key=lambda line: line[0])
    held = [value for since, value in lines if since <= version]
    if not held:
        raise UsageError(f"{product.label} {version} is too old for kprov", hint=f"choose {lines[0][0]} or later")
    return held[-1]


def _upstream(data: _Apache, version: str, name: str) -> Upstream | None:
    if version not in data.versions:
        return None
    return Upstream(
        name,
        tuple(address.format(version=version, name=name) for address in data.addresses),
        tuple(address.format(version=version, name=name) + suffix for suffix in data.suffixes for address in data.sums),
    )


def _unusable(data: _Apache, parsed: Version, version: str) -> dict[str, str]:
    def lines() -> Iterator[tuple[str, str]]:
        for since, names in data.unusable.items():
            if Version(since) <= parsed:
                yield from ((name.format(version=version), why) for name, why in names.items())

    return dict(lines())
