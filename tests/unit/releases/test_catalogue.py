"""The catalogue: names, URLs, builds, and the messages about versions that it does not have."""

from __future__ import annotations

from datetime import date

import httpx
import pytest

from kprov.errors import UsageError
from kprov.releases import catalogue
from kprov.releases.compatibility import Level, check
from kprov.releases.product import Product, java_major


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ("1.0.0", "kafka_2.12-1.0.0.tgz"),
        ("1.1.1", "kafka_2.12-1.1.1.tgz"),
        ("2.8.2", "kafka_2.13-2.8.2.tgz"),
        ("3.5.2", "kafka_2.13-3.5.2.tgz"),
        ("3.9.2", "kafka_2.13-3.9.2.tgz"),
    ],
)
def test_kafka_archives_are_named_as_upstream_names_them(version: str, name: str) -> None:
    wanted = catalogue.kafka(version)
    assert wanted.names[0] == name
    assert wanted.upstream is not None
    assert wanted.upstream.name == name
    assert f"https://archive.apache.org/dist/kafka/{version}/{name}" in wanted.upstream.addresses
    assert f"https://downloads.apache.org/kafka/{version}/{name}.sha512" in wanted.upstream.sums


@pytest.mark.parametrize(
    ("version", "name", "unusable"),
    [
        ("3.4.14", "zookeeper-3.4.14.tar.gz", set()),
        ("3.5.3-beta", "zookeeper-3.5.3-beta.tar.gz", set()),
        ("3.5.10", "apache-zookeeper-3.5.10-bin.tar.gz", {"apache-zookeeper-3.5.10.tar.gz"}),
        ("3.6.4", "apache-zookeeper-3.6.4-bin.tar.gz", {"apache-zookeeper-3.6.4.tar.gz"}),
        ("3.8.6", "apache-zookeeper-3.8.6-bin.tar.gz", {"apache-zookeeper-3.8.6.tar.gz"}),
        ("3.9.5", "apache-zookeeper-3.9.5-bin.tar.gz", {"apache-zookeeper-3.9.5.tar.gz"}),
    ],
)
def test_zookeeper_archives_are_named_as_upstream_names_them(version: str, name: str, unusable: set[str]) -> None:
    wanted = catalogue.zookeeper(version)
    assert wanted.names == (name,)
    assert set(wanted.unusable) == unusable
    assert wanted.upstream is not None
    assert wanted.upstream.addresses[-1] == f"https://archive.apache.org/dist/zookeeper/zookeeper-{version}/{name}"


@pytest.mark.parametrize(
    ("release", "arch", "name"),
    [
        ("temurin-8", "x86_64", "OpenJDK8U-jre_x64_linux_hotspot_8u472b08.tar.gz"),
        ("temurin-11", "x86_64", "OpenJDK11U-jre_x64_linux_hotspot_11.0.29_7.tar.gz"),
        ("temurin-17", "aarch64", "OpenJDK17U-jre_aarch64_linux_hotspot_17.0.17_10.tar.gz"),
    ],
)
def test_java_archives_are_named_as_upstream_names_them(release: str, arch: str, name: str) -> None:
    wanted = catalogue.java(release, arch=arch)
    assert wanted.names == (name,)
    assert wanted.upstream is not None
    assert wanted.upstream.known is not None
    assert wanted.upstream.known.algorithm == "sha256"
    assert wanted.upstream.sums == (f"{wanted.upstream.addresses[0]}.sha256.txt",)
    assert wanted.pattern is not None
    assert wanted.pattern.fullmatch(name)


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("OpenJDK11U-jdk_x64_linux_hotspot_11.0.13_8.tar.gz", True),
        ("OpenJDK11-jdk_x64_linux_hotspot_11_28.tar.gz", True),
        ("OpenJDK11U-jre_x64_linux_hotspot_11.0.20.1_1.tar.gz", True),
        ("OpenJDK11U-jre_aarch64_linux_hotspot_11.0.29_7.tar.gz", False),
        ("OpenJDK11U-jre_x64_alpine-linux_hotspot_11.0.29_7.tar.gz", False),
        ("OpenJDK11U-jre_x64_mac_hotspot_11.0.29_7.tar.gz", False),
        ("OpenJDK11U-testimage_x64_linux_hotspot_11.0.29_7.tar.gz", False),
        ("OpenJDK11U-jre_x64_linux_hotspot_11.0.29_7.tar.gz.sha256.txt", False),
        ("OpenJDK17U-jre_x64_linux_hotspot_17.0.17_10.tar.gz", False),
    ],
)
def test_any_build_of_the_major_version_for_the_machine_is_accepted(name: str, fits: bool) -> None:
    pattern = catalogue.java("temurin-11").pattern
    assert pattern is not None
    assert bool(pattern.fullmatch(name)) is fits


def test_every_catalogued_release_has_valid_urls() -> None:
    wanted = [catalogue.kafka(version) for version in catalogue.known_versions(Product.KAFKA)]
    wanted += [catalogue.zookeeper(version) for version in catalogue.known_versions(Product.ZOOKEEPER)]
    wanted += [
        catalogue.java(release, arch=arch)
        for release in catalogue.known_versions(Product.JAVA)
        for arch in catalogue.architectures()
    ]
    for item in wanted:
        assert item.upstream is not None
        for address in item.upstream.addresses + item.upstream.sums:
            assert httpx.URL(address).scheme == "https"
            assert "{" not in address
            assert item.names[0] in address


