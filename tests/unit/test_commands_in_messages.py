"""Every command in a message is one that works when it is pasted: it parses, and reaches the host as this run did."""

from __future__ import annotations

import ast
import json
import re
import shlex
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

import kprov
from kprov.cli.main import _COMMANDS, cli, main
from kprov.commands import HOST, HostArguments
from kprov.diagnosis import _REMEDIES
from kprov.errors import Problem, StepError
from kprov.events import Warned
from kprov.host.connection import Connection
from kprov.journal import folder
from kprov.operations.report import NextStep, Report
from kprov.plan import Plan
from kprov.releases import catalogue
from kprov.releases.sources import _carry
from kprov.ui.output import Output

ROOT = Path(kprov.__file__).parent
# Up to what ends a command: the end of the text, or punctuation that no word of a command holds.
_COMMAND = re.compile(rf"(?<![\w/.-])kprov ({'|'.join(_COMMANDS)})(?![\w-])([^;,)\n`'\"]*)")
_SSH = re.compile(r"(?:^|: )(?:ssh-copy-id|ssh(?: -G)?) (?!HOST\b|-G)")
# Names of things, not messages: the alias of a lab's bridge, the first line of a file.
_NOT_SHOWN = {"kprov lab in 1"}


@dataclass(frozen=True)
class Found:
    """A command in a text of the source, where an interpolated value reads 1."""

    place: str
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


