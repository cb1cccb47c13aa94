"""upgrade --finish: it says what it raises, asks in a question of its own, and an upgrade leads to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version
from support.model_host import ModelHost
from support.plan_cases import fresh
from support.specimens import asked, wanted

from kprov.cli.main import main
from kprov.host.connection import Connection
from kprov.operations import install as operation
from kprov.operations.notes import finishing_notes
from kprov.operations.prepare import Prepared
from kprov.operations.request import Goal, Request
from kprov.operations.resolve import Resolved
from kprov.operations.session import Access
from kprov.plan import Plan
from kprov.receipt import Receipt, State
from kprov.smoke import SmokeResult, SmokeStep
from kprov.spec.protocol import Raised
from kprov.topology import topology
from kprov.ui.output import Output

STEP = Raised(Version("1.0"), Version("2.8"))


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelHost:
    """A host with Kafka 1.0.0, which nobody connects to."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(operation, "verify_local_archives", lambda *_, **__: None)
    monkeypatch.setattr(Connection, "__enter__", lambda self: self)
    monkeypatch.setattr("kprov.operations.fleet.peek_receipt", lambda _: Receipt())
    monkeypatch.setattr(Connection, "__exit__", lambda *_: None)
    host = fresh()
    host.install(wanted(asked()))
    host.receipt = replace(host.receipt, state=State.DONE, spec={})
    return host


@pytest.fixture
def questions(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What was asked; the answer is no, unless --yes was given."""
    found: list[str] = []

    confirm = Output.confirm

    def noted(output: Output, question: str) -> None:
        found.append(question)
        confirm(output, question)

    monkeypatch.setattr(Output, "confirm", noted)
    return found


def prepare(monkeypatch: pytest.MonkeyPatch, host: ModelHost, **fields: Any) -> Plan:
    """Let the next run have this plan: one property more."""
    cluster = asked(kafka="1.0.0", properties={"num.partitions": "3"})
    plan = host.plan(wanted(cluster))
    live = topology(cluster)[0].with_java("/java", "11")
    monkeypatch.setattr(operation, "prepare", lambda *_: Prepared(plan, live, **fields))
    monkeypatch.setattr(operation, "apply_and_prove", lambda *_, **__: None)
    return plan


def test_the_last_step_has_a_question_of_its_own(
    host: ModelHost, questions: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = prepare(monkeypatch, host, raised=STEP)
    assert main(["upgrade", "kafka-1", "--finish"]) == 7
    assert questions == [
        f"Raise the protocol on kafka-1 from 1.0 to 2.8, in {len(plan.changes)} changes? "
        "After that, you cannot go back to a Kafka before 2.8."
    ]


def test_another_change_asks_as_before(host: ModelHost, questions: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    plan = prepare(monkeypatch, host)
    assert main(["upgrade", "kafka-1"]) == 7
    assert questions == [f"Make these {len(plan.changes)} changes on kafka-1?"]


def test_an_upgrade_ends_with_the_last_step_and_what_to_look_at_before(
    host: ModelHost, questions: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = asked(kafka="2.8.2")
    prepare(monkeypatch, host, before=Goal(topology(before)[0], None), held="1.0")  # type: ignore[arg-type]
    assert main(["upgrade", "ada@kafka-1", "--yes"]) == 0
    assert questions
    assert capsys.readouterr().out.splitlines()[-6:] == [
        "the broker is held at the protocol 1.0 until you finish the upgrade; before that:",
        "  see that your own clients produce and consume",
        "  see that all runs as it should: kprov status ada@kafka-1",
        "  look for problems since the upgrade: kprov logs ada@kafka-1 --since 1h",
        "  or go back, as long as you have not finished: kprov upgrade ada@kafka-1 --kafka-version 2.8.2",
        "next: kprov upgrade ada@kafka-1 --finish",
    ]


@pytest.mark.parametrize(("moved", "held"), [(True, ""), (False, "1.0")], ids=["nothing held", "the same releases"])
@pytest.mark.usefixtures("questions")
def test_other_runs_end_with_status(
    moved: bool,
    held: str,
    host: ModelHost,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = asked()
    prepare(monkeypatch, host, before=Goal(topology(before)[0], None) if moved else None, held=held)  # type: ignore[arg-type]
    assert main(["install", "kafka-1", "--yes"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "next: kprov status kafka-1"


def test_plan_takes_finish_and_shows_what_it_raises(
    host: ModelHost, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = replace(prepare(monkeypatch, host), notes=(str(STEP),))
    requests: list[Request] = []

    def prepared(_: object, request: Request, *__: object) -> Prepared:
        requests.append(request)
        return Prepared(plan, None, raised=STEP)  # type: ignore[arg-type]

    monkeypatch.setattr(operation, "prepare", prepared)
    assert main(["plan", "kafka-1", "--finish", "--exit-code"]) == 10
    assert requests[0].finish is True
    assert f"  note: {STEP}\n" in capsys.readouterr().out


@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
@pytest.mark.usefixtures("questions")
def test_a_smoke_test_that_fails_is_shown_and_then_named_as_the_problem(
    as_json: bool, host: ModelHost, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It ends with 6, and nothing is said of what to do next."""
    prepare(monkeypatch, host)
    failed = SmokeResult("t", "/home", "kafka-1:9092", (SmokeStep("consume", "bin/x", 1, False, "no answer"),))
    monkeypatch.setattr(operation, "apply_and_prove", lambda *_, **__: failed)
    assert main(["install", "kafka-1", "--yes", *(["--json"] if as_json else [])]) == 6
    out, err = capsys.readouterr()
    if as_json:
        document = json.loads(out)
        assert list(document)[4:] == ["plan", "smoke_test", "problems"]
        assert document["problems"][0]["what"] == "the smoke test failed"
    else:
        assert out.endswith("smoke test FAILED: clients cannot produce and consume at kafka-1:9092\n")
        assert err.startswith("error: kafka-1: the smoke test failed\n  -> the failed step above says why\n")


def notes(kafka: str, protocol: str | None, *, finish: bool) -> list[str]:
    """What a run says about the last step on a host with this Kafka, held at this protocol."""
    before = asked(kafka=kafka, more={"kafka": {"protocol": protocol}} if protocol else {})
    now = asked(kafka=kafka) if finish else before
    as_asked, was = (Goal(topology(item)[0], None) for item in (now, before))  # type: ignore[arg-type]
    request = Request(None, ("kafka-1",), (), Access(), finish=finish)
    return list(finishing_notes(request, Resolved(fresh().receipt, as_asked, was)))


def test_a_plan_says_what_is_raised_or_that_nothing_is() -> None:
    assert notes("2.8.2", "1.0", finish=True) == [str(STEP)]
    assert notes("2.8.2", None, finish=True) == [
        "inter.broker.protocol.version is 2.8 already: there is nothing to finish"
    ]
    assert notes("2.8.2", "1.0", finish=False) == []
