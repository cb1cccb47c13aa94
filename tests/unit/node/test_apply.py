"""Applying a plan: the order, the gates, and what a failure leaves."""

from __future__ import annotations

import os

import pytest
from support.applying import change, connection, order, plan, receipt, run
from support.local_host import LocalHost

from kprov.errors import NotReadyError, StepError
from kprov.events import Event, StepFailed
from kprov.kinds.base import Obstacle, Upload
from kprov.node.apply import apply
from kprov.plan import Plan


def test_changes_are_made_in_order_and_gates_are_waited_at(host: LocalHost) -> None:
    def gate(unit: str) -> None:
        with (host.folder / "order").open("a") as stream:
            stream.write(f"wait for {unit}\n")

    changes = (change("a"), change("z", gate="zookeeper.service"), change("k", gate="kafka.service"), change("b"))
    run(host, plan(*changes), gate)
    assert order(host) == ["a", "z", "wait for zookeeper.service", "k", "wait for kafka.service", "b"]
    assert receipt(host)["state"] == "done"
    assert [entry["path"] for entry in receipt(host)["made"]] == ["a", "z", "k", "b"]
    assert sorted(os.listdir(host.state)) == ["journal", "receipt.json", "receipt.json.before"]


def test_a_failed_step_ends_the_run_and_leaves_the_intent(host: LocalHost) -> None:
    events: list[Event] = []
    what = plan(change("a"), change("b", ("bad", "b")), change("c"))
    with pytest.raises(StepError) as caught:
        apply(connection(host), what, "install", events.append, lambda unit: None)
    problem = caught.value.problems[0]
    assert (problem.what, problem.where, problem.cause) == ("create file b failed", "here", "the reason")
    assert "again" in problem.hint
    assert order(host) == ["a", "b"]
    assert [event.text for event in events if isinstance(event, StepFailed)] == ["create file b"]
    assert receipt(host)["state"] == "applying"
    assert not (host.state / "lock").exists(), "the lock is released"


def test_a_service_that_is_not_ready_ends_the_run(host: LocalHost) -> None:
    def gate(unit: str) -> None:
        raise NotReadyError(f"{unit} is failed")

    with pytest.raises(NotReadyError):
        run(host, plan(change("z", gate="zookeeper.service"), change("k")), gate)
    assert order(host) == ["z"]
    assert not (host.state / "lock").exists()


def test_an_interruption_releases_the_lock(host: LocalHost) -> None:
    def gate(unit: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(host, plan(change("z", gate="zookeeper.service")), gate)
    assert not (host.state / "lock").exists()
    assert receipt(host)["state"] == "applying"


def test_a_plan_with_obstacles_is_not_applied(host: LocalHost) -> None:
    what = Plan("box", (change("a"),), (Obstacle("a", "in the way", "move it"),))
    with pytest.raises(ValueError, match="obstacles"):
        run(host, what)
    assert host.calls == []


def test_archives_are_pushed_before_the_first_change(host: LocalHost, upload: Upload) -> None:
    host.before += 'here() { ls "$kprov_dir/uploads"; note "$1"; }'
    run(host, plan(change("stop"), change("a", ("here", "a"), upload=upload)))
    names = [call[0] if call[0] != "step" else call[2] for calls in host.calls for call in calls]
    assert names.index("receive_upload") < names.index("note")
