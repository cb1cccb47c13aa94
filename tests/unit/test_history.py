"""Runs read from journals: newest first, found by the beginning of their id; and a host's short journal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kprov.errors import UsageError
from kprov.history import Run, find, host_runs, merged, run_of, runs

WHEN = "2026-11-24T18:15:00.000+00:00"
BEGIN = {"record": "begin", "when": WHEN, "who": "ada@desk", "kprov": "0.1", "command": ["install", "k1"]}


def step(kind: str, number: int, count: int = 3) -> dict[str, Any]:
    return {"record": "event", "event": kind, "number": number, "count": count, "text": f"create file {number}"}


PLAN = {"record": "plan", "host": "k1", "changes": [{"action": "create", "title": f"file {n}"} for n in (1, 2, 3)]}


def end(code: int, *problems: dict[str, str]) -> dict[str, Any]:
    return {"record": "end", "when": "2026-11-24T18:16:00.000+00:00", "exit_code": code, "problems": list(problems)}


def run(*records: dict[str, Any], under_way: bool = False) -> Run:
    return run_of("20261124-181500-ab12", [BEGIN, *records], under_way)


def test_a_run_that_went_well() -> None:
    found = run(
        {"record": "host", "host": "k1"},
        PLAN,
        *(step(kind, number) for number in (1, 2, 3) for kind in ("StepStarted", "StepDone")),
        step("StepDone", 0, 0),
        step("StepDone", 7, 8),
        end(0),
    )
    assert (found.hosts, found.done, found.planned, found.outcome) == (("k1",), 3, 3, "done")
    assert (found.began, found.ended[:16]) == (WHEN, "2026-11-24T18:16")


@pytest.mark.parametrize(
    ("records", "under_way", "outcome", "done"),
    [
        ([step("StepDone", 1), step("StepFailed", 2), end(5, {"what": "it broke", "where": "k1"})], False,
         "exit 5: k1: it broke", 1),
        ([end(7, {"what": "declined"})], False, "exit 7: declined", 0),
        ([end(6)], False, "exit 6", 0),
        ([step("StepDone", 1)], False, "did not end", 1),
        ([step("StepDone", 1)], True, "under way", 1),
    ],
)  # fmt: skip
def test_how_a_run_ended(records: list[dict[str, Any]], under_way: bool, outcome: str, done: int) -> None:
    found = run(PLAN, *records, under_way=under_way)
    assert (found.outcome, found.done) == (outcome, done)


def test_a_journal_without_a_readable_line_is_still_a_run() -> None:
    assert (run_of("20200101-000000-aaaa", []).id, run_of("x", []).outcome) == ("20200101-000000-aaaa", "did not end")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name in ("20261124-181500-ab12", "20261124-181500-cd34", "20261125-080000-ef56"):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(BEGIN) + "\n" + json.dumps(end(0)) + "\n")
    return tmp_path


def test_the_newest_run_comes_first(place: Path) -> None:
    assert [item.id[-4:] for item in runs(place)] == ["ef56", "cd34", "ab12"]


def test_there_may_be_no_run_yet(tmp_path: Path) -> None:
    assert runs(tmp_path / "none") == []
    with pytest.raises(UsageError) as caught:
        find("2026", tmp_path / "none")
    assert caught.value.problems[0].hint == "there are no runs yet"


@pytest.mark.parametrize("prefix", ["20261125", "20261124-181500-a", "20261124-181500-ab12"])
def test_the_beginning_of_an_id_identifies_a_run(place: Path, prefix: str) -> None:
    found, records = find(prefix, place)
    assert found.id.startswith(prefix)
    assert [record["record"] for record in records] == ["begin", "end"]


def test_an_id_that_no_run_has(place: Path) -> None:
    with pytest.raises(UsageError, match="no run begins with '2025'") as caught:
        find("2025", place)
    assert "20261125-080000-ef56, 20261124-181500-cd34" in caught.value.problems[0].hint


def test_an_id_that_several_runs_have(place: Path) -> None:
    with pytest.raises(UsageError, match="2 runs begin with '20261124'") as caught:
        find("20261124", place)
    assert "ab12" in caught.value.problems[0].hint
    assert "ef56" not in caught.value.problems[0].hint


# ------------------------------------------------------------------ a host's journal


def note(run: str, state: str, when: int, **more: Any) -> str:
    return json.dumps({"run": run, "command": "install", "state": state, **more, "when": when})


def test_a_run_that_took_the_lock_twice_is_one_run() -> None:
    text = "\n".join(
        [
            note("a", "begun", 1, who="ada@desk", changes=36),
            note("a", "ended", 2, exit_code=0, problem=""),
            note("a", "begun", 3, who="ada@desk", changes=0),
            note("a", "ended", 4, exit_code=6, problem="the smoke test failed"),
            note("b", "begun", 5, who="bob@lap", changes=1),
        ]
    )
    second, first = host_runs(text)
    assert (first.id, first.who, first.planned, first.began[-8:-6]) == ("a", "ada@desk", 36, "01")
    assert first.outcome == "exit 6: the smoke test failed"
    assert (second.id, second.outcome) == ("b", "did not end")
    assert host_runs(text, locked=True)[0].outcome == "under way"
    assert host_runs(text, locked=True)[1].outcome == "exit 6: the smoke test failed"


def test_a_run_that_rolled_back_has_failed() -> None:
    """The rollback of an upgrade takes the lock once more, and succeeds."""
    lines = [note("a", "begun", 1), note("a", "ended", 2, exit_code=6, problem="kafka.service is failed")]
    lines += [note("a", "begun", 3), note("a", "ended", 4, exit_code=0, problem="")]
    assert [item.outcome for item in host_runs("\n".join(lines))] == ["exit 6: kafka.service is failed"]
    assert [item.outcome for item in host_runs("\n".join(lines[:3]))] == ["did not end"]


def test_a_run_on_several_hosts_is_one_run() -> None:
    """It ends as it did where it failed; the newest run comes first, whatever the order of the hosts."""
    first = [note("a", "begun", 1, changes=36), note("a", "ended", 9, exit_code=0, problem="")]
    failed = [note("a", "begun", 2, changes=4), note("a", "ended", 8, exit_code=5, problem="no space")]
    alone = [note("b", "begun", 20, changes=1), note("b", "ended", 21, exit_code=0, problem="")]
    found = {"k1": host_runs("\n".join(first)), "k2": host_runs("\n".join(failed + alone))}
    newest, shared = merged(found)
    assert (newest.id, newest.hosts, newest.outcome) == ("b", ("k2",), "done")
    assert (shared.id, shared.hosts, shared.planned) == ("a", ("k1", "k2"), 40)
    assert shared.outcome == "exit 5: k2: no space"
    assert (shared.began[-8:-6], shared.ended[-8:-6]) == ("01", "09")


def test_a_run_that_did_not_end_on_one_of_its_hosts_did_not_end() -> None:
    lines = [note("a", "begun", 1), note("a", "ended", 2, exit_code=0, problem="")]
    found = {"k1": host_runs("\n".join(lines)), "k2": host_runs(lines[0])}
    assert [(run.outcome, run.ended) for run in merged(found)] == [("did not end", "")]
    found["k2"] = host_runs(lines[0], locked=True)
    assert [run.outcome for run in merged(found)] == ["under way"]


def test_damaged_lines_are_skipped() -> None:
    text = note("a", "begun", 1, who="ada@desk") + '\n{"run": "b", "sta\n[1]\n\n' + note("a", "ended", 2, exit_code=0)
    assert [(item.id, item.outcome) for item in host_runs(text)] == [("a", "done")]
    assert host_runs("") == []
