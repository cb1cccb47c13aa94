"""Archives that are damaged or unsafe to unpack are refused, with their name and a fix."""

from __future__ import annotations

import gzip
import hashlib
import os
import tarfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kprov.errors import Problem, UsageError
from kprov.events import Event, Transfer
from kprov.releases.contents import scan

Maker = Callable[..., Any]


def refused(path: Path) -> Problem:
    with pytest.raises(UsageError) as caught:
        scan(path)
    problem = caught.value.problems[0]
    assert problem.where == str(path)
    assert problem.hint
    return problem


def test_a_valid_archive_is_described_with_its_checksums(tmp_path: Path, kafka: Maker) -> None:
    path = kafka().write(tmp_path / "kafka.tgz")
    contents = scan(path)
    assert contents.top == "kafka_2.12-1.0.0"
    assert "bin/kafka-server-start.sh" in contents.telling
    assert contents.sha512 == hashlib.sha512(path.read_bytes()).hexdigest()
    assert contents.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert contents.size == path.stat().st_size
    assert contents.unpacked == 10 + 2 + 200 + 12
    assert contents.gzipped


def test_a_plain_tar_is_accepted(tmp_path: Path, zookeeper: Maker) -> None:
    """ZooKeeper 3.5.3-beta was published as a plain tar (ZOOKEEPER-2885)."""
    path = zookeeper().write(tmp_path / "zookeeper-3.5.3-beta.tar.gz", compress=False)
    contents = scan(path)
    assert not contents.gzipped
    assert contents.top == "zookeeper-3.5.3-beta"
    assert contents.sha512 == hashlib.sha512(path.read_bytes()).hexdigest()
    assert contents.size == path.stat().st_size


def test_names_that_begin_with_a_dot_are_accepted(tmp_path: Path, kafka: Maker) -> None:
    tar = kafka()
    tar.top = "./top"
    path = tar.file("bin/kafka-server-start.sh").raw("./", type=tarfile.DIRTYPE).write(tmp_path / "a.tgz")
    assert path.exists()
    one = type(tar)("./top").raw("./", type=tarfile.DIRTYPE).file("bin/java").write(tmp_path / "b.tgz")
    assert scan(one).top == "top"


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path / "none.tgz").what == "there is no such file"


def test_a_directory_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path).what == "it is a directory"


def test_a_path_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert "cannot be read" in refused(tmp_path / "file" / "a.tgz").what


def test_a_special_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert refused(tmp_path / "pipe").what == "it is not a regular file"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_is_refused(tmp_path: Path, kafka: Maker) -> None:
    path = kafka().write(tmp_path / "a.tgz")
    path.chmod(0)
    assert refused(path).what == "it cannot be read"


def test_a_read_error_names_the_file(tmp_path: Path, kafka: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    path = kafka().write(tmp_path / "a.tgz")

    def fail(*arguments: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("kprov.releases.contents._scan", fail)
    problem = refused(path)
    assert problem.what == "it cannot be read"
    assert "Permission denied" in problem.cause


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.tgz").touch()
    assert refused(tmp_path / "a.tgz").what == "it is empty"


@pytest.mark.parametrize("compress", [True, False])
def test_an_archive_truncated_anywhere_is_refused(tmp_path: Path, kafka: Maker, compress: bool) -> None:
    data = (
        kafka().file("libs/big.jar", os.urandom(50_000)).write(tmp_path / "whole.tgz", compress=compress).read_bytes()
    )
    for part in (10, len(data) // 3, len(data) // 2, len(data) - (1 if compress else 15_000)):
        path = tmp_path / "cut.tgz"
        path.write_bytes(data[:part])
        assert refused(path).what in {"it is truncated or damaged", "it is not a tar archive"}


def test_one_flipped_bit_is_detected(tmp_path: Path, kafka: Maker) -> None:
    path = kafka().file("libs/big.jar", os.urandom(50_000)).write(tmp_path / "a.tgz")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    assert refused(path).what == "it is truncated or damaged"


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"PK\x03\x04" + bytes(600), "it is a zip"),
        (b"\xfd7zXZ\x00" + bytes(600), "it is an xz file"),
        (b"BZh9" + bytes(600), "it is a bzip2 file"),
        (b"  <!DOCTYPE html><title>Blocked</title>" + bytes(600), "it is a web page"),
        (b"<html>short", "it is a web page"),
        (b"hello", ""),
        (bytes(2048), ""),
        (gzip.compress(b"hello" * 200, mtime=0), "the compressed content is not a tar"),
        (gzip.compress(b"", mtime=0), "the compressed content is not a tar"),
    ],
)
def test_a_file_that_is_not_a_tar_is_refused(tmp_path: Path, data: bytes, cause: str) -> None:
    path = tmp_path / "a.tgz"
    path.write_bytes(data)
    problem = refused(path)
    assert problem.what == "it is not a tar archive"
    assert problem.cause.startswith(cause)


