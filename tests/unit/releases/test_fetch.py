"""``kprov fetch`` on the command line."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from kprov.cli.fetch import fetch
from kprov.errors import ExitCode

Maker = Callable[..., Any]


@pytest.fixture
def archives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kafka: Maker, zookeeper: Maker, java: Maker) -> Path:
    """A folder with the archives of the default versions; there are no others, and no network."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
        monkeypatch.setenv(name.lower(), "http://127.0.0.1:1")
    monkeypatch.setattr("kprov.releases.download.ATTEMPTS_TO_CONNECT", 1)
    folder = tmp_path / "archives"
    folder.mkdir()
    kafka().write(folder / "kafka_2.12-1.0.0.tgz")
    kafka("3.9.2", "2.13").write(folder / "kafka_2.13-3.9.2.tgz")
    zookeeper().write(folder / "zookeeper-3.5.3-beta.tar.gz", compress=False)
    java("1.8.0_412").write(folder / "OpenJDK8U-jre_x64_linux_hotspot_8u412b08.tar.gz")
    java("17.0.9").write(folder / "OpenJDK17U-jre_x64_linux_hotspot_17.0.9_9.tar.gz")
    return folder


def run(*words: str) -> Result:
    return CliRunner().invoke(fetch, words)


def test_fetch_copies_the_default_archives_into_a_folder(tmp_path: Path, archives: Path) -> None:
    result = run("--archives", str(archives), "--to", str(tmp_path / "bundle"))
    assert result.exception is None
    assert [line.split()[:2] for line in result.stdout.splitlines()[:3]] == [
        ["Kafka", "1.0.0"],
        ["ZooKeeper", "3.5.3-beta"],
        ["Java", "1.8.0_412"],
    ]
    assert f"kprov install HOST --archives {tmp_path / 'bundle'}" in result.stdout
    names = {file.name for file in (tmp_path / "bundle").iterdir()}
    assert len(names) == 6
    assert "zookeeper-3.5.3-beta.tar.gz.sha512" in names


def test_fetch_prints_its_result_as_json(archives: Path) -> None:
    result = run("--archives", str(archives), "--java", "none", "--json")
    document = json.loads(result.stdout)
    assert (document["schema"], document["command"], document["exit_code"]) == (1, "fetch", 0)
    assert [(item["product"], item["version"]) for item in document["archives"]] == [
        ("kafka", "1.0.0"),
        ("zookeeper", "3.5.3-beta"),
    ]
    assert len(document["archives"][0]["sha512"]) == 128


def test_the_next_command_repeats_the_chosen_versions(tmp_path: Path, archives: Path) -> None:
    words = ("--kafka-version", "3.9.2", "--zookeeper", "bundled", "--java", "temurin-17")
    result = run(*words, "--archives", str(archives), "--to", str(tmp_path / "bundle"))
    assert result.exception is None
    assert "install HOST --kafka-version 3.9.2 --zookeeper bundled --java temurin-17 --archives" in result.stdout
    assert len(list((tmp_path / "bundle").iterdir())) == 4


def test_a_workaround_prints_a_warning(archives: Path) -> None:
    result = run("--archives", str(archives), "--java", "temurin-17", "--json")
    assert "upstream does not support Kafka 1.0.0 on Java 17" in json.loads(result.stdout)["warnings"][0]
    assert "upstream does not support Kafka 1.0.0 on Java 17" in result.stderr


def test_versions_that_do_not_run_together_are_not_fetched(archives: Path) -> None:
    result = run("--archives", str(archives), "--kafka-version", "3.9.2", "--zookeeper-version", "3.4.14")
    assert result.exit_code == ExitCode.USAGE
    assert "Kafka 3.9.2 (ZooKeeper client 3.8.4) with ZooKeeper 3.4.14 does not work" in result.stderr


def test_all_missing_archives_are_reported_at_once(archives: Path) -> None:
    (archives / "kafka_2.12-1.0.0.tgz").unlink()
    (archives / "zookeeper-3.5.3-beta.tar.gz").write_bytes(b"no tar")
    result = run("--archives", str(archives), "--json")
    assert result.exit_code == ExitCode.USAGE
    missing, bad = json.loads(result.stdout)["problems"]
    assert missing["what"].startswith("Kafka 1.0.0 was not found locally")
    assert bad["what"] == "it is not a tar archive"


def test_help_begins_with_examples_that_parse() -> None:
    help_text = run("--help").stdout
    examples = [line.strip() for line in help_text.splitlines() if line.strip().startswith("kprov fetch")]
    assert len(examples) == 4
    assert help_text.index(examples[0]) < help_text.index("What to install:")
    for example in examples:
        words = shlex.split(example.partition("   ")[0])[2:]
        assert isinstance(fetch.make_context("fetch", words), click.Context)
