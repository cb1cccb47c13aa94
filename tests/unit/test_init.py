"""init writes a file that means what its options mean, and a schema that editors can use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from kprov.cli.main import main
from kprov.spec import schema
from kprov.spec.commented import commented
from kprov.spec.load import Flag, load
from kprov.spec.model import Cluster

HERE = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(path: Path) -> Any:
    return YAML(typ="safe").load(path)


def wrong(document: Any) -> list[str]:
    """What an editor would mark."""
    Draft202012Validator.check_schema(schema.schema())
    return [error.message for error in Draft202012Validator(schema.schema()).iter_errors(document)]


ONE, THREE = ["root@box:2222"], ["kafka-1", "kafka-2", "kafka-3"]
FOR_ONE = [
    ["--heap", "2g", "--port", "9093", "--broker-id", "7", "--advertised", "box.example.com"],
    ["--zookeeper", "bundled", "--java-home", "/usr/lib/jvm/java-11"],
]
FOR_ANY: list[list[str]] = [
    [],
    ["--set", "num.partitions=3", "--set", "log.dirs=/data/a,/data/b", "--set-plugin", "a.b=no: #1"],
    ["--set-plugin", "a.b=1.10", "--set-plugin", "c.d=true", "--set-plugin", "e.f=007"],
    ["--kafka-version", "3.9.2", "--zookeeper-version", "3.8.6", "--java", "temurin-17"],
]
CASES = [*((ONE, words) for words in [*FOR_ONE, *FOR_ANY]), *((THREE, words) for words in FOR_ANY)]


@pytest.mark.parametrize(("hosts", "words"), CASES, ids=lambda part: " ".join(part[:2]) or "nothing")
def test_the_file_says_what_the_options_say(
    hosts: list[str], words: list[str], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loaded, it gives the same settings; and the schema has nothing against it."""
    made: list[Cluster] = []

    def kept(cluster: Cluster) -> str:
        made.append(cluster)
        return commented(cluster)

    monkeypatch.setattr("kprov.operations.init.commented", kept)
    assert main(["init", *hosts, *words]) == 0
    assert load(here / "kprov.yaml", []) == made[0]
    assert wrong(read(here / "kprov.yaml")) == []


def test_every_key_is_in_the_file(here: Path) -> None:
    """As a comment, or set; with what it means above it."""
    assert main(["init", "box"]) == 0
    text = (here / "kprov.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=./kprov.schema.json\n")
    for name in ("jmx_port", "data_log_dir", "release", "identity", "rack", "plugin_properties", "protocol", "name"):
        assert f"# {name}:" in text
    assert json.loads((here / "kprov.schema.json").read_text()) == schema.schema()


def test_only_the_first_host_has_comments(here: Path) -> None:
    assert main(["init", "kafka-1", "root@kafka-2"]) in {0, 2}  # two servers are no ensemble
    assert main(["init", "kafka-1", "root@kafka-2", "kafka-3"]) == 0
    tail = (here / "kprov.yaml").read_text().partition("  - address: kafka-2\n")[2]
    assert tail.splitlines()[:6] == [
        "    ssh:",
        "      user: root",
        "    broker:",
        "      id: 1",
        "    zookeeper:",
        "      id: 2",
    ]


def test_what_is_there_is_not_overwritten(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "kprov.yaml").write_text("mine")
    assert main(["init", "box"]) == 2
    assert (here / "kprov.yaml").read_text() == "mine"
    assert "name another file" in capsys.readouterr().err
    (here / "kprov.schema.json").write_text("{}")
    assert main(["init", "box", "--to", "other.yaml"]) == 2
    assert not (here / "other.yaml").exists()


def test_the_next_command_names_the_file_unless_it_is_found_by_itself(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", "box", "--to", "other.yaml"]) == 0
    assert capsys.readouterr().out.endswith("next: kprov check --config other.yaml\n")
    assert main(["init", "box"]) == 0
    assert capsys.readouterr().out.endswith("next: kprov check\n")


@pytest.mark.parametrize(
    "document",
    [
        {
            "hosts": [{"address": "a"}],
            "kafka": {"jmx_port": "off", "scala": 2.12, "properties": {"x": [1, "b"], "y": True}},
        },
        {"hosts": [{"address": "a", "ssh": None, "broker": {"rack": 1, "properties": None}}], "kafka": None},
        {"hosts": [{"address": "a", "roles": ["broker"]}], "name": "orders", "zookeeper": {"client_port": 2181}},
    ],
)
def test_the_schema_takes_what_kprov_takes(document: Any) -> None:
    assert wrong(document) == []


@pytest.mark.parametrize(
    "document",
    [
        {"hosts": [{"address": "a"}], "kafak": {}},
        {"hosts": [{"address": "a", "brokr": {}}]},
        {"hosts": [{"address": "a"}], "kafka": {"port": 99999}},
        {"hosts": [{"address": "a"}], "zookeeper": {"mode": "embedded"}},
        {"hosts": [{}]},
        {"kafka": {}},
    ],
)
def test_the_schema_marks_what_kprov_refuses(document: Any) -> None:
    assert wrong(document)


def test_the_published_schema_is_that_of_the_models() -> None:
    assert (HERE / "docs/kprov.schema.json").read_text() == schema.text()


def test_flags_are_not_needed_to_load_it(here: Path) -> None:
    assert main(["init", "box", "--heap", "300m"]) == 0
    assert load(here / "kprov.yaml", [], [Flag("--heap", ("kafka", "heap"), "400m")]).kafka.heap == "400m"
