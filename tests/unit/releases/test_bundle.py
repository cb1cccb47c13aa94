"""The directory of archives for a closed network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kprov.errors import UsageError
from kprov.releases import catalogue
from kprov.releases.archive import Archive, inspect
from kprov.releases.bundle import bundle
from kprov.releases.product import Product
from kprov.releases.sources import locate

Maker = Callable[..., Any]


@pytest.fixture
def archive(tmp_path: Path, kafka: Maker) -> Archive:
    return inspect(kafka().write(tmp_path / "kafka_2.12-1.0.0.tgz"), Product.KAFKA)


def test_bundled_archives_are_found_without_a_network(tmp_path: Path, archive: Archive) -> None:
    (copy,) = bundle([archive], tmp_path / "new" / "bundle")
    assert {file.name for file in copy.path.parent.iterdir()} == {archive.name, f"{archive.name}.sha512"}
    found = locate(catalogue.kafka("1.0.0"), archives=tmp_path / "new" / "bundle", cache=tmp_path / "cache")
    assert (found.path, found.sha512) == (copy.path, archive.sha512)


def test_bundling_twice_writes_nothing_new(tmp_path: Path, archive: Archive) -> None:
    (copy,) = bundle([archive], tmp_path / "bundle")
    before = copy.path.stat()
    bundle([archive], tmp_path / "bundle")
    assert copy.path.stat() == before


def test_a_damaged_copy_is_replaced(tmp_path: Path, archive: Archive) -> None:
    (copy,) = bundle([archive], tmp_path / "bundle")
    copy.path.write_bytes(b"half")
    bundle([archive], tmp_path / "bundle")
    assert copy.path.read_bytes() == archive.path.read_bytes()


def test_an_archive_can_be_bundled_into_its_own_folder(tmp_path: Path, archive: Archive) -> None:
    (copy,) = bundle([archive], tmp_path)
    assert copy.path == archive.path
    assert archive.path.with_name(f"{archive.name}.sha512").exists()


def test_an_archive_that_changed_is_not_copied(tmp_path: Path, archive: Archive) -> None:
    archive.path.write_bytes(b"other")
    with pytest.raises(UsageError, match="changed while it was copied"):
        bundle([archive], tmp_path / "bundle")
    assert list((tmp_path / "bundle").iterdir()) == []


def test_a_folder_that_cannot_be_written_is_a_usage_error(tmp_path: Path, archive: Archive) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be written"):
        bundle([archive], tmp_path / "file")
