"""--kafka-version latest: the newest catalogued Kafka with what goes with it; what is named stays as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.version import Version

from kprov.cli.main import main
from kprov.releases.catalogue import bundled_zookeeper, known_versions, newest
from kprov.releases.product import Product


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def unit(here: Path, name: str) -> str:
    return (here / f"rendered/etc/systemd/system/{name}.service").read_text()


def test_the_newest_of_each_fit_together() -> None:
    found = newest()
    assert found[Product.KAFKA] == known_versions(Product.KAFKA)[-1]
    client, server = Version(bundled_zookeeper(found[Product.KAFKA])), Version(found[Product.ZOOKEEPER])
    assert client.release[:2] == server.release[:2]
    assert client <= server


@pytest.mark.parametrize(
    ("words", "zookeeper", "java"),
    [
        ([], "3.8.6", "temurin-17"),
        (["--zookeeper-version", "3.9.5"], "3.9.5", "temurin-17"),
        (["--java", "temurin-11"], "3.8.6", "temurin-11"),
        (["--java-home", "/opt/java"], "3.8.6", "/opt/java"),
    ],
)
def test_what_is_named_stays(words: list[str], zookeeper: str, java: str, here: Path) -> None:
    assert main(["render", "box", "--kafka-version", "latest", *words]) == 0
    assert "Apache Kafka 3.9.2" in unit(here, "kafka")
    assert f"apache-zookeeper-{zookeeper}" in unit(here, "zookeeper")
    assert java in (here / "rendered/usr/local/single_kafka/config/kafka.env").read_text()


def test_the_zookeeper_inside_is_the_one_inside(here: Path) -> None:
    assert main(["render", "box", "--kafka-version", "latest", "--zookeeper", "bundled"]) == 0
    assert "apache-zookeeper" not in unit(here, "zookeeper")


def test_init_writes_the_versions(here: Path) -> None:
    assert main(["init", "box", "--kafka-version", "latest"]) == 0
    text = (here / "kprov.yaml").read_text()
    assert "  version: 3.9.2\n" in text
    assert "  release: temurin-17\n" in text
