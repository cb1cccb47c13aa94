"""Which commands are journalled, and that nothing they do goes past the journal."""

from __future__ import annotations

import ast
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kprov.cli.main import _COMMANDS, cli, main
from kprov.cli.options import JOURNALLED
from kprov.journal import folder

CLI = Path(main.__code__.co_filename).parent
LOOKS = {"plan", "check", "status", "logs", "history", "verify", "render", "fetch", "lab", "completion", "init"}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The journals of this test alone."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return folder()


@pytest.fixture
def shut() -> Iterator[str]:
    """A HOST on this machine where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{probe.getsockname()[1]}"


def journals(place: Path) -> list[list[dict[str, Any]]]:
    return [[json.loads(line) for line in path.read_text().splitlines()] for path in sorted(place.glob("*"))]


@pytest.mark.parametrize("name", sorted(JOURNALLED & _COMMANDS.keys() - {"install", "upgrade"}))
def test_a_run_that_finds_no_host_is_journalled(name: str, shut: str, place: Path) -> None:
    assert main([name, shut]) == 4
    (records,) = journals(place)
    assert [record["record"] for record in records] == ["begin", "host", "end"]
    begin, host, end = records
    assert begin["command"] == [name, shut]
    assert (host["host"], host["address"].rpartition("@")[2]) == ("127.0.0.1", shut)
    assert (end["exit_code"], end["problems"][0]["cause"]) == (4, "Connection refused")


def test_an_install_that_is_refused_is_journalled_without_its_secrets(place: Path) -> None:
    words = ["install", "kafka-1", "--set", "ssl.key.password=geheim", "--set", "num.partitoins=3"]
    assert main(words) == 2
    (records,) = journals(place)
    assert records[0]["command"] == [*words[:3], "ssl.key.password=***", *words[4:]]
    assert (records[-1]["exit_code"], len(records[-1]["problems"])) == (2, 1)
    assert "geheim" not in json.dumps(records)


def test_an_interrupted_run_is_journalled(place: Path, shut: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("kprov.host.connection.Connection.__enter__", interrupt)
    assert main(["stop", shut]) == 130
    assert journals(place)[0][-1]["exit_code"] == 130


def test_a_place_that_cannot_be_written_is_warned_of_once(
    tmp_path: Path, shut: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    assert main(["stop", shut]) == 4
    err = capsys.readouterr().err
    assert err.count("warning: ") == err.count("warning: the journal of this run cannot be written in ") == 1


def test_looking_is_not_journalled(place: Path, shut: str) -> None:
    assert main(["status", shut]) == 4
    assert main(["history"]) == 0
    assert not place.exists()


def test_every_command_is_known_to_look_or_to_act() -> None:
    """A new one belongs in JOURNALLED, or among those above that only look."""
    unknown = set(cli.list_commands(None)) - JOURNALLED - LOOKS  # type: ignore[arg-type]
    assert unknown == set()


def framed() -> dict[str, ast.Module]:
    """The command modules that use the frame."""
    trees = {path.name: ast.parse(path.read_text()) for path in CLI.glob("*.py") if path.name != "options.py"}
    return {name: tree for name, tree in trees.items() if bare(tree, "command")}


def bare(tree: ast.Module, name: str) -> list[str]:
    """The calls of a function by its name alone."""
    return [ast.unparse(call) for call in calls(tree).get(name, []) if ast.unparse(call.func) == name]


def calls(tree: ast.Module) -> dict[str, list[ast.Call]]:
    """The calls in a module by the last word of what is called."""
    found: dict[str, list[ast.Call]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            found.setdefault(ast.unparse(node.func).rpartition(".")[2], []).append(node)
    return found


@pytest.mark.parametrize("name", framed())
def test_events_and_hosts_pass_the_journal(name: str) -> None:
    """Progress is the output's, and a connection is made for its journal: one that is bare would go unnoticed."""
    tree = framed()[name]
    assert bare(tree, "progress") == []
    assert [ast.unparse(call) for call in calls(tree).get("connect", []) if len(call.args) < 2] == []


def test_there_are_commands_with_a_frame() -> None:
    assert len(framed()) >= 7