@pytest.mark.parametrize(
    ("name", "attributes", "why"),
    [
        ("/etc/cron.d/x", {}, "absolute path"),
        ("top/../../etc/passwd", {}, '".."'),
        ("../x", {}, '".."'),
        ("top/a\nb", {}, "control characters"),
        ("loose.sh", {}, "outside the top directory"),
        ("top/tty", {"type": tarfile.CHRTYPE}, "device"),
        ("top/disk", {"type": tarfile.BLKTYPE}, "device"),
        ("top/pipe", {"type": tarfile.FIFOTYPE}, "device"),
        ("top/l", {"type": tarfile.SYMTYPE, "linkname": "/etc"}, "outside"),
        ("top/l", {"type": tarfile.SYMTYPE, "linkname": "../x"}, "outside"),
        ("top/l", {"type": tarfile.SYMTYPE, "linkname": "../top/bin"}, "outside"),
        ("top/bin/l", {"type": tarfile.SYMTYPE, "linkname": "../../x"}, "outside"),
        ("top/l", {"type": tarfile.SYMTYPE, "linkname": "l"}, "outside"),
        ("top/h", {"type": tarfile.LNKTYPE, "linkname": "/etc/shadow"}, "absolute path"),
        ("top/h", {"type": tarfile.LNKTYPE, "linkname": "../shadow"}, '".."'),
        ("top/h", {"type": tarfile.LNKTYPE, "linkname": "top/none"}, "not in the archive"),
        ("top/bin/java", {"type": tarfile.SYMTYPE, "linkname": "x"}, "twice"),
    ],
)
def test_an_unsafe_member_is_refused(
    tmp_path: Path, kafka: Maker, name: str, attributes: dict[str, Any], why: str
) -> None:
    tar = type(kafka())("top").file("bin/java").raw(name, **attributes)
    problem = refused(tar.write(tmp_path / "a.tgz"))
    assert problem.what == "it is not safe to unpack"
    assert why in problem.cause
    assert ascii(name) in problem.cause


def test_a_chain_of_links_that_leads_outside_is_refused(tmp_path: Path, kafka: Maker) -> None:
    """Each target alone stays inside; followed one after the other they lead outside."""
    tar = type(kafka())("top").file("a/b/c/x").symlink("a/b/c/up", "../../..").symlink("out", "a/b/c/up/../..")
    assert "its member 'top/out' is a link" in refused(tar.write(tmp_path / "a.tgz")).cause


def test_a_file_written_through_a_link_is_refused(tmp_path: Path, kafka: Maker) -> None:
    tar = type(kafka())("top").file("lib/x").symlink("link", "lib").file("link/evil")
    assert "through the link top/link" in refused(tar.write(tmp_path / "a.tgz")).cause


def test_a_link_with_the_name_of_a_file_is_refused(tmp_path: Path, kafka: Maker) -> None:
    tar = type(kafka())("top").symlink("x", "lib").file("x")
    assert "twice" in refused(tar.write(tmp_path / "a.tgz")).cause


