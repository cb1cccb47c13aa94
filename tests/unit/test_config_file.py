"""A kprov.yaml in this directory is read if no HOST is named, and never otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from kprov.cli.main import main

FILE = "hosts:\n  - address: box\nkafka: {heap: 300m}\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rendered(here: Path) -> str:
    return (here / "rendered/usr/local/single_kafka/config/kafka.env").read_text()


def test_it_is_read_if_no_host_is_named(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "kprov.yaml").write_text(FILE)
    assert main(["render"]) == 0
    assert "-Xmx300m" in rendered(here)
    assert capsys.readouterr().err.startswith("no HOST is named: reading kprov.yaml in this directory")


def test_a_named_host_has_nothing_to_do_with_it(here: Path) -> None:
    (here / "kprov.yaml").write_text(FILE)
    assert main(["render", "other"]) == 0
    assert "-Xmx1g" in rendered(here)


def test_a_named_file_comes_first(here: Path) -> None:
    (here / "kprov.yaml").write_text("broken: true\n")
    (here / "other.yaml").write_text(FILE)
    assert main(["render", "--config", "other.yaml"]) == 0


def test_without_either_the_error_says_both_ways(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render"]) == 2
    err = capsys.readouterr().err
    assert "no host is named" in err
    assert "in this directory" in err
