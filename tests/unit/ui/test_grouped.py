"""Steps and changes of a kind are told together; what changes something that was there is told by itself."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest

from kprov.events import TOLD_AGAIN, Event, Message, StepDone, StepFailed, StepStarted, Transfer, about
from kprov.kinds.base import Action, Change
from kprov.plan import Plan
from kprov.rollout.plan import ClusterPlan
from kprov.ui.grouped import counted_groups, grouped
from kprov.ui.output import Output
from kprov.ui.progress import plain_line


def told(*events: Event, every_step: bool = False) -> list[Event]:
    found: list[Event] = []
    with grouped(found.append, every_step=every_step) as emit:
        for event in events:
            emit(event)
    return found


def done(number: int, group: str, text: str = "", seconds: float = 0.5) -> StepDone:
    return StepDone(number, 9, text, seconds, group=group)


def test_steps_of_groups_are_told_with_the_next_step_that_is_not_in_one() -> None:
    ready = StepStarted(0, 0, "waiting for kafka.service")
    started = StepStarted(2, 9, "create file /a", group="create file")
    steps = [done(1, "create user"), started, done(2, "create file"), done(3, "create file")]
    start = done(4, "start", "start service kafka.service")
    text = "create 1 user and 2 files, start service kafka.service"
    assert told(*steps, start, ready) == [started, StepDone(4, 9, text, 2.0), ready]


def test_what_waits_at_the_end_is_told_then() -> None:
    assert told(*(done(number, "remove data directory") for number in (1, 2, 3))) == [
        StepDone(3, 9, "remove 3 data directories", 1.5)
    ]


def test_a_few_are_told_by_name() -> None:
    link, start = done(1, "create link", "create link /a"), done(2, "start", "start service kafka.service")
    assert told(link, start) == [StepDone(2, 9, "create link /a, start service kafka.service", 1.0)]
    assert told(link) == [StepDone(1, 9, "create link /a", 0.5)]


def test_a_failure_comes_after_what_went_well_before_it() -> None:
    failed = StepFailed(2, 9, "create file /a", 0.1)
    assert told(done(1, "create user", "create user kafka"), failed) == [
        StepDone(1, 9, "create user kafka", 0.5),
        failed,
    ]


def test_each_host_has_its_own_group() -> None:
    found: list[Event] = []
    with grouped(found.append) as emit:
        one, two = about("kafka-1", emit), about("kafka-2", emit)
        one(done(1, "create file"))
        two(done(1, "create file"))
        one(Message("looking"))
        assert [event.host for event in found] == ["kafka-1", "kafka-1"]
    assert [event.host for event in found] == ["kafka-1", "kafka-1", "kafka-2"]


def test_a_step_that_the_result_tells_again_is_not_told() -> None:
    begun = StepStarted(1, 9, "create a topic", group=TOLD_AGAIN)
    ended = done(1, TOLD_AGAIN)
    assert told(begun, ended, Transfer("a", 1, 1)) == [begun, ended, Transfer("a", 1, 1)]
    assert plain_line(ended) is None, "it only ends the waiting"


def test_every_step_is_told_by_itself_where_that_is_wanted() -> None:
    steps = [done(1, "create file", "create file /a"), done(2, "create file", "create file /b"), done(3, "start")]
    assert told(*steps, every_step=True) == steps


@pytest.mark.parametrize(
    ("groups", "text"),
    [
        ([], ""),
        (["create directory"] * 2 + ["create file"], "create 2 directories and 1 file"),
        (
            ["create user", "create link", "create firewall rule", "remove file"],
            "create 1 user, 1 link and 1 firewall rule, remove 1 file",
        ),
    ],
)
def test_groups_are_counted(groups: list[str], text: str) -> None:
    assert counted_groups(groups) == text


# ------------------------------------------------------------------ plans


def change(action: Action, id_: str, **more: Any) -> Change:
    return Change(action, id_, id_.replace(":", " ", 1), "why", (), **more)


CHANGES = (
    change(Action.CREATE, "user:kafka"),
    change(Action.CREATE, "file:/a"),
    change(Action.CREATE, "release:/usr/local/kafka"),
    change(Action.UPDATE, "file:/b", diff="-old\n+new"),
    change(Action.CREATE, "file:/c"),
    change(Action.START, "service:kafka.service"),
)


def shown(item: Plan | ClusterPlan, *, verbose: bool) -> list[str]:
    stream = io.StringIO()
    Output("install", stream=stream, verbose=verbose).show(item)
    return stream.getvalue().splitlines()


def test_a_plan_before_the_question_counts_what_is_new_and_small() -> None:
    plan = Plan("box", CHANGES)
    assert shown(plan, verbose=False) == [
        "+ create 1 user and 2 files  -v lists them",
        "+ create release /usr/local/kafka  why",
        "~ update file /b  why",
        "    -old",
        "    +new",
        "> start service kafka.service  why",
        "box: 6 changes",
    ]
    assert len(shown(plan, verbose=True)) == 9
    assert "+ create file /c  why" in shown(plan, verbose=True)


def test_so_does_the_plan_of_a_cluster() -> None:
    plan = Plan("kafka-1", (CHANGES[4], *CHANGES[:3]))
    found = shown(ClusterPlan((plan, replace(plan, host="kafka-2")), ()), verbose=False)
    assert found[:2] == ["+ create 2 files and 1 user  -v lists them", "+ create release /usr/local/kafka  why"]


def test_a_plan_with_few_new_things_lists_them() -> None:
    assert shown(Plan("box", CHANGES[:2]), verbose=False)[:2] == ["+ create user kafka  why", "+ create file /a  why"]


def test_what_replaces_something_of_the_user_is_always_listed() -> None:
    taken = change(Action.ADOPT, "file:/etc/x")
    restored = change(Action.RESTORE, "file:/etc/x")
    assert [item.group for item in (taken, restored, change(Action.REPLACE, "link:/x"))] == ["", "", ""]
