"""Every case of tests/unit/plan_cases: the plan is the one that is written there, and leaves nothing to do."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.plan_cases import Case, carried, cases, difference, planned

from kprov.kinds.base import Action

CASES = cases()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_plan_is_what_the_case_says(case: Case) -> None:
    _, state, plan = carried(case)
    wrong = difference(case, state, plan)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("case", [case for case in CASES if "obstacles" not in case.data], ids=str)
def test_what_a_plan_makes_needs_no_second_one(case: Case) -> None:
    """An install that is planned again has nothing to do, and neither has an uninstall."""
    host, state, plan = carried(case)
    host.apply(plan)
    again = planned(host, state, case.data.get("do", "install"))
    assert [(str(change.action), change.id, change.reason) for change in again.changes] == []
    assert again.obstacles == ()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_change_says_what_why_and_how(case: Case) -> None:
    _, _, plan = carried(case)
    for change in plan.changes:
        assert change.title
        assert change.reason
        assert change.calls or change.action == "adopt"
    for obstacle in plan.obstacles:
        assert obstacle.hint


def test_there_are_many_cases_with_names_of_their_own() -> None:
    assert len(CASES) >= 100
    assert len({str(case) for case in CASES}) == len(CASES)


@pytest.mark.parametrize("like", ["fresh", "uninstalled"])
def test_a_case_notices_a_change_that_is_missing_added_or_doubled(like: str) -> None:
    case = next(case for case in CASES if case.data.get("like") == like and "except" not in case.data)
    _, state, plan = carried(case)
    first, second, *others = plan.changes
    assert difference(case, state, plan) == []
    for changes in ((first, *others), (first, replace(second, action=Action.RESTART), *others), (first, *plan.changes)):
        assert difference(case, state, replace(plan, changes=changes)) != []
