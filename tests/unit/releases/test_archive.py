"""Archives are checked for the wanted product, version, build and machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kprov.errors import Problem, UsageError
from kprov.releases import archive as module
from kprov.releases.archive import Archive, inspect
from kprov.releases.contents import Contents, scan
from kprov.releases.memory import Memory
from kprov.releases.product import Product

Maker = Callable[..., Any]
KAFKA, ZOOKEEPER, JAVA = Product.KAFKA, Product.ZOOKEEPER, Product.JAVA


def refused(path: Path, product: Product, **asked: Any) -> Problem:
    with pytest.raises(UsageError) as caught:
        inspect(path, product, **asked)
    problem = caught.value.problems[0]
    assert problem.where == str(path)
    assert problem.hint
    return problem


def test_a_kafka_archive_is_identified(tmp_path: Path, kafka: Maker) -> None:
    path = kafka().write(tmp_path / "k.tgz")
    data = path.read_bytes()
    assert inspect(path, KAFKA, version="1.0.0", scala="2.12") == Archive(
        product=KAFKA,
        version="1.0.0",
        path=path,
        name="k.tgz",
        top="kafka_2.12-1.0.0",
        sha256=hashlib.sha256(data).hexdigest(),
        sha512=hashlib.sha512(data).hexdigest(),
        size=len(data),
        scala="2.12",
        unpacked=224,
    )


@pytest.mark.parametrize("version", ["3.4.14", "3.5.3-beta", "3.5.10", "3.9.5"])
def test_a_zookeeper_archive_is_identified(tmp_path: Path, zookeeper: Maker, version: str) -> None:
    archive = inspect(zookeeper(version).write(tmp_path / "z.tar.gz"), ZOOKEEPER, version=version)
    assert archive.version == version


@pytest.mark.parametrize(
    ("version", "asked", "major"),
    [
        ("11.0.29", "11", 11),
        ("11.0.29", "11.0.29", 11),
        ("1.8.0_472", "8", 8),
        ("1.8.0_472", "1.8.0_472", 8),
        ("17.0.17", None, 17),
    ],
)
def test_a_java_archive_is_identified(tmp_path: Path, java: Maker, version: str, asked: str | None, major: int) -> None:
    archive = inspect(java(version).write(tmp_path / "j.tar.gz"), JAVA, version=asked, arch="x86_64")
    assert (archive.version, archive.major, archive.arch) == (version, major, "x86_64")


@pytest.mark.parametrize(
    ("named", "machine", "arch"),
    [
        ("amd64", 62, "x86_64"),
        (None, 62, "x86_64"),
        (None, 183, "aarch64"),
        ("aarch64", 183, "aarch64"),
        (None, 9, None),
    ],
)
def test_the_machine_of_a_java_is_read_from_release_or_from_the_program(
    tmp_path: Path, java: Maker, named: str | None, machine: int, arch: str | None
) -> None:
    assert inspect(java(arch=named, machine=machine).write(tmp_path / "j.tar.gz"), JAVA).arch == arch


def test_a_java_for_another_machine_is_refused(tmp_path: Path, java: Maker) -> None:
    path = java(arch="aarch64").write(tmp_path / "j.tar.gz")
    assert refused(path, JAVA, arch="x86_64").what == "it is a Java for aarch64, but the host is x86_64"


@pytest.mark.parametrize(
    ("product", "inside", "asked", "what"),
    [
        (KAFKA, "1.1.1", "1.0.0", "Kafka 1.1.1 instead of 1.0.0"),
        (ZOOKEEPER, "3.4.14", "3.5.3-beta", "ZooKeeper 3.4.14 instead of 3.5.3-beta"),
        (JAVA, "17.0.17", "11", "Java 17.0.17 instead of 11"),
        (JAVA, "1.8.0_462", "1.8.0_472", "Java 1.8.0_462 instead of 1.8.0_472"),
    ],
)
def test_another_version_is_refused(
    tmp_path: Path, request: pytest.FixtureRequest, product: Product, *, inside: str, asked: str, what: str
) -> None:
    path = request.getfixturevalue(product.value)(inside).write(tmp_path / "a.tgz")
    assert refused(path, product, version=asked).what == f"it contains {what}"


def test_another_scala_build_is_refused(tmp_path: Path, kafka: Maker) -> None:
    path = kafka(scala="2.11").write(tmp_path / "a.tgz")
    assert inspect(path, KAFKA, version="1.0.0").scala == "2.11"
    assert "for Scala 2.11 instead of 2.12" in refused(path, KAFKA, scala="2.12").what


@pytest.mark.parametrize(
    ("product", "cause"),
    [(ZOOKEEPER, "it is an archive of Kafka"), (JAVA, "it is an archive of Kafka")],
)
def test_another_product_is_refused(tmp_path: Path, kafka: Maker, product: Product, cause: str) -> None:
    assert refused(kafka().write(tmp_path / "a.tgz"), product).cause == cause


def test_a_source_archive_is_refused(tmp_path: Path, kafka: Maker) -> None:
    tar = type(kafka())("apache-zookeeper-3.8.6").file("pom.xml").file("bin/zkServer.sh")
    problem = refused(tar.write(tmp_path / "apache-zookeeper-3.8.6.tar.gz"), ZOOKEEPER, version="3.8.6")
    assert problem.cause.startswith("it is a source archive")
    assert "-bin.tar.gz" in problem.hint


@pytest.mark.parametrize("product", list(Product))
def test_an_archive_of_something_else_is_refused(tmp_path: Path, kafka: Maker, product: Product) -> None:
    path = type(kafka())("hello-2.12").file("README").write(tmp_path / "a.tgz")
    assert "hello-2.12/ does not contain" in refused(path, product).cause


def test_a_java_without_a_version_is_refused(tmp_path: Path, kafka: Maker) -> None:
    path = type(kafka())("jdk").file("bin/java").write(tmp_path / "a.tgz")
    assert "release with JAVA_VERSION" in refused(path, JAVA).cause


def test_a_sha512_file_next_to_the_archive_must_match(tmp_path: Path, kafka: Maker) -> None:
    path = kafka().write(tmp_path / "k.tgz")
    right = hashlib.sha512(path.read_bytes()).hexdigest()
    beside = tmp_path / "k.tgz.sha512"
    beside.write_text(f"{right}  k.tgz\n")
    assert inspect(path, KAFKA).sha512 == right
    beside.write_text(f"{'0' * 128}  k.tgz\n")
    problem = refused(path, KAFKA)
    assert "checksum of k.tgz does not match" in problem.what
    assert right in problem.cause
    assert "0" * 128 in problem.cause
    assert str(beside) in problem.cause


def test_a_sha1_file_next_to_the_archive_must_match(tmp_path: Path, zookeeper: Maker) -> None:
    path = zookeeper().write(tmp_path / "z.tar.gz")
    beside = tmp_path / "z.tar.gz.sha1"
    beside.write_text(hashlib.sha1(path.read_bytes()).hexdigest())  # noqa: S324
    inspect(path, ZOOKEEPER)
    beside.write_text("0" * 40)
    assert "sha1" in refused(path, ZOOKEEPER).what


def test_an_unchanged_file_is_not_read_again(tmp_path: Path, kafka: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    path = kafka().write(tmp_path / "k.tgz")
    memory = Memory(tmp_path / "memory")
    first = inspect(path, KAFKA, memory=memory)

    def fail(*arguments: object, **options: object) -> Contents:
        raise AssertionError("it was read again")

    monkeypatch.setattr(module, "scan", fail)
    assert inspect(path, KAFKA, memory=memory) == first
    path.with_name("k.tgz.sha512").write_text("0" * 128)  # what lies beside is looked at every time
    refused(path, KAFKA, memory=memory)


def test_a_changed_file_is_read_again(tmp_path: Path, kafka: Maker) -> None:
    path = kafka("1.0.0").write(tmp_path / "k.tgz")
    memory = Memory(tmp_path / "memory")
    inspect(path, KAFKA, memory=memory)
    kafka("1.1.1").write(path)
    assert inspect(path, KAFKA, memory=memory).version == "1.1.1"


def test_a_file_that_changes_while_it_is_read_is_not_cached(
    tmp_path: Path, kafka: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = kafka().write(tmp_path / "k.tgz")
    memory = Memory(tmp_path / "memory")

    def slow(path: Path, **options: Any) -> Contents:
        contents = scan(path, **options)
        kafka("1.1.1").file("more").write(path)
        return contents

    monkeypatch.setattr(module, "scan", slow)
    inspect(path, KAFKA, memory=memory)
    assert memory.recall(Memory.key(path)) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"key": 1}', '{"key": "KEY", "contents": {"top": 1}}'])
def test_a_damaged_memory_is_ignored(tmp_path: Path, kafka: Maker, text: str) -> None:
    path = kafka().write(tmp_path / "k.tgz")
    memory = Memory(tmp_path / "memory")
    expected = inspect(path, KAFKA, memory=memory)
    (file,) = (tmp_path / "memory").iterdir()
    file.write_text(text.replace('"KEY"', json.dumps(Memory.key(path))))
    assert inspect(path, KAFKA, memory=memory) == expected


def test_a_memory_that_cannot_be_written_is_ignored(tmp_path: Path, kafka: Maker) -> None:
    (tmp_path / "file").write_text("in the way")
    path = kafka().write(tmp_path / "k.tgz")
    assert inspect(path, KAFKA, memory=Memory(tmp_path / "file" / "memory")).version == "1.0.0"
