"""The text and the JSON of results and errors."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.model_host import ModelHost
from support.specimens import asked, wanted

from kprov import __version__
from kprov.checks import Outcome, Result
from kprov.commands import HostArguments
from kprov.drift import Drift
from kprov.errors import DeclinedError, ExitCode, Problem, UsageError
from kprov.kinds.base import Action, Change
from kprov.operations.check import Checked
from kprov.operations.history import Runs
from kprov.operations.render import Rendered
from kprov.operations.report import NextStep, Report
from kprov.operations.services import ServicesChanged
from kprov.operations.status import Status as HostStatus
from kprov.operations.uninstall import Uninstalled
from kprov.operations.unit_status import UnitStatus
from kprov.operations.verdict import Parts
from kprov.plan import Plan
from kprov.receipt import State
from kprov.smoke import SmokeResult, SmokeStep
from kprov.ui.output import SCHEMA, Output, show_error

MARKUP = "[red]not red[/red] [bold] [link=x]"
IPV6 = "[2001:1234:ab::5]:9092"


def change(action: Action = Action.UPDATE, **fields: Any) -> Change:
    return Change(action, "file:/a", "file /a", "it was edited", (), **fields)


PLAN = Plan(
    "box", (change(diff="--- /a\n+++ /a\n-old\n+new"), change(Action.RESTART)), notes=("a note",), kept=("data",)
)
SMOKE = SmokeResult(
    "kprov-smoke-1",
    "/home",
    "box:9092",
    (
        SmokeStep("create a topic", "bin/kafka-topics.sh --create", 1.26, True),
        SmokeStep("from here", "confluent-kafka to box:9092", 0, None, "not installed"),
    ),
)
UNIT = UnitStatus(
    "kafka.service", "1.0.0", "active", True, 7, "2026-11-24T17:59:00+00:00", (9092, 9093), (9092,), 3, (),
    ("/run/own.conf",), f"kafka.service runs and has not bound port 9093 {MARKUP}", advice="look",
)  # fmt: skip
STATUS = HostStatus(
    "box",
    State.DONE,
    "2026-11-24T18:00:00+00:00",
    "me@desk",
    "1.0.0",
    "3.5.3-beta",
    "standalone",
    "11",
    "/java",
    "",
    "/home",
    "box:9092",
    ("/d", "/e"),
    ("/e",),
    (UNIT,),
    (),
)
UNINSTALLED = Uninstalled("box", 3, ("/d (8 bytes of kafka data)",), ())


def shown(*data: object) -> str:
    stream = io.StringIO()
    output = Output("test", stream=stream)
    output.finish(Report("test", data))
    output.close(ExitCode.DONE)
    return stream.getvalue()


def document(*data: object, problems: tuple[Problem, ...] = (), code: ExitCode = ExitCode.DONE) -> dict[str, Any]:
    stream = io.StringIO()
    output = Output("test", as_json=True, stream=stream)
    output.finish(Report("test", data, problems))
    assert stream.getvalue() == "", "one document, at the end"
    output.close(code)
    found: dict[str, Any] = json.loads(stream.getvalue())
    return found


CHECKED = Checked(
    "box",
    (
        Result("systemd", "system", Outcome.PASS, "systemd 219"),
        Result("tools", "system", Outcome.FAIL, "the host lacks tar", "install tar"),
        Result("memory", "memory and disk", Outcome.FAIL, "too little", "add some"),
        Result("clock", "clock", Outcome.UNKNOWN, f"no time {MARKUP}", "look"),
        Result("entropy", "kernel", Outcome.WARN, "only 7 bits", "wait"),
    ),
    ("memory",),
)


def test_check_results_are_grouped_by_theme_with_fixes_and_ignored_marks() -> None:
    assert shown(CHECKED).splitlines() == [
        "system",
        "  pass    systemd: systemd 219",
        "  fail    tools: the host lacks tar",
        "            -> install tar",
        "memory and disk",
        "  fail    memory (ignored): too little",
        "            -> add some",
        "clock",
        f"  unknown clock: no time {MARKUP}",
        "            -> look",
        "kernel",
        "  warn    entropy: only 7 bits",
        "            -> wait",
        "box: 1 passed, 1 warned, 2 failed, 1 unknown",
    ]


def test_the_document_of_check_has_every_field_the_counts_and_the_verdict() -> None:
    found = document(CHECKED)["check"]
    assert found["counts"] == {"pass": 1, "warn": 1, "fail": 2, "unknown": 1}
    assert found["passed"] is False
    assert found["ignored"] == ["memory"]
    assert found["results"][1] == {
        "check": "tools",
        "theme": "system",
        "status": "fail",
        "evidence": "the host lacks tar",
        "fix": "install tar",
    }


def test_a_plan_shows_changes_diffs_notes_and_counts() -> None:
    assert shown(PLAN).splitlines() == [
        "~ update file /a  it was edited",
        "    --- /a",
        "    +++ /a",
        "    -old",
        "    +new",
        "^ restart file /a  it was edited",
        "  keeps data",
        "  note: a note",
        "box: 2 changes",
    ]


def test_the_content_of_a_new_file_is_not_shown_as_a_diff() -> None:
    plan = Plan("box", (change(Action.CREATE, diff="+every line"),))
    assert "every line" not in shown(plan)


def test_a_plan_without_changes_says_nothing_to_do() -> None:
    assert shown(Plan("box", ())) == "box: nothing to do\n"


def test_a_smoke_test_shows_its_commands_as_one_would_type_them() -> None:
    assert shown(SMOKE).splitlines() == [
        "$ cd /home",
        "$ bin/kafka-topics.sh --create",
        "    ok  create a topic  1.3 s",
        "  confluent-kafka to box:9092",
        "    not run  from here: not installed  0.0 s",
        "smoke test passed: clients can produce and consume at box:9092",
    ]


def test_a_failed_smoke_test_names_the_step_and_the_detail() -> None:
    failed = SmokeResult(
        "t", "/home", "box:9092", (SmokeStep("check that the topic is listed", "bin/x", 0, False, "no topics"),)
    )
    text = shown(failed)
    assert "FAILED  check that the topic is listed: no topics" in text
    assert text.endswith("smoke test FAILED: clients cannot produce and consume at box:9092\n")


def test_status_shows_the_verdict_first_then_the_installation() -> None:
    assert shown(STATUS).splitlines() == [
        "box: not serving",
        f"  kafka.service runs and has not bound port 9093 {MARKUP}",
        "  -> kafka.service: look",
        "  -> kafka.service has drop-ins that kprov did not write: /run/own.conf",
        "kafka      1.0.0  in /home, clients at box:9092",
        "zookeeper  3.5.3-beta (standalone)",
        "java       11  in /java",
        "data       /d, /e",
        "offline    /e: the broker does not use it",
        "kafka.service     active  enabled  pid 7  port 9092, 9093 (not bound)  "
        "since 2026-11-24 17:59:00 UTC  restarts 3",
        "drop-ins   kafka.service: /run/own.conf",
    ]


def test_status_of_a_serving_host_shows_its_drift() -> None:
    unit = replace(UNIT, ports=(9092,), reason="", advice="", drop_ins=(), restarts=None)
    lines = shown(replace(STATUS, units=(unit,), drift=(Drift("file:/a", "was edited"),))).splitlines()
    assert lines[0] == "box: serving (every service runs and listens on its ports)"
    assert lines[-3:] == [
        "kafka.service     active  enabled  pid 7  port 9092  since 2026-11-24 17:59:00 UTC  restarts unknown",
        "drift      file:/a was edited",
        "           to see how install repairs the drift: kprov plan HOST",
    ]


def test_status_after_an_interrupted_first_install_shows_only_what_was_planned() -> None:
    gone = UnitStatus("kafka.service", "1.0.0", "missing", False, 0, "", (9092,), (), reason="it is not there")
    planned = replace(STATUS, state=State.APPLYING, units=(gone,), parts=Parts(0, 40))
    assert shown(planned).splitlines() == [
        "box: not installed",
        "  the installation was only planned: the last run was interrupted before it made anything",
        "  -> complete it: kprov install HOST",
        "  -> or remove what is there: kprov uninstall HOST",
        "planned    Kafka 1.0.0, ZooKeeper 3.5.3-beta (standalone), Java 11",
    ]


def test_uninstall_shows_what_is_kept_and_left_over() -> None:
    assert shown(UNINSTALLED) == "kept: /d (8 bytes of kafka data)\nbox: 0 leftovers\n"


def test_written_files_and_the_next_command_are_shown() -> None:
    assert shown(Rendered(Path("/out"), (Path("/out/a"),))) == "/out/a\n1 files in /out\n"
    assert shown(NextStep("kprov status box")) == "next: kprov status box\n"


DOCUMENTS = [
    (PLAN, "plan"),
    (SMOKE, "smoke_test"),
    (STATUS, "status"),
    (UNINSTALLED, "uninstall"),
    (Rendered(Path("/out"), (Path("/out/a"),)), "files"),
    (NextStep("kprov status box"), "next"),
    (ServicesChanged("box", ("start service kafka.service",)), "done"),
    (Runs((), "none"), "runs"),
]


@pytest.mark.parametrize(("item", "key"), DOCUMENTS, ids=[key for _, key in DOCUMENTS])
def test_a_document_is_versioned_and_says_how_the_run_ended(item: object, key: str) -> None:
    found = document(item, code=ExitCode.NOT_READY)
    found.pop(key)
    assert found == {"kprov": __version__, "schema": SCHEMA, "command": "test", "exit_code": 6}


def test_problems_of_a_result_are_in_its_document() -> None:
    found = document(SMOKE, problems=(Problem("the smoke test failed", "box"),), code=ExitCode.NOT_READY)
    assert list(found)[-2:] == ["smoke_test", "problems"]
    assert found["problems"] == [{"what": "the smoke test failed", "where": "box", "cause": None, "hint": None}]


def test_problems_of_a_result_are_shown_after_it(capsys: pytest.CaptureFixture[str]) -> None:
    """And name the host as this run reaches it."""
    output = Output("test", host=HostArguments("ada@box"))
    problem = Problem("failed", "box", hint="start it: kprov start HOST")
    output.finish(Report("test", (UNINSTALLED,), (problem,), ExitCode.STEP))
    out, err = capsys.readouterr()
    assert out.endswith("box: 0 leftovers\n")
    assert err == "error: box: failed\n  -> start it: kprov start ada@box\n"
    assert (output.report.code, output.report.problems[0].hint) == (ExitCode.STEP, "start it: kprov start ada@box")


def test_every_item_that_an_operation_reports_has_a_view() -> None:
    with pytest.raises(KeyError):
        shown("a text")


@pytest.mark.parametrize(
    ("ask", "yes", "expected"),
    [
        (lambda _: True, False, None),
        (lambda _: False, False, "declined, nothing was changed"),
        (None, False, "no terminal to confirm on; nothing was changed"),
        (None, True, None),
    ],
    ids=["yes", "no", "nobody", "--yes"],
)
def test_a_question(ask: Callable[[str], bool] | None, yes: bool, expected: str | None) -> None:
    output = Output("test", ask=ask, yes=yes)
    if expected is None:
        output.confirm("Make these changes?")
        return
    with pytest.raises(DeclinedError, match=expected):
        output.confirm("Make these changes?")


def test_the_plan_of_a_whole_install_as_a_document() -> None:
    plan = ModelHost().plan(wanted(asked()))
    found = document(plan)["plan"]
    assert [item["id"] for item in found["changes"]] == [item.id for item in plan.changes]
    assert found["changes"][0] == {
        "action": "create",
        "id": plan.changes[0].id,
        "title": plan.changes[0].title,
        "reason": "new",
        "diff": None,
    }


def test_each_result_has_its_own_key_in_the_document() -> None:
    assert document(SMOKE)["smoke_test"]["passed"] is True
    assert document(SMOKE)["smoke_test"]["steps"][1]["passed"] is None
    status = document(STATUS)["status"]
    assert status["serving"] is False
    assert (status["verdict"]["state"], status["verdict"]["next"]) == ("not serving", "logs")
    assert status["units"][0]["ports"] == [9092, 9093]


def test_a_status_that_is_watched_is_shown_again_and_again() -> None:
    """In a pipe each follows the one before after an empty line; on a terminal it takes its place."""
    stream = io.StringIO()
    output = Output("status", stream=stream)
    output.show_again(Report("status", (STATUS,)))
    once = stream.getvalue()
    output.show_again(Report("status", (STATUS,)))
    assert stream.getvalue() == f"{once}\n{once}"


def test_several_parts_are_one_document() -> None:
    stream = io.StringIO()
    output = Output("install", as_json=True, stream=stream)
    output.show(PLAN)
    output.finish(Report("install", (SMOKE,)))
    output.failed(UsageError("ü [red]"))
    output.close(ExitCode.USAGE)
    found = json.loads(stream.getvalue())
    assert {"plan", "smoke_test", "problems"} <= found.keys()
    assert found["problems"][0]["what"] == "ü [red]"


def test_closing_text_output_writes_nothing_more() -> None:
    stream = io.StringIO()
    Output("test", stream=stream).close(ExitCode.DONE)
    assert stream.getvalue() == ""


# ------------------------------------------------------------------ errors


def error(*problems: Problem) -> str:
    stream = io.StringIO()
    show_error(UsageError(problems), stream)
    return stream.getvalue()


def test_an_error_shows_what_where_the_cause_and_the_fix() -> None:
    text = error(Problem("70000 is not a port", "hosts[0].ssh.port", "line one\nline two", "choose another"))
    assert text.splitlines() == [
        "error: hosts[0].ssh.port: 70000 is not a port",
        "  | line one",
        "  | line two",
        "  -> choose another",
    ]


def test_every_problem_is_shown() -> None:
    assert error(Problem("one"), Problem("two", "there")) == "error: one\nerror: there: two\n"


def test_a_long_line_is_not_broken() -> None:
    text = error(Problem("x" * 300, hint="y " * 200))
    assert len(text.splitlines()) == 2


@pytest.mark.parametrize("text", [MARKUP, IPV6, "100% :smile: {x} %s"])
def test_errors_are_printed_without_markup(text: str) -> None:
    assert error(Problem(text, text, text, text)).splitlines() == [
        f"error: {text}: {text}",
        f"  | {text}",
        f"  -> {text}",
    ]


PRINTED = [
    (Plan(MARKUP, (change(diff=MARKUP),), notes=(MARKUP,), kept=(MARKUP,)), 4),
    (SmokeResult("t", MARKUP, MARKUP, (SmokeStep(MARKUP, MARKUP, 0, False, MARKUP),)), 5),
    (Uninstalled(MARKUP, 0, (MARKUP,), (MARKUP,)), 3),
    (NextStep(MARKUP), 1),
]


@pytest.mark.parametrize(("item", "count"), PRINTED, ids=["plan", "smoke", "uninstalled", "next"])
def test_results_are_printed_without_markup(item: object, count: int) -> None:
    assert shown(item).count(MARKUP) == count


def test_an_ipv6_address_is_not_replaced_by_an_emoji() -> None:
    assert shown(NextStep(IPV6)) == f"next: {IPV6}\n"
