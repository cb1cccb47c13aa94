"""Specifications, archives and desired states for unit tests, built by hand."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kprov.releases.archive import Archive
from kprov.releases.product import Product
from kprov.roles.desired import Desired, desired
from kprov.roles.inputs import Inputs
from kprov.roles.java import java_path
from kprov.spec.model import Cluster, Mode
from kprov.topology import Node, topology

KAFKA = ("1.0.0", "1.1.1", "2.8.2", "3.5.2", "3.9.2")
ZOOKEEPER = ("3.4.14", "3.5.3-beta", "3.8.6")
HOST_JAVA = "/usr/lib/jvm/java-11"
ADDRESS = "192.168.78.141"
# The workaround for Kafka 1.0 on Java 11.
NO_GC_LOG = {"KAFKA_GC_LOG_OPTS": "-Dkprov.gc.log=off"}


def archive(product: Product, version: str, *, top: str | None = None, content: str = "") -> Archive:
    """An archive that does not exist on disk; ``content`` distinguishes two with the same name."""
    tops = {
        Product.KAFKA: f"kafka_2.12-{version}",
        Product.ZOOKEEPER: f"apache-zookeeper-{version}-bin" if version >= "3.5.5" else f"zookeeper-{version}",
        Product.JAVA: f"jdk-{version}-jre",
    }
    top = top or tops[product]
    name = f"{top}.tgz" if product is Product.KAFKA else f"{top}.tar.gz"
    sums = [hashlib.new(algorithm, (name + content).encode()).hexdigest() for algorithm in ("sha256", "sha512")]
    return Archive(product, version, Path("/archives") / name, name, top, sums[0], sums[1], 1000)


def asked(
    *,
    kafka: str = "1.0.0",
    zookeeper: str = "3.5.3-beta",
    mode: str = "standalone",
    java_home: str | None = None,
    properties: Mapping[str, str] | None = None,
    more: Mapping[str, Mapping[str, Any]] | None = None,
) -> Cluster:
    """A specification of one host; ``more`` adds keys below kafka, zookeeper or host."""
    extra = more or {}
    return Cluster.model_validate(
        {
            "kafka": {"version": kafka, "properties": dict(properties or {}), **extra.get("kafka", {})},
            "zookeeper": {"version": zookeeper, "mode": mode, **extra.get("zookeeper", {})},
            "java": {"home": java_home} if java_home else {"release": "temurin-11"},
            "hosts": [{"address": ADDRESS, **extra.get("host", {})}],
        }
    )


def inputs(
    cluster: Cluster,
    *,
    environment: Mapping[str, str] | None = None,
    firewalld: bool = False,
    zone: str = "public",
    systemd: int = 219,
    content: str = "",
    real: Mapping[str, str] | None = None,
) -> Inputs:
    """The releases for the specification."""
    java = None if cluster.java.home else archive(Product.JAVA, "11.0.29")
    standalone = cluster.zookeeper.mode is Mode.STANDALONE
    return Inputs(
        archive(Product.KAFKA, cluster.kafka.version, content=content),
        archive(Product.ZOOKEEPER, cluster.zookeeper.version) if standalone else None,
        java,
        environment or {},
        firewalld,
        zone if firewalld else "",
        systemd,
        real=real or {},
    )


def node(cluster: Cluster, index: int = 0) -> Node:
    """A host of the cluster, with the Java that ``inputs`` takes."""
    home = str(cluster.java.home) if cluster.java.home else java_path(archive(Product.JAVA, "11.0.29"))
    return topology(cluster)[index].with_java(home, "11.0.29")


def wanted(cluster: Cluster, index: int = 0, **options: Any) -> Desired:
    """The desired state of a host of the specification."""
    return desired(node(cluster, index), inputs(cluster, **options))


def content(state: Desired, path: str) -> str:
    """The text of one rendered file, by the end of its path."""
    found = [file.content for file in state.files() if file.path.endswith(path)]
    if len(found) != 1:
        raise AssertionError(f"{len(found)} files end with {path}")
    return found[0].decode()


def combinations() -> Iterator[tuple[str, Cluster]]:
    """Every combination of ZooKeeper's mode and version, Kafka's version, and where Java comes from."""
    for kafka in KAFKA:
        for java_home in (None, HOST_JAVA):
            java = "host's java" if java_home else "pushed java"
            for zookeeper in ZOOKEEPER:
                yield f"{kafka}, {zookeeper}, {java}", asked(kafka=kafka, zookeeper=zookeeper, java_home=java_home)
            yield f"{kafka}, bundled, {java}", asked(kafka=kafka, mode="bundled", java_home=java_home)
