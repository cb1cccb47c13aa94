"""The cache of images: their names, and that an incomplete image gets none."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from kprov.errors import PreflightError, StepError
from kprov.events import Event, Message, ignore
from kprov.lab import apt_sources, image
from kprov.lab.image import BASE, FIREWALLD, Images
from kprov.lab.lock import locked
from kprov.lab.steps import Steps


def test_another_recipe_has_another_name() -> None:
    names = {
        recipe.directory_name()
        for recipe in (
            BASE,
            replace(BASE, packages=(*BASE.packages, "tar")),
            replace(BASE, files=BASE.files | {"etc/motd": "hello\n"}),
            replace(BASE, commands=()),
            FIREWALLD,
            replace(FIREWALLD, upon=replace(BASE, commands=())),
        )
    }
    assert len(names) == 6
    assert BASE.directory_name() == replace(BASE).directory_name()


def test_an_image_is_its_layer_and_the_layers_below_it(tmp_path: Path) -> None:
    images = Images(tmp_path)
    assert images.layers(FIREWALLD) == (tmp_path / FIREWALLD.directory_name(), tmp_path / BASE.directory_name())
    assert images.unbuilt(FIREWALLD) == 2
    images.layers(BASE)[0].mkdir()
    assert images.unbuilt(FIREWALLD) == 1
    assert images.unbuilt(BASE) == 0


@pytest.fixture
def debian(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> apt_sources.AptSource:
    keyring = tmp_path / "keyring.gpg"
    keyring.touch()
    source = apt_sources.AptSource("http://debian.example/", ("bookworm",), ("main",), keyring)
    monkeypatch.setattr(apt_sources, "read", lambda: (source,))
    return source


def test_a_build_that_fails_leaves_no_layer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, debian: apt_sources.AptSource
) -> None:
    calls: list[list[str]] = []

    def run(*argv: object, **options: object) -> str:
        calls.append([str(word) for word in argv])
        if argv[0] == "debootstrap":
            (next((tmp_path / "cache").glob(".unfinished-*")) / "root/etc").mkdir(parents=True)
        if argv[0] == "chroot":
            raise StepError("no room left")
        return ""

    monkeypatch.setattr(image, "run", run)
    cache = tmp_path / "cache"
    # What is left of a build that was killed goes, too.
    (cache / ".unfinished-before/root").mkdir(parents=True)
    with pytest.raises(StepError, match="no room left"):
        Images(cache).ensure(BASE, Steps(ignore, 1), ignore)
    assert list(cache.iterdir()) == []
    (debootstrap,) = [call for call in calls if call[0] == "debootstrap"]
    assert f"--keyring={debian.signed_by}" in debootstrap
    assert "--force-check-gpg" in debootstrap
    assert debootstrap[-3] == "bookworm"
    assert debootstrap[-1] == debian.uri


def test_no_debian_archive_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(apt_sources, "read", tuple)
    with pytest.raises(PreflightError) as raised:
        Images(tmp_path).ensure(BASE, Steps(ignore, 1), ignore)
    assert "--mirror" in raised.value.problems[0].hint


def test_no_keyring(tmp_path: Path, debian: apt_sources.AptSource) -> None:
    assert debian.signed_by is not None
    debian.signed_by.unlink()
    with pytest.raises(PreflightError, match="keyring"):
        Images(tmp_path / "cache").ensure(BASE, Steps(ignore, 1), ignore)


def test_waiting_for_the_lock_is_reported_and_ends_with_an_existing_directory(tmp_path: Path) -> None:
    directory = tmp_path / "state"
    told: list[Event] = []
    waiting, got_it = threading.Event(), threading.Event()

    def emit(event: Event) -> None:
        told.append(event)
        waiting.set()

    def wait_for_it() -> None:
        with locked(directory, emit, waiting_for="the other"):
            assert directory.is_dir()
            got_it.set()

    with locked(directory, ignore, waiting_for="nobody"):
        thread = threading.Thread(target=wait_for_it)
        thread.start()
        assert waiting.wait(30)
        assert not got_it.is_set()
        directory.rmdir()  # as `down` does
    thread.join(30)
    assert got_it.is_set()
    assert told == [Message("waiting for the other")]