def test_the_defaults_are_catalogued_and_run_together() -> None:
    kafka, zookeeper, java = (catalogue.default_version(product) for product in Product)
    assert (kafka, zookeeper, java) == ("1.0.0", "3.5.3-beta", "temurin-8")
    assert check(kafka, zookeeper, catalogue.release_major(java)).level is Level.SUPPORTED


@pytest.mark.parametrize("kafka", catalogue.known_versions(Product.KAFKA))
def test_every_catalogued_kafka_runs_on_a_catalogued_java_and_zookeeper(kafka: str) -> None:
    assert any(
        check(kafka, zookeeper, catalogue.release_major(java)).level is Level.SUPPORTED
        for zookeeper in catalogue.known_versions(Product.ZOOKEEPER)
        for java in catalogue.known_versions(Product.JAVA)
    )


@pytest.mark.parametrize(
    ("kafka", "zookeeper"),
    [
        ("1.0.0", "3.4.10"),
        ("1.1.1", "3.4.10"),
        ("2.2.2", "3.4.13"),
        ("2.3.1", "3.4.14"),
        ("2.4.0", "3.5.6"),
        ("2.4.1", "3.5.7"),
        ("2.5.0", "3.5.7"),
        ("2.5.1", "3.5.8"),
        ("2.6.3", "3.5.9"),
        ("2.7.0", "3.5.8"),
        ("2.8.2", "3.5.9"),
        ("3.4.0", "3.6.3"),
        ("3.4.1", "3.6.4"),
        ("3.5.2", "3.6.4"),
        ("3.6.1", "3.8.3"),
        ("3.6.2", "3.8.4"),
        ("3.7.0", "3.8.3"),
        ("3.9.2", "3.8.4"),
    ],
)
def test_each_kafka_has_its_bundled_zookeeper(kafka: str, zookeeper: str) -> None:
    assert catalogue.bundled_zookeeper(kafka) == zookeeper


@pytest.mark.parametrize(
    ("kafka", "builds"),
    [
        ("1.0.0", ("2.12", "2.11")),
        ("2.3.1", ("2.12", "2.11")),
        ("2.4.1", ("2.12", "2.11", "2.13")),
        ("2.8.2", ("2.13", "2.12")),
    ],
)
def test_each_kafka_has_its_scala_builds(kafka: str, builds: tuple[str, ...]) -> None:
    assert catalogue.scala_builds(kafka) == builds


def test_a_scala_build_can_be_required() -> None:
    wanted = catalogue.kafka("1.0.0", scala="2.11")
    assert wanted.names == ("kafka_2.11-1.0.0.tgz",)
    assert wanted.upstream is not None
    assert wanted.upstream.name == "kafka_2.11-1.0.0.tgz"
    with pytest.raises(UsageError, match=r"Kafka 1\.0\.0 has no build for Scala 2\.13"):
        catalogue.kafka("1.0.0", scala="2.13")


def test_an_uncatalogued_version_can_be_requested_but_not_downloaded() -> None:
    wanted = catalogue.kafka("2.4.1")
    assert wanted.upstream is None
    assert "kafka_2.12-2.4.1.tgz" in wanted.names
    assert catalogue.not_catalogued(wanted).endswith("nearest: 1.1.1 and 2.8.2")
    assert catalogue.not_catalogued(catalogue.zookeeper("3.9.9")).endswith("nearest: 3.9.5")
    java = catalogue.java("temurin-21")
    assert java.upstream is None
    assert "temurin-17" in catalogue.not_catalogued(java)


@pytest.mark.parametrize("version", ["1.0", "1.0.0.0", "1", "newest", "1.0.0 ", "1.0.0+x", ""])
def test_a_malformed_version_is_a_usage_error(version: str) -> None:
    with pytest.raises(UsageError, match="is not a version"):
        catalogue.kafka(version)


def test_a_version_that_is_too_old_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="is too old for kprov"):
        catalogue.kafka("0.11.0")
    with pytest.raises(UsageError, match="is too old for kprov"):
        catalogue.zookeeper("3.3.6")


@pytest.mark.parametrize("release", ["temurin", "temurin-x", "zulu-11", "11", "temurin-8u"])
def test_an_unknown_java_is_a_usage_error(release: str) -> None:
    with pytest.raises(UsageError, match="is not a Java release"):
        catalogue.java(release)


def test_a_machine_without_java_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="no Java for i686"):
        catalogue.java("temurin-8", arch="i686")


def test_end_of_life_is_known_for_catalogued_lines_only() -> None:
    assert catalogue.end_of_life(Product.ZOOKEEPER, "3.5.3-beta") == date(2022, 6, 1)
    assert catalogue.end_of_life(Product.ZOOKEEPER, "3.9.5") is None
    assert catalogue.end_of_life(Product.KAFKA, "1.0.2") == date(2018, 11, 1)
    assert catalogue.end_of_life(Product.KAFKA, "2.5.0") is None
    assert catalogue.end_of_life(Product.JAVA, "11.0.29") is None


@pytest.mark.parametrize(("text", "major"), [("1.8.0_472", 8), ("8", 8), ("11.0.29", 11), ("17", 17)])
def test_java_major_reads_both_version_schemes(text: str, major: int) -> None:
    assert java_major(text) == major


def test_java_major_refuses_text_that_is_not_a_version() -> None:
    with pytest.raises(UsageError):
        java_major("unknown")
