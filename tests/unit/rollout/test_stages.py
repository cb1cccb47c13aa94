"""The order in which nodes act."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kprov.rollout.stages import Due, Stage, Work, stages
from kprov.spec.model import RoleName

ZOOKEEPER, BROKER = RoleName.ZOOKEEPER, RoleName.BROKER
START, RESTART = Work.START, Work.RESTART


def test_a_new_cluster_starts_together_and_its_ensemble_first() -> None:
    due = [Due("a", START, START), Due("b", START, START), Due("c", START), Due("d", broker=START)]
    assert stages(due, serving=()) == [
        Stage(ZOOKEEPER, START, ("a", "b", "c")),
        Stage(BROKER, START, ("a", "b", "d")),
    ]


def test_a_restart_goes_from_host_to_host_and_ends_with_the_leader_and_the_controller() -> None:
    due = [Due(host, RESTART, RESTART) for host in "abc"]
    assert stages(due, serving=tuple(RoleName), leader="a", controller="b") == [
        *(Stage(ZOOKEEPER, RESTART, (host,)) for host in "bca"),
        *(Stage(BROKER, RESTART, (host,)) for host in "acb"),
    ]


def test_what_does_not_run_comes_first_alone() -> None:
    """A run that was killed leaves a host stopped; the next one begins with it."""
    due = [Due("a", broker=RESTART), Due("b", broker=START), Due("c", broker=RESTART)]
    assert [stage.hosts for stage in stages(due, serving=tuple(RoleName), controller="a")] == [("b",), ("c",), ("a",)]


def test_a_cluster_that_may_serve_is_not_started_at_once() -> None:
    due = [Due("a", broker=START), Due("b", broker=START)]
    assert [stage.hosts for stage in stages(due, serving=tuple(RoleName))] == [("a",), ("b",)]


def test_an_ensemble_without_a_majority_is_started_at_once_while_brokers_run() -> None:
    """One server alone would never serve. Those that run with old files come after these, one after the other."""
    due = [Due("a", START), Due("b", START), Due("c", RESTART, RESTART)]
    found = stages(due, serving=(BROKER,))
    assert [(stage.role, stage.hosts) for stage in found] == [
        (ZOOKEEPER, ("a", "b")),
        (ZOOKEEPER, ("c",)),
        (BROKER, ("c",)),
    ]


def test_nothing_due_is_no_stage() -> None:
    assert stages([Due("a"), Due("b")], serving=tuple(RoleName)) == []


KINDS = st.sampled_from([None, START, RESTART])


@given(
    st.lists(st.tuples(KINDS, KINDS), max_size=7),
    st.sets(st.sampled_from(list(RoleName))),
    st.integers(0, 6),
    st.integers(0, 6),
)
def test_whatever_is_due_the_order_keeps_its_rules(
    work: list[tuple[Work | None, Work | None]], serving: set[RoleName], leader: int, controller: int
) -> None:
    """Everything due is done once, ensemble before brokers, starts before restarts, and no two restart at once."""
    due = [Due(str(index), *kinds) for index, kinds in enumerate(work)]
    found = stages(due, serving=serving, leader=str(leader), controller=str(controller))
    done = [(stage.role, host, stage.work) for stage in found for host in stage.hosts]
    assert sorted(done) == sorted(
        (role, item.host, item.of(role)) for item in due for role in RoleName if item.of(role)
    )
    assert [stage.role for stage in found] == sorted((stage.role for stage in found), key=list(RoleName).index)
    for role, last in ((ZOOKEEPER, leader), (BROKER, controller)):
        kinds = [stage.work for stage in found if stage.role is role]
        assert kinds == sorted(kinds, key=[START, RESTART].index)
        restarted = [stage.hosts[0] for stage in found if (stage.role, stage.work) == (role, RESTART)]
        assert str(last) not in restarted[:-1]
    for stage in found:
        assert len(stage.hosts) == 1 or (stage.work is START and stage.role not in serving)