def test_links_that_stay_inside_are_accepted(tmp_path: Path, java: Maker) -> None:
    tar = java().symlink("man/ja", "ja_JP.UTF-8").symlink("dangling", "nowhere/at/all")
    tar.raw(f"{tar.top}/bin/keytool", type=tarfile.LNKTYPE, linkname=f"{tar.top}/bin/java")
    assert scan(tar.write(tmp_path / "a.tgz")).machine == "x86_64"


def test_two_top_directories_are_refused(tmp_path: Path, kafka: Maker) -> None:
    assert (
        "2 top directories (kafka_2.12-1.0.0, other"
        in refused(kafka().raw("other/", type=tarfile.DIRTYPE).write(tmp_path / "a.tgz")).what
    )


def test_an_archive_without_members_is_refused(tmp_path: Path, kafka: Maker) -> None:
    tar = type(kafka())("top").raw("./", type=tarfile.DIRTYPE)
    assert refused(tar.write(tmp_path / "a.tgz")).what == "it is empty"


@pytest.mark.parametrize(("code", "machine"), [(62, "x86_64"), (183, "aarch64"), (3, "i686"), (9999, None)])
def test_the_machine_is_read_from_the_program(tmp_path: Path, java: Maker, code: int, machine: str | None) -> None:
    assert scan(java(machine=code).write(tmp_path / "a.tgz")).machine == machine


def test_a_large_archive_shows_progress(tmp_path: Path, kafka: Maker) -> None:
    path = kafka().file("libs/big.jar", os.urandom(9 << 20)).write(tmp_path / "kafka.tgz")
    events: list[Event] = []
    scan(path, emit=events.append)
    size = path.stat().st_size
    transfers = [event for event in events if isinstance(event, Transfer)]
    assert len(transfers) >= 2
    assert [event.done for event in transfers] == sorted(event.done for event in transfers)
    assert [event.done for event in transfers if event.done == size] == [size]
    assert {event.what for event in transfers} == {"checking kafka.tgz"}


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_gives_contents_or_a_usage_error(tmp_path: Path, java: Maker, data: st.DataObject) -> None:
    """No change of bytes causes any other exception."""
    raw = bytearray(java().bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "a.tgz"
    path.write_bytes(gzip.compress(bytes(raw), 1) if data.draw(st.booleans()) else bytes(raw))
    with suppress(UsageError):
        scan(path)


_PART = st.sampled_from(["a", "b", "c", ".", "..", "", "top"])
_PATH = st.lists(_PART, min_size=1, max_size=6).map("/".join)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(links=st.lists(st.tuples(_PATH, _PATH), max_size=5), files=st.lists(_PATH, max_size=4))
def test_accepted_archives_unpack_only_into_their_own_directory(
    tmp_path_factory: pytest.TempPathFactory, kafka: Maker, links: list[tuple[str, str]], files: list[str]
) -> None:
    """Unpack the archive on the file system, then check where every link really leads."""
    tar = type(kafka())("top").file("keep")
    for name, target in links:
        tar.symlink(name, target)
    for name in files:
        tar.file(name, b"x")
    folder = tmp_path_factory.mktemp("escape", numbered=True)
    path = tar.write(folder / "a.tgz")
    try:
        scan(path)
    except UsageError:
        return
    inside = folder / "room" / "inside"
    inside.mkdir(parents=True)
    try:
        with tarfile.open(path) as opened:
            opened.extractall(inside, filter="fully_trusted")  # noqa: S202
    except (OSError, RecursionError):
        pass  # a file where a folder should be, or links in a ring: not unpacked, so not escaped
    assert [item.name for item in (folder / "room").iterdir()] == ["inside"]
    assert [item.name for item in inside.iterdir()] == ["top"]
    for item in (inside / "top").rglob("*"):
        if item.is_symlink():
            real = os.path.realpath(item)
            assert real == str(inside / "top") or real.startswith(f"{inside / 'top'}/")
