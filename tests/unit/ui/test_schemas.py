"""The schemas of docs/schemas: strict, and what commands write without a host is what they say."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import reduce
from ipaddress import IPv4Address, IPv4Network
from operator import getitem
from pathlib import Path
from typing import Any

import pytest
from support.schemas import FOLDER, validated, validator

from kprov.cli.main import _COMMANDS
from kprov.errors import ExitCode
from kprov.events import Warned
from kprov.kinds.base import Action, Change
from kprov.lab.lab import LabHost, LabStatus
from kprov.operations.report import Report
from kprov.plan import Plan
from kprov.ui.output import Output

PLAN = {"host": "kafka-1", "changes": [], "notes": [], "kept": []}
GOOD = {"kprov": "0.1.0", "schema": 1, "command": "plan", "exit_code": 10, "plan": PLAN}


def test_a_document_that_it_says_is_valid() -> None:
    """The one that the broken ones below are made of."""
    validated(json.dumps(GOOD))


@pytest.mark.parametrize(
    "broken",
    [
        {"schema": 2},
        {"extra": 1},
        {"plan": {**PLAN, "extra": 1}},
        {"plan": {key: value for key, value in PLAN.items() if key != "notes"}},
        {"status": {}},
        {"problems": []},
        {"exit_code": 3},
        {"exit_code": 11},
        {"command": "status"},
    ],
    ids=str,
)
def test_what_the_schema_notices(broken: dict[str, object]) -> None:
    """A part too many, one too few, one of another command, an end that does not fit."""
    with pytest.raises(AssertionError):
        validated(json.dumps(GOOD | broken))


def test_every_command_has_its_parts() -> None:
    """A command that the schema does not know could write any part. The lab has its own; completion writes a script."""
    known = {rule["if"]["properties"]["command"]["const"] for rule in validator("kprov-1").schema["allOf"]}
    assert set(_COMMANDS) - {"lab", "completion"} <= known


def test_every_action_is_known() -> None:
    """And each exit code."""
    schema = validator("kprov-1").schema
    assert set(schema["$defs"]["change"]["properties"]["action"]["enum"]) == set(Action)
    assert set(schema["properties"]["exit_code"]["enum"]) == set(ExitCode)


def test_no_object_is_open() -> None:
    """Each lists its keys, or is keyed by host; what a journal records is the one exception, docs/journal.md has it."""
    for path in FOLDER.glob("*.json"):
        text = json.dumps(json.loads(path.read_text()))
        closed = text.count('"additionalProperties": false') + text.count('"additionalProperties": {')
        assert text.count('"type": "object"') == closed + text.count('"items": {"type": "object"}')


def test_every_place_is_described() -> None:
    """By itself, or by what it refers to."""
    for path in FOLDER.glob("*.json"):
        whole = json.loads(path.read_text())
        assert [name for name, part in places(whole) if not described(part, whole)] == []


def places(part: Any) -> Iterator[tuple[str, Any]]:
    """Each key of an object in a schema, with what the schema says about it."""
    if isinstance(part, list):
        for item in part:
            yield from places(item)
    elif isinstance(part, dict):
        if part.get("type") == "object":
            yield from part.get("properties", {}).items()
        for item in part.values():
            yield from places(item)


def described(part: Any, whole: Any) -> bool:
    """Whether a schema says what a value means."""
    if "$ref" in part:
        return described(reduce(getitem, part["$ref"].split("/")[1:], whole), whole)
    return bool(part.get("description"))


def test_a_plan_as_it_is_written() -> None:
    """Of a command that declines after it."""
    stream = io.StringIO()
    output = Output("plan", as_json=True, stream=stream)
    output.show(Plan("kafka-1", (Change(Action.CREATE, "user:kafka", "user kafka", "new", ()),)))
    output.close(ExitCode.CHANGES)
    assert validated(stream.getvalue())["plan"]["changes"][0]["id"] == "user:kafka"


@pytest.mark.parametrize(
    "words", [["render", "a.b"], ["install", "h", "--port", "x"], ["plan"], ["status", "--no-such"]]
)
def test_what_commands_write_without_a_host(words: list[str], tmp_path: Path) -> None:
    """Results and errors."""
    command = [sys.executable, "-m", "kprov", *words, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert validated(done.stdout)["command"] == words[0]


def test_the_document_of_a_lab() -> None:
    """With a host that runs, and one that does not."""
    hosts = [LabHost(f"kafka-{n}", IPv4Address(n), Path("/r"), "ns", leader) for n, leader in ((1, 7), (2, None))]
    status = LabStatus("x", IPv4Network("10.0.0.0/24"), False, Path("/s"), Path("/s/c"), tuple(hosts))
    stream = io.StringIO()
    output = Output("lab status", as_json=True, stream=stream)
    output.finish(Report("lab status", (status,)))
    output.close(ExitCode.DONE)
    assert validated(stream.getvalue(), "lab-1")["hosts"][1]["leader"] is None


def test_the_document_of_a_lab_that_cannot_be_made(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "kprov", "lab", "up", "--subnet", "10.0.0.0/30", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert validated(done.stdout, "lab-1")["exit_code"] == done.returncode == ExitCode.USAGE


def test_warnings_are_in_the_document() -> None:
    """Each once, with its host where there are several; a document without any has no such part."""
    stream = io.StringIO()
    output = Output("plan", as_json=True, stream=stream)
    output.reaching(2)
    with output.progress() as emit:
        for event in (Warned("careful"), Warned("hot", "kafka-2"), Warned("careful")):
            emit(event)
    output.show(Plan("kafka-1", ()))
    output.close(ExitCode.DONE)
    assert validated(stream.getvalue())["warnings"] == ["careful", "kafka-2: hot"]
