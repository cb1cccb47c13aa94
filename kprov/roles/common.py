"""Small pieces that the desired state of several products is built from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from kprov.kinds.base import Resource
from kprov.kinds.directory import Directory, Purpose
from kprov.kinds.file import File
from kprov.kinds.release import Release
from kprov.releases.archive import Archive
from kprov.roles.templates import render

RELEASES = "/usr/local"
TEMPORARY = "tmp"  # in a home
KAFKA_USER = "kafka"
ZOOKEEPER_USER = "zookeeper"
KAFKA_UNIT = "kafka.service"
ZOOKEEPER_UNIT = "zookeeper.service"
# If KAFKA_JMX_OPTS is empty, kafka-run-class.sh turns JMX on, with a socket on a random port. This option does nothing.
JMX_OFF = "-Dkprov.jmx=off"


def release(archive: Archive, path: str) -> Release:
    """The release of an archive, unpacked at ``path``."""
    label = f"{archive.product.label} {archive.version}"
    return Release(
        path,
        archive.product.value,
        archive.version,
        label,
        archive.name,
        archive.sha256,
        archive.size,
        archive.top,
        archive.path,
    )


def release_path(archive: Archive) -> str:
    """Where a Kafka or ZooKeeper release lies: beside the others, under its own name."""
    return f"{RELEASES}/{archive.top}"


def parents(path: str) -> list[Resource]:
    """The directories above ``path``, from the top; others may have made them."""
    above = list(PurePosixPath(path).parents)[:-1]
    return [Directory(str(parent), shared=True) for parent in reversed(above)]


def unique(resources: Iterable[Resource]) -> list[Resource]:
    """The resources without repetitions; the first of an id stays."""
    first: dict[str, Resource] = {}
    for resource in resources:
        first.setdefault(resource.id, resource)
    return list(first.values())


def temporary(path: str, user: str) -> Directory:
    """A service's own directory for temporary files: codecs unpack their libraries there, so code must run in it."""
    return Directory(path, user, user, "0700", purpose=Purpose.TEMPORARY)


def temporary_option(path: str) -> str:
    """The option of Java that names it; snappy-java, lz4-java and zstd-jni follow it, too."""
    return f"-Djava.io.tmpdir={path}"


def environment_file(path: str, unit: str, group: str, environment: Mapping[str, str]) -> File:
    """The EnvironmentFile of a unit; it may come to hold secrets, so only the service reads it."""
    quoted = [(name, value.replace("\\", "\\\\").replace('"', '\\"')) for name, value in environment.items()]
    return File(path, render("service.env", unit=unit, environment=quoted), group=group, mode="0640")
