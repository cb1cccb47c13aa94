"""The places where an archive is searched, their order, and the message if it is not found."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kprov.errors import Problem, UsageError
from kprov.events import Event, Warned
from kprov.releases import catalogue, checksum
from kprov.releases.catalogue import Upstream, Wanted
from kprov.releases.checksum import Checksum
from kprov.releases.product import Product
from kprov.releases.sources import default_cache, locate

Maker = Callable[..., Any]
NAME = "kafka_2.12-1.0.0.tgz"


@pytest.fixture
def wanted(site: Any) -> Wanted:
    """A request for Kafka 1.0.0 from the test server, which is still empty."""
    address = f"{site.address}/dist/{NAME}"
    return replace(catalogue.kafka("1.0.0"), upstream=Upstream(NAME, (address,), (f"{address}.sha512",)))


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A folder of archives, and a cache."""
    (tmp_path / "archives").mkdir()
    (tmp_path / "cache").mkdir()
    return tmp_path / "archives", tmp_path / "cache"


def nowhere(wanted: Wanted, **places: Any) -> Problem:
    with pytest.raises(UsageError) as caught:
        locate(wanted, **places)
    return caught.value.problems[0]


def test_sources_are_tried_in_order(
    tmp_path: Path, site: Any, wanted: Wanted, folders: tuple[Path, Path], kafka: Maker
) -> None:
    archives, cache = folders
    site.publish(f"/dist/{NAME}", kafka().bytes())
    given = kafka().write(tmp_path / "mine.tgz")
    kafka().write(archives / NAME)
    kafka().write(cache / NAME)
    assert locate(wanted, given=str(given), archives=archives, cache=cache).path == given
    assert locate(wanted, archives=archives, cache=cache).path == archives / NAME
    (archives / NAME).unlink()
    assert locate(wanted, archives=archives, cache=cache).path == cache / NAME
    assert site.requests == []
    (cache / NAME).unlink()
    assert locate(wanted, archives=archives, cache=cache).path == cache / NAME
    assert len(site.asked(f"/dist/{NAME}")) == 1
    assert locate(wanted, archives=archives, cache=cache).path == cache / NAME
    assert len(site.asked(f"/dist/{NAME}")) == 1


def test_a_tilde_in_a_given_path_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kafka: Maker) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    kafka().write(tmp_path / "k.tgz")
    assert locate(catalogue.kafka("1.0.0"), given="~/k.tgz", cache=tmp_path / "c").path == tmp_path / "k.tgz"


def test_a_missing_given_path_is_not_searched_elsewhere(
    wanted: Wanted, folders: tuple[Path, Path], kafka: Maker
) -> None:
    archives, cache = folders
    kafka().write(archives / NAME)
    problem = nowhere(wanted, given="none.tgz", archives=archives, cache=cache)
    assert (problem.what, problem.where) == ("there is no such file", "none.tgz")


def test_an_uncatalogued_version_is_accepted_if_its_archive_is_available(
    tmp_path: Path, folders: tuple[Path, Path], kafka: Maker
) -> None:
    archives, cache = folders
    wanted = catalogue.kafka("2.4.1")
    given = kafka("2.4.1").write(tmp_path / "k.tgz")
    assert locate(wanted, given=str(given), cache=cache).version == "2.4.1"
    kafka("2.4.1", "2.13").write(archives / "kafka_2.13-2.4.1.tgz")
    assert locate(wanted, archives=archives, cache=cache).scala == "2.13"
    problem = nowhere(wanted, cache=cache)
    assert problem.what == "Kafka 2.4.1 was not found locally and is not in the catalogue"
    assert "nearest: 1.1.1 and 2.8.2" in problem.hint
    assert f"{cache}: no kafka_2.12-2.4.1.tgz" in problem.cause


def test_the_default_build_is_preferred(folders: tuple[Path, Path], kafka: Maker) -> None:
    archives, cache = folders
    kafka(scala="2.11").write(archives / "kafka_2.11-1.0.0.tgz")
    assert locate(catalogue.kafka("1.0.0"), archives=archives, cache=cache).scala == "2.11"
    kafka().write(archives / NAME)
    assert locate(catalogue.kafka("1.0.0"), archives=archives, cache=cache).scala == "2.12"


