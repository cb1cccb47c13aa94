"""A misspelt name that kprov knows is answered with the right name."""

from __future__ import annotations

from pathlib import Path

import pytest

from kprov.cli.main import _COMMANDS, main
from kprov.errors import ExitCode, did_you_mean

SLIPS = {
    "a command": (["instal", "kafka-1"], "did you mean install?"),
    "a command that is not imported yet": (["unistall"], "did you mean uninstall?"),
    "a command of the lab": (["lab", "dwon"], "did you mean down?"),
    "a command of history": (["history", "shwo"], "did you mean show?"),
    "an option": (["install", "kafka-1", "--kafka-versoin", "1.1.1"], "--kafka-version"),
    "a check": (["install", "kafka-1", "--ignore", "memry"], "did you mean memory?"),
    "a property": (["install", "kafka-1", "--set", "num.partitons=3"], "did you mean num.partitions?"),
    "a property with underscores": (
        ["install", "kafka-1", "--set", "num_partitions=3"],
        "did you mean num.partitions?",
    ),
    "the value of a property": (["install", "kafka-1", "--set", "log.cleanup.policy=compct"], "did you mean compact?"),
    "a ZooKeeper mode": (["install", "kafka-1", "--zookeeper", "standalon"], "did you mean standalone?"),
    "a Java release": (["install", "kafka-1", "--java", "temurn-11"], "did you mean temurin-11?"),
    "an archive of the lab": (["lab", "archives", "--only", "kafka-1.0"], "did you mean kafka-1.0.0?"),
    "a Kafka release": (["fetch", "--kafka-version", "2.8.22"], "nearest: 2.8.2 and 3.5.2"),
    "a ZooKeeper release": (["fetch", "--zookeeper-version", "3.5.3"], "nearest: 3.5.3-beta"),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_misspelling_is_answered_with_the_right_name(
    slip: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    words, said = SLIPS[slip]
    assert main(words) == ExitCode.USAGE
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("slip", ["a command", "an option", "a check"])
def test_the_json_document_has_the_right_name_too(slip: str, capsys: pytest.CaptureFixture[str]) -> None:
    words, said = SLIPS[slip]
    assert main([*words, "--json"]) == ExitCode.USAGE
    assert said in capsys.readouterr().out


def test_a_name_without_a_near_match_gets_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["frobnicate"]) == ExitCode.USAGE
    err = capsys.readouterr().err
    assert all(name in err for name in _COMMANDS)
    assert "did you mean" not in err


def test_each_unknown_check_is_a_separate_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["install", "kafka-1", "--ignore", "memry", "--ignore", "ports", "--ignore", "clok"]) == ExitCode.USAGE
    err = capsys.readouterr().err
    assert err.count("error: --ignore: there is no check ") == 2
    assert "did you mean clock?" in err


@pytest.mark.parametrize(("word", "answer"), [("INSTALL", "did you mean install?"), ("x", ""), ("", "")])
def test_did_you_mean_finds_the_nearest_word(word: str, answer: str) -> None:
    assert did_you_mean(word, ["install", "plan"]) == answer
