"""The rollback of an upgrade that failed: the first cause comes first, and nothing is promised that was not checked."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from support.local_host import LocalHost
from support.specimens import asked

from kprov.errors import (
    ConnectError,
    InterruptedRunError,
    KprovError,
    LockedError,
    NotReadyError,
    PreflightError,
    Problem,
    StepError,
    UsageError,
)
from kprov.events import Event, Warned
from kprov.host.answers import Record
from kprov.host.connection import Connection, Reply
from kprov.host.ssh_config import Login
from kprov.kinds.base import Action, Change
from kprov.operations import apply_and_prove as forward
from kprov.operations import prove, rollback
from kprov.operations.install import Prepared
from kprov.operations.request import Goal, Request
from kprov.operations.rollback import Failure, HostNow, Rollback, report
from kprov.operations.session import Access, recorded_spec
from kprov.plan import Plan
from kprov.receipt import Receipt, State
from kprov.roles.common import KAFKA_UNIT, ZOOKEEPER_UNIT
from kprov.smoke import SmokeResult, SmokeStep
from kprov.topology import topology

CAUSE = Problem("kafka.service is failed", "box", "a log", "a remedy")
LOST = ConnectError("the connection was lost", where="box", hint="check the network")
NEW = "Kafka 2.8.2, ZooKeeper 3.5.3-beta did not become ready"
RUNS = HostNow("1.0.0", finished=True, units=((ZOOKEEPER_UNIT, "active"), (KAFKA_UNIT, "active")))
BY_HAND = "take it back with: kprov install HOST --kafka-version 1.0.0"


def smoke(*, passed: bool) -> SmokeResult:
    return SmokeResult("t", "/k", "box:9092", (SmokeStep("produce", "produce", 1.0, passed, "no leader"),))


# ---------------------------------------------------------------- the report, which is pure


def reported(back: Rollback, now: HostNow = RUNS, kind: type[KprovError] = NotReadyError) -> KprovError:
    return report(Failure(kind([CAUSE]), NEW), back, now, "box", BY_HAND)


def test_a_rollback_that_worked_says_what_was_checked() -> None:
    error = reported(Rollback("Kafka 1.0.0", applied=True, proven=True))
    assert isinstance(error, NotReadyError)
    assert error.problems == (
        CAUSE,
        Problem(f"{NEW}; rolled back to Kafka 1.0.0, and the smoke test passed", "box"),
        Problem(
            "the host now: according to its receipt, Kafka 1.0.0 is installed; zookeeper.service is active, "
            "kafka.service is active",
            "box",
            hint="fix the first cause above before you try again",
        ),
    )


def test_a_smoke_test_that_fails_after_the_rollback_is_reported() -> None:
    failed = Problem("the smoke test failed", "box", "produce: no leader")
    _, back, now = reported(Rollback("Kafka 1.0.0", applied=True, problems=(failed,))).problems
    assert back.what == f"{NEW}; rolled back to Kafka 1.0.0, but it was not proven: the smoke test failed"
    assert back.cause == "produce: no leader"
    assert now.hint == "run the smoke test again: kprov smoke-test HOST"


def test_a_rollback_that_failed_keeps_its_own_causes_and_leads_on() -> None:
    half = HostNow("1.0.0", finished=False, units=((ZOOKEEPER_UNIT, "active"), (KAFKA_UNIT, "failed")))
    second = (Problem("no room", "box", "df", "make room"), Problem("no user", "box"))
    first, *middle, now = reported(Rollback("Kafka 1.0.0", problems=second), half).problems
    assert first == CAUSE
    assert [(item.what, item.cause, item.hint) for item in middle] == [
        (f"{NEW}; the rollback to Kafka 1.0.0 failed: no room", "df", "make room"),
        (f"{NEW}; the rollback to Kafka 1.0.0 failed: no user", "", ""),
    ]
    assert now.what.endswith(
        "Kafka 1.0.0 is being installed, and that run did not finish; zookeeper.service is active, "
        "kafka.service is failed"
    )
    assert now.hint == f"check what runs: kprov status HOST; fix the causes above; {BY_HAND}"


@pytest.mark.parametrize("kind", [StepError, NotReadyError])
def test_the_exit_code_is_that_of_the_first_cause(kind: type[KprovError]) -> None:
    assert reported(Rollback("Kafka 1.0.0", problems=LOST.problems), kind=kind).code is kind.code


def test_a_host_that_cannot_be_asked_has_no_known_state() -> None:
    state = reported(Rollback("Kafka 1.0.0", problems=LOST.problems), HostNow(unknown="it is gone")).problems[-1]
    assert state.what == "the state of the host is not known: it is gone"
    assert state.hint.startswith("check what runs: kprov status HOST; ")


@pytest.mark.parametrize("back", [Rollback("K"), Rollback("K", applied=True, proven=True), Rollback("K", applied=True)])
def test_no_report_speaks_of_messages(back: Rollback) -> None:
    """Nobody compared them."""
    assert not [item for item in reported(back).problems if "message" in f"{item.what} {item.hint}"]


# ---------------------------------------------------------------- the whole way, over a host that answers what is set


@dataclass
class Scene:
    """An upgrade from Kafka 1.0.0 to 2.8.2 that fails.

    forward, prepare, back, smoke: what each part raises; smoke may be a result. state, kafka: of the host's receipt
    afterwards. gone: whether the host does not answer then.
    """

    monkeypatch: pytest.MonkeyPatch
    forward: BaseException | None = None
    smoke_forward: SmokeResult | None = None
    prepare: BaseException | None = None
    back: BaseException | None = None
    smoke: SmokeResult | BaseException = field(default_factory=lambda: smoke(passed=True))
    gone: bool = False
    commands: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    plans: list[Plan] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def exchange(self, calls: Sequence[tuple[str, ...]], beside: Sequence[Sequence[tuple[str, ...]]] = ()) -> Reply:
        if self.gone:
            raise LOST
        content = Receipt({}, State.APPLYING, {}, {"kafka": "1.0.0"}).to_json("somebody")
        answers = {"probe_unit": {"show": "ActiveState=active"}, "probe_receipt": {"content": content}}
        return Reply(
            tuple(
                Record("seen", {"id": call[1], "status": "present", **answers.get(call[0], {})})
                for call in chain(calls, *beside)
            ),
            "",
            0,
        )

    def run(self) -> KprovError:
        """The error that the upgrade ends with."""
        old, new = asked(kafka="1.0.0"), asked(kafka="2.8.2")
        before = Goal(topology(old)[0], cast(Login, None))
        change = Change(Action.CREATE, "release:/new", "Kafka 2.8.2", "new", (), upload=cast(Any, object()))
        specs = [recorded_spec(topology(cluster)[0]) for cluster in (old, new)]
        plan = Plan("box", (change,), before=Receipt({}, State.DONE, specs[0]), after=Receipt({}, State.DONE, specs[1]))
        prior = Prepared(Plan("box", ()), topology(old)[0].with_java("/java", "8"))
        prepared = Prepared(plan, topology(new)[0].with_java("/java", "8"), before=before)

        def prepare(_connection: object, request: Request, *_: object) -> Prepared:
            self.requests.append(request)
            _raise(self.prepare)
            return prior

        def applied(_connection: object, what: Prepared, command: str, *_: object) -> None:
            self.commands.append(command)
            _raise(self.forward if what is prepared else self.back)

        def proven(_connection: object, live: object, _receipt: object, command: str, *_: object) -> SmokeResult:
            self.commands.append(f"prove as {command}")
            result = self.smoke_forward if live is prepared.node else self.smoke
            if isinstance(result, SmokeResult):
                return result
            raise result or AssertionError("no smoke test was expected")

        self.monkeypatch.setattr(rollback, "prepare", prepare)
        for module in (forward, rollback):
            self.monkeypatch.setattr(module, "apply_prepared", applied)
            self.monkeypatch.setattr(module, "prove_install", proven)
        connection: Any = SimpleNamespace(login=SimpleNamespace(name="box"), exchange=self.exchange)
        with pytest.raises(KprovError) as caught:
            forward.apply_and_prove(
                connection,
                Request(None, ("box",), (), Access()),
                prepared,
                "upgrade",
                self.events.append,
                smoke_test=self.smoke_forward is not None,
                planned=self.plans.append,
            )
        return caught.value


def _raise(error: BaseException | None) -> None:
    if error is not None:
        raise error


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Scene]:
    return lambda **fields: Scene(monkeypatch, **fields)


def test_a_release_that_does_not_become_ready_is_rolled_back(scene: Callable[..., Scene]) -> None:
    run = scene(forward=NotReadyError([CAUSE]))
    error = run.run()
    assert [item.what.partition(": ")[0] for item in error.problems] == [
        "kafka.service is failed",
        "Kafka 2.8.2, ZooKeeper 3.5.3-beta did not become ready; rolled back to Kafka 1.0.0, and the smoke test passed",
        "the host now",
    ]
    assert run.commands == ["upgrade", "rollback", "prove as rollback"]
    assert run.events[0] == Warned("box: kafka.service is failed; rolling back to Kafka 1.0.0")
    assert len(run.plans) == 1
    assert run.requests[0].drop == {"release:/new"}


def test_a_release_that_fails_the_smoke_test_is_rolled_back(scene: Callable[..., Scene]) -> None:
    run = scene(smoke_forward=smoke(passed=False))
    first, back, _ = run.run().problems
    assert (first.what, first.cause) == ("the smoke test failed", "produce: no leader")
    assert "did not pass the smoke test; rolled back to Kafka 1.0.0" in back.what
    assert run.commands == ["upgrade", "prove as upgrade", "rollback", "prove as rollback"]


@pytest.mark.parametrize(
    "second",
    [
        LOST,
        PreflightError("the disk is full"),
        LockedError("another run has locked the host"),
        UsageError("the archive is gone"),
        StepError("a step failed"),
        NotReadyError("the old release is not ready"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("where", ["prepare", "back", "smoke"])
def test_no_error_of_the_rollback_hides_the_first_cause(
    scene: Callable[..., Scene], where: str, second: KprovError
) -> None:
    error = scene(forward=NotReadyError([CAUSE]), **{where: second}).run()
    first, back, now = error.problems
    assert (type(error), first) == (NotReadyError, CAUSE)
    assert back.what.endswith(second.problems[0].what)
    assert now.what.startswith("the host now: ")


def test_a_failed_smoke_test_after_the_rollback_is_not_dropped(scene: Callable[..., Scene]) -> None:
    _, back, _ = scene(forward=NotReadyError([CAUSE]), smoke=smoke(passed=False)).run().problems
    assert back.what.endswith("rolled back to Kafka 1.0.0, but it was not proven: the smoke test failed")
    assert back.cause == "produce: no leader"


def test_a_host_that_is_lost_during_the_rollback_is_reported_as_unknown(scene: Callable[..., Scene]) -> None:
    first, back, now = scene(forward=NotReadyError([CAUSE]), back=LOST, gone=True).run().problems
    assert first == CAUSE
    assert back.what.endswith("the rollback to Kafka 1.0.0 failed: the connection was lost")
    assert now.what == "the state of the host is not known: the connection was lost"
    assert now.hint.endswith("take it back with: kprov install HOST --kafka-version 1.0.0")


@pytest.mark.parametrize(
    ("where", "how_far"),
    [("back", "the rollback to Kafka 1.0.0 failed"), ("smoke", "rolled back to Kafka 1.0.0, but it was not proven")],
)
def test_an_interrupted_rollback_still_reports_the_first_cause(
    scene: Callable[..., Scene], where: str, how_far: str
) -> None:
    error = scene(forward=NotReadyError([CAUSE]), **{where: KeyboardInterrupt()}).run()
    first, back, now = error.problems
    assert (type(error), first) == (InterruptedRunError, CAUSE)
    assert back.what.endswith(f"{how_far}: interrupted")
    assert now.what == "the state of the host is not known: it was not looked at"


def test_a_smoke_test_locks_the_host_under_the_name_of_its_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = LocalHost(tmp_path)
    cluster = asked()
    live = topology(cluster)[0].with_java("/java", "8")
    monkeypatch.setattr(prove, "prove", lambda *_: smoke(passed=False))
    prove.prove_install(cast(Connection, host), live, Receipt(), "upgrade", lambda _: None)
    notes = [json.loads(line[line.index("{") :]) for line in (host.state / "journal").read_text().splitlines()]
    assert [(note["command"], note["state"]) for note in notes] == [("upgrade", "begun"), ("upgrade", "ended")]