def test_the_newest_java_is_preferred_and_a_jre_to_a_jdk(folders: tuple[Path, Path], java: Maker) -> None:
    archives, cache = folders
    for name, version in {
        "OpenJDK11U-jre_x64_linux_hotspot_11.0.9.1_1.tar.gz": "11.0.9.1",
        "OpenJDK11U-jdk_x64_linux_hotspot_11.0.13_8.tar.gz": "11.0.13",
        "OpenJDK11U-jre_x64_linux_hotspot_11.0.13_8.tar.gz": "11.0.13",
        "OpenJDK11U-jre_aarch64_linux_hotspot_11.0.28_6.tar.gz": "11.0.28",
        "OpenJDK17U-jre_x64_linux_hotspot_17.0.9_9.tar.gz": "17.0.9",
    }.items():
        java(version, arch="aarch64" if "aarch64" in name else "x86_64").write(archives / name)
    found = locate(catalogue.java("temurin-11"), archives=archives, cache=cache)
    assert found.name == "OpenJDK11U-jre_x64_linux_hotspot_11.0.13_8.tar.gz"
    other = locate(catalogue.java("temurin-11", arch="aarch64"), archives=archives, cache=cache)
    assert other.version == "11.0.28"


def test_any_java_archive_can_be_given(tmp_path: Path, java: Maker) -> None:
    path = java("17.0.9").write(tmp_path / "some-java.tar.gz")
    archive = locate(catalogue.java(None), given=str(path), cache=tmp_path / "c")
    assert (archive.product, archive.major) == (Product.JAVA, 17)


def test_a_build_with_a_known_checksum_must_match_it(folders: tuple[Path, Path], java: Maker) -> None:
    archives, cache = folders
    wanted = catalogue.java("temurin-11")
    java("11.0.29").write(archives / wanted.names[0])
    problem = nowhere(wanted, archives=archives, cache=cache)
    assert "sha256 checksum" in problem.what
    assert "kprov's catalogue" in problem.cause


def test_a_missing_folder_of_archives_is_an_error(tmp_path: Path, wanted: Wanted) -> None:
    problem = nowhere(wanted, archives=tmp_path / "none", cache=tmp_path)
    assert (problem.what, problem.where) == ("there is no such directory", f"--archives {tmp_path / 'none'}")
    (tmp_path / "file").touch()
    assert nowhere(wanted, archives=tmp_path / "file", cache=tmp_path).what == "it is not a directory"


def test_a_bad_file_in_the_archives_is_an_error(wanted: Wanted, folders: tuple[Path, Path]) -> None:
    archives, cache = folders
    (archives / NAME).write_bytes(b"\x1f\x8bgarbage")
    problem = nowhere(wanted, archives=archives, cache=cache)
    assert problem.where == str(archives / NAME)


def test_a_bad_file_in_the_cache_is_deleted_and_downloaded_again(
    site: Any, wanted: Wanted, folders: tuple[Path, Path], kafka: Maker
) -> None:
    _, cache = folders
    good = kafka().write(cache / NAME).read_bytes()
    site.publish(f"/dist/{NAME}", good)
    checksum.write_beside(cache / NAME, "0" * 128)
    events: list[Event] = []
    archive = locate(wanted, cache=cache, emit=events.append)
    assert archive.sha512 == hashlib.sha512(good).hexdigest()
    assert any(isinstance(event, Warned) and "deleted from the cache" in event.text for event in events)


def test_an_archive_that_is_nowhere_names_every_place_and_the_fix(
    site: Any, wanted: Wanted, folders: tuple[Path, Path]
) -> None:
    archives, cache = folders
    problem = nowhere(wanted, archives=archives, cache=cache)
    assert problem.what.startswith("Kafka 1.0.0 was not found locally, and no published checksum")
    assert f"{archives}: no {NAME} or kafka_2.11-1.0.0.tgz" in problem.cause
    assert f"{cache}: no {NAME}" in problem.cause
    assert f"{site.address}/dist/{NAME}.sha512: the server answered 404" in problem.cause
    assert ": kprov fetch --kafka-version 1.0.0 --to DIR;" in problem.hint
    assert "--archives DIR" in problem.hint


def test_a_source_archive_in_the_folder_is_named_as_such(folders: tuple[Path, Path]) -> None:
    archives, cache = folders
    (archives / "apache-zookeeper-3.8.6.tar.gz").write_bytes(b"x")
    wanted = replace(catalogue.zookeeper("3.8.6"), upstream=None)
    problem = nowhere(wanted, archives=archives, cache=cache)
    assert f"{archives / 'apache-zookeeper-3.8.6.tar.gz'}: it is the source archive" in problem.cause
    assert f"no {wanted.names[0]}" in problem.cause


