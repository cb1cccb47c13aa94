"""Waiting until a unit is ready: what an error says when it runs and does not become ready."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from support.specimens import asked, node

from kprov.errors import NotReadyError, Problem
from kprov.host.forwarded import ForwardingForbiddenError, UnansweredError
from kprov.host.tool import ToolRun
from kprov.node.readiness import await_ready
from kprov.queries import BrokerSeen, Metadata
from kprov.roles.common import KAFKA_UNIT, ZOOKEEPER_UNIT
from kprov.roles.of_node import role_of

LOG = "[2026] INFO [KafkaServer id=0] started (kafka.server.KafkaServer)"


def given_up(
    monkeypatch: pytest.MonkeyPatch, unit: str, run: ToolRun | None = None, srvr: str = "", answer: Any = None
) -> Problem:
    """The problem of a unit that runs, holds its ports and never answers as it should.

    answer: to the question that is put through the connection; None: sshd forbids it, and tools are asked.
    """

    def forwarded(*_: Any, **__: Any) -> Any:
        if answer is None:
            raise ForwardingForbiddenError
        if isinstance(answer, Exception):
            raise answer
        return answer

    def ask(_connection: Any, calls: list[tuple[str, ...]]) -> dict[str, dict[str, str]]:
        answers = {
            "probe_unit": {"status": "present", "show": "ActiveState=active\nMainPID=7"},
            "probe_port": {"status": "present", "pid": "7"},
            "probe_log": {"text": LOG},
            "probe_srvr": {"text": srvr},
        }
        return {call[1]: answers[call[0]] for call in calls}

    monkeypatch.setattr("kprov.node.readiness.probe", ask)
    monkeypatch.setattr("kprov.node.readiness.ask", forwarded)
    monkeypatch.setattr("kprov.host.tool.Tools.run", lambda *_, **__: run)
    connection: Any = SimpleNamespace(login=SimpleNamespace(name="box"))
    with pytest.raises(NotReadyError) as raised:
        await_ready(connection, role_of(node(asked()), unit), lambda _: None, seconds=0)
    (problem,) = raised.value.problems
    return problem


def tool(output: str, errors: str, code: int) -> ToolRun:
    return ToolRun("bin/kafka-broker-api-versions.sh", code, output, errors, 1, 1)


@pytest.mark.parametrize(
    ("run", "cause", "hint"),
    [
        (
            tool("", "Unrecognized VM option 'Foo'\nError: Could not create the Java Virtual Machine.", 1),
            "bin/kafka-broker-api-versions.sh failed (exit code 1):\n"
            "Unrecognized VM option 'Foo'\nError: Could not create the Java Virtual Machine.",
            "this Java does not support an option",
        ),
        (
            tool("", "[2026] WARN Connection to node -1 could not be established", 124),
            "bin/kafka-broker-api-versions.sh did not end within 1 s:\n"
            "[2026] WARN Connection to node -1 could not be established",
            "--ready-timeout",
        ),
        (
            tool("box:9092 (id: 5 rack: null) -> (", "", 0),
            "bin/kafka-broker-api-versions.sh ended without an error:\nbox:9092 (id: 5 rack: null) -> (",
            "--ready-timeout",
        ),
    ],
)
def test_the_cause_is_the_end_of_the_tools_output(
    monkeypatch: pytest.MonkeyPatch, run: ToolRun, cause: str, hint: str
) -> None:
    """The end of the broker's log follows, which shows nothing wrong."""
    problem = given_up(monkeypatch, KAFKA_UNIT, run)
    assert "it serves no metadata" in problem.what
    assert problem.cause == f"{cause}\n{LOG}"
    assert hint in problem.hint


def test_the_cause_is_what_zookeeper_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "This ZooKeeper instance is not currently serving requests"
    problem = given_up(monkeypatch, ZOOKEEPER_UNIT, srvr=f"{said}\n")
    assert problem.cause == f"srvr was answered with:\n{said}\n{LOG}"


@pytest.mark.parametrize(
    ("unit", "answer", "cause"),
    [
        (KAFKA_UNIT, Metadata(()), "the question for metadata was answered with:\nno broker"),
        (
            KAFKA_UNIT,
            Metadata((BrokerSeen(5, "box", 9092),)),
            "the question for metadata was answered with:\nbox:9092 (id: 5 rack: null)",
        ),
        (KAFKA_UNIT, UnansweredError("no answer within 1 s"), "the question for metadata: no answer within 1 s"),
        (ZOOKEEPER_UNIT, "This server is starting", "srvr was answered with:\nThis server is starting"),
        (ZOOKEEPER_UNIT, UnansweredError("no answer within 1 s"), "srvr: no answer within 1 s"),
    ],
)
def test_the_cause_is_the_answer_that_came_through_the_connection(
    monkeypatch: pytest.MonkeyPatch, unit: str, answer: Any, cause: str
) -> None:
    assert given_up(monkeypatch, unit, answer=answer).cause == f"{cause}\n{LOG}"