def _texts(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every text but documentation: docstrings, descriptions, and what a problem is about."""
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    documentation |= {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg in {"description", "help", "where"}
        for child in ast.walk(node.value)
    }
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in documentation:
            continue
        if isinstance(node, ast.JoinedStr):
            parts = (str(part.value) if isinstance(part, ast.Constant) else "1" for part in node.values)
            yield node.lineno, "".join(parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.lineno, node.value


def _found() -> Iterator[Found]:
    for path in sorted(ROOT.rglob("*.py")):
        for line, text in _texts(ast.parse(path.read_text(encoding="utf-8"))):
            for match in _COMMAND.finditer(text) if "\n\nExample:" not in text else ():
                if match[0].strip() not in _NOT_SHOWN:
                    yield Found(f"{path.relative_to(ROOT)}:{line}", match[0].strip())


FOUND = list(_found())


def parsed(words: list[str]) -> click.Context:
    """What click makes of a command; raises its UsageError."""
    command: click.Command = cli
    context = click.Context(cli, info_name="kprov")
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name = words.pop(0)
        found = command.get_command(context, name)
        assert found is not None, name
        command = found
    return command.make_context(command.name, words, parent=context)


def test_the_commands_in_messages_are_found() -> None:
    texts = {item.text for item in FOUND}
    assert {"kprov start HOST", "kprov install HOST", "kprov upgrade HOST --finish", "kprov fetch --to DIR"} <= texts
    assert len(FOUND) > 12


@pytest.mark.parametrize("found", FOUND, ids=str)
def test_a_command_in_a_message_is_one_that_kprov_takes(found: Found) -> None:
    """Write ``verb it: kprov VERB HOST``, and nothing after it but punctuation."""
    words = shlex.split(found.text)[1:]
    with suppress(click.BadParameter):  # an interpolated value
        parsed(list(words))
    command = cli.get_command(click.Context(cli), words[0])
    assert command is not None
    takes_host = any(isinstance(item, click.Argument) and item.name == "host" for item in command.params)
    assert not takes_host or HOST in words, "write HOST for the host: kprov.commands puts in how this run reaches it"


def test_no_message_says_how_to_reach_a_host_by_ssh_without_the_options_of_the_run() -> None:
    wrong = [
        f"{path.name}:{line}: {text}"
        for path in sorted((ROOT / "host").rglob("*.py"))
        for line, text in _texts(ast.parse(path.read_text(encoding="utf-8")))
        if _SSH.search(text)
    ]
    assert wrong == []


def test_the_reading_of_the_source_would_notice() -> None:
    tree = ast.parse('"""kprov start x"""\nhint = f"look: kprov status {name}"\nother = "kprov starts"\n')
    assert [_COMMAND.findall(text) for _, text in _texts(tree)] == [[("status", " 1")], []]


def test_how_an_archive_is_fetched() -> None:
    for wanted in (catalogue.kafka("2.8.2", scala="2.12"), catalogue.zookeeper("3.8.6"), catalogue.java("temurin-11")):
        match = _COMMAND.search(_carry(wanted))
        assert match
        assert str(parsed(shlex.split(match[0])[1:]).params["to"]) == "DIR"


# ------------------------------------------------------------------ what stands for HOST

ARGUMENTS = {
    "a bare host": (HostArguments("kafka-1"), ["kafka-1"]),
    "user and port": (HostArguments("ada@kafka-1:2222"), ["ada@kafka-1:2222"]),
    "an IPv6 address": (HostArguments("root@[fe80::1]:22"), ["root@[fe80::1]:22"]),
    "options": (
        HostArguments("k", options=("--ssh-config", "my config", "-i", "key's", "--sudo-password-file", "p")),
        ["k", "--ssh-config", "my config", "-i", "key's", "--sudo-password-file", "p"],
    ),
    "a file": (HostArguments("", Path("a b.yaml")), ["--config", "a b.yaml"]),
    "a host of a file": (HostArguments("k", Path("x.yaml"), ("-i", "\\1")), ["k", "--config", "x.yaml", "-i", "\\1"]),
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_the_shell_reads_what_the_run_was_given(name: str) -> None:
    arguments, words = ARGUMENTS[name]
    shown = arguments.completed("start it: kprov start HOST")
    assert shlex.split(shown.removeprefix("start it: ")) == ["kprov", "start", *words]
    finish = shlex.split(arguments.completed("kprov upgrade HOST --finish"))
    assert finish == ["kprov", "upgrade", *words, "--finish"]
    assert parsed(finish[1:]).params["finish"] is True


@pytest.mark.parametrize(
    "text", ["kprov fetch --to DIR", "name HOST, or a file", "HOST", "mykprov start HOST", "kprov start HOSTNAME", ""]
)
def test_other_text_stays_as_it_is(text: str) -> None:
    assert HostArguments("kafka-1", ssh=("kafka-1",)).completed(text) == text


def test_without_a_host_the_placeholder_stays() -> None:
    assert HostArguments().completed("kprov install HOST; ssh HOST") == "kprov install HOST; ssh HOST"


@pytest.mark.parametrize("word", ["ssh", "ssh -G", "ssh-copy-id"])
def test_ssh_goes_the_same_way(word: str) -> None:
    assert HostArguments("k", ssh=("-F", "c", "k")).completed(f"try: {word} HOST id") == f"try: {word} -F c k id"


# ------------------------------------------------------------------ the real command line


@pytest.fixture
def failing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How a host is reached whose every run fails with a hint."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my config").write_text("")
    (tmp_path / "key").write_text("")
    (tmp_path / "secret").write_text("geheim\n")
    (tmp_path / "secret").chmod(0o600)

    def fail(*_: object) -> None:
        hint = "start it: kprov start HOST; or log in: ssh HOST"
        raise StepError([Problem("it broke", "kafka-1", "kprov start HOST said the log", hint)])

    monkeypatch.setattr(Connection, "__enter__", fail)
    options = ["--ssh-config", "my config", "-i", "key", "--sudo-password-file", "secret"]
    return ["ada@kafka-1:2222", *options]


HINT = (
    "start it: kprov start ada@kafka-1:2222 --ssh-config 'my config' -i key --sudo-password-file secret; "
    "or log in: ssh -F 'my config' -i key -p 2222 ada@kafka-1"
)


def test_an_error_names_the_command_of_this_run(failing: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["restart", *failing]) == 5
    err = capsys.readouterr().err
    assert f"  -> {HINT}\n" in err
    assert "  | kprov start HOST said the log\n" in err, "what a host said is left alone"


def test_programs_and_the_journal_get_the_same(failing: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stop", *failing, "--json"]) == 5
    assert json.loads(capsys.readouterr().out)["problems"][0]["hint"] == HINT
    (journal,) = folder().glob("*")
    assert json.loads(journal.read_text().splitlines()[-1])["problems"][0]["hint"] == HINT


def test_a_password_from_standard_input_is_asked_for_the_next_time(
    failing: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "input").write_text("geheim\n")
    with (tmp_path / "input").open() as stream:
        monkeypatch.setattr("sys.stdin", stream)
        assert main(["start", *failing[:1], "--password-file", "-"]) == 5
    assert "kprov start ada@kafka-1:2222;" in capsys.readouterr().err


def test_a_host_of_a_file_is_reached_through_the_file(
    failing: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "k.yaml").write_text("hosts: [{address: kafka-1, ssh: {user: ada, port: 2222}}]\n")
    assert main(["status", "--config", "k.yaml", *failing[1:3]]) == 5
    assert "kprov start --config k.yaml --ssh-config 'my config';" in capsys.readouterr().err


def test_a_host_that_cannot_be_reached_is_asked_for_its_history_in_the_same_way(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """--host is HOST as well."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        assert main(["history", "--host", f"127.0.0.1:{probe.getsockname()[1]}"]) == 4
    assert "error: 127.0.0.1: " in capsys.readouterr().err


# ------------------------------------------------------------------ everything that a run shows


KAFKA_1 = HostArguments("kafka-1", options=("-i", "key"))


def test_notes_and_warnings_are_completed(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output("plan", host=KAFKA_1)
    plan = Plan("kafka-1", (), notes=("raise it: kprov upgrade HOST --finish",))
    output.finish(Report("plan", (plan, NextStep("kprov status HOST"))))
    with output.progress() as emit:
        emit(Warned("read more: kprov check HOST"))
    out, err = capsys.readouterr()
    assert "raise it: kprov upgrade kafka-1 -i key --finish\n" in out
    assert "next: kprov status kafka-1 -i key\n" in out
    assert "read more: kprov check kafka-1 -i key\n" in err


def test_documents_are_completed(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output("plan", as_json=True, host=KAFKA_1)
    plan = Plan("kafka-1", (), notes=("raise it: kprov upgrade HOST --finish",))
    output.finish(Report("plan", (plan, NextStep("kprov status HOST"))))
    output.close(output.report.code)
    document = json.loads(capsys.readouterr().out)
    assert document["plan"]["notes"] == ["raise it: kprov upgrade kafka-1 -i key --finish"]
    assert document["next"] == "kprov status kafka-1 -i key"


def test_a_remedy_that_names_a_command_names_the_host() -> None:
    advice = [text for _, text in _REMEDIES if "kprov " in text]
    assert advice
    assert all(KAFKA_1.completed(text) != text for text in advice)