def test_a_download_of_another_version_is_refused(
    site: Any, wanted: Wanted, folders: tuple[Path, Path], kafka: Maker, tmp_path: Path
) -> None:
    site.publish(f"/dist/{NAME}", kafka("1.1.1").write(tmp_path / "x").read_bytes())
    assert "it contains Kafka 1.1.1" in nowhere(wanted, cache=folders[1]).what


def test_each_url_is_downloaded_into_its_own_folder(
    site: Any, wanted: Wanted, folders: tuple[Path, Path], kafka: Maker, tmp_path: Path
) -> None:
    _, cache = folders
    data = kafka().write(tmp_path / "x").read_bytes()
    site.publish("/mirror/kafka.tgz", data)
    address = f"{site.address}/mirror/kafka.tgz"
    archive = locate(wanted, given=address, cache=cache)
    assert archive.path.parent.parent == cache
    assert archive.name == "kafka.tgz"
    assert locate(wanted, given=address, cache=cache) == archive
    assert len(site.asked("/mirror/kafka.tgz")) == 1


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_url_can_contain_the_checksum(
    site: Any, wanted: Wanted, folders: tuple[Path, Path], *, kafka: Maker, tmp_path: Path, algorithm: str
) -> None:
    _, cache = folders
    data = kafka().write(tmp_path / "x").read_bytes()
    site.put("/kafka.tgz", data)
    address = f"{site.address}/kafka.tgz"
    assert "no published checksum" in nowhere(wanted, given=address, cache=cache).what
    digits = hashlib.new(algorithm, data).hexdigest()
    assert locate(wanted, given=f"{address}#{algorithm}={digits}", cache=cache).version == "1.0.0"
    wrong = nowhere(wanted, given=f"{address}#{algorithm}={digits[::-1]}", cache=cache)
    assert "checksum of kafka.tgz does not match" in wrong.what


@pytest.mark.parametrize("suffix", checksum.SUFFIXES)
def test_the_checksum_of_a_url_is_read_next_to_the_file(
    site: Any, wanted: Wanted, folders: tuple[Path, Path], *, kafka: Maker, tmp_path: Path, suffix: str
) -> None:
    data = kafka().write(tmp_path / "x").read_bytes()
    algorithm = re.split(r"\.", suffix)[1]
    site.put("/kafka.tgz", data)
    site.put(f"/kafka.tgz{suffix}", hashlib.new(algorithm, data).hexdigest().encode())
    assert locate(wanted, given=f"{site.address}/kafka.tgz?token=1", cache=folders[1]).version == "1.0.0"


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ("ftp://mirror.example/kafka.tgz", "is not the URL of a file"),
        ("file:///tmp/kafka.tgz", "is not the URL of a file"),
        ("https://mirror.example/", "is not the URL of a file"),
        ("https:///kafka.tgz", "is not the URL of a file"),
        ("https://mirror.example/..%2f..%2fetc%2fpasswd", "is not the URL of a file"),
        ("https://mirror.example/.hidden", "is not the URL of a file"),
        ("https://mirror.example:port/kafka.tgz", "is not a URL"),
        ("https://mirror.example/kafka.tgz#md5=abc", "the checksum in the URL is not valid"),
        (f"https://mirror.example/kafka.tgz#sha512={'a' * 64}", "the checksum in the URL is not valid"),
    ],
)
def test_an_invalid_url_is_refused(tmp_path: Path, given: str, what: str) -> None:
    assert what in nowhere(catalogue.kafka("1.0.0"), given=given, cache=tmp_path).what


def test_the_default_cache_is_in_the_cache_directory_of_the_user(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "kprov" / "archives"


def test_the_checksum_of_the_catalogue_is_required_of_the_download(
    site: Any, wanted: Wanted, folders: tuple[Path, Path], kafka: Maker
) -> None:
    site.put(f"/dist/{NAME}", kafka().bytes())
    assert wanted.upstream is not None
    pinned = replace(wanted, upstream=replace(wanted.upstream, known=Checksum("sha512", "0" * 128)))
    assert "wrong sha512 checksum" in nowhere(pinned, cache=folders[1]).cause
