"""A plan cut into acts: what each role's changes are, in which order, and what is due."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kprov.kinds.base import RELOAD, Action, Change
from kprov.kinds.service import Service
from kprov.rollout.acts import acts
from kprov.rollout.stages import Due, Work
from kprov.spec.model import RoleName

ZOOKEEPER, BROKER = RoleName.ZOOKEEPER, RoleName.BROKER


def change(action: Action, id_: str) -> Change:
    return Change(action, id_, id_, "", (("true",),))


SERVICES = {
    ZOOKEEPER: Service("zookeeper.service", "zookeeper", frozenset({"file:java", "file:zoo", "file:zunit"}), "f"),
    BROKER: Service("kafka.service", "kafka", frozenset({"file:java", "file:kafka", "file:kunit"}), "f"),
}
STOP_Z, START_Z = change(Action.STOP, "service:zookeeper.service"), change(Action.START, "service:zookeeper.service")
STOP_K, START_K = change(Action.STOP, "service:kafka.service"), change(Action.START, "service:kafka.service")
JAVA, ZOO, KAFKA, PEOPLE = (change(Action.UPDATE, f"file:{name}") for name in ("java", "zoo", "kafka", "people"))


def test_what_a_service_reads_changes_in_its_act_and_what_two_read_in_the_first() -> None:
    found = acts([STOP_K, STOP_Z, JAVA, ZOO, KAFKA, PEOPLE, START_Z, START_K], SERVICES)
    assert found.first == ()
    assert found.of[ZOOKEEPER] == (STOP_Z, JAVA, ZOO, START_Z)
    assert found.of[BROKER] == (STOP_K, KAFKA, PEOPLE, START_K)
    assert found.due("a") == Due("a", Work.RESTART, Work.RESTART)


def test_without_work_for_a_service_nothing_needs_a_stage() -> None:
    enable = change(Action.UPDATE, "service:kafka.service")
    found = acts([PEOPLE, enable], SERVICES)
    assert (found.first, found.of) == ((PEOPLE, enable), {})
    assert found.due("a") == Due("a")


def test_a_file_of_a_service_without_work_changes_with_the_others() -> None:
    restart = change(Action.RESTART, "service:kafka.service")
    found = acts([ZOO, KAFKA, restart], SERVICES)
    assert (found.first, found.of) == ((), {BROKER: (ZOO, KAFKA, restart)})
    assert found.due("a") == Due("a", None, Work.RESTART)


def test_each_act_reads_the_unit_files_that_it_changed() -> None:
    """The plan has one daemon-reload, after the last of them."""
    unit = change(Action.UPDATE, "file:/etc/systemd/system/zookeeper.service")
    last = replace(change(Action.UPDATE, "file:/etc/systemd/system/kafka.service"), calls=(("true",), RELOAD))
    services = {
        ZOOKEEPER: replace(SERVICES[ZOOKEEPER], reads=frozenset({unit.id})),
        BROKER: replace(SERVICES[BROKER], reads=frozenset({last.id})),
    }
    found = acts([unit, last, START_Z, START_K], services)
    assert [item.calls for item in found.of[ZOOKEEPER]] == [(("true",), RELOAD), (("true",),)]
    assert [item.calls for item in found.of[BROKER]] == [(("true",), RELOAD), (("true",),)]


def test_the_firewall_opens_before_anything_starts() -> None:
    port = change(Action.CREATE, "firewall:2888/tcp from 10.0.0.2")
    found = acts([ZOO, port, START_Z], SERVICES)
    assert (found.first, found.of) == ((port,), {ZOOKEEPER: (ZOO, START_Z)})


def test_a_node_with_one_role() -> None:
    services = {BROKER: SERVICES[BROKER]}
    assert acts([ZOO, KAFKA, START_K], services).of == {BROKER: (ZOO, KAFKA, START_K)}


CHANGES = st.sampled_from([STOP_K, STOP_Z, JAVA, ZOO, KAFKA, PEOPLE, START_Z, START_K])


@given(st.lists(CHANGES, unique_by=id, max_size=8))
def test_every_change_is_made_once_and_in_the_order_of_the_plan(plan: list[Change]) -> None:
    found = acts(plan, SERVICES)
    shares = [found.first, *found.of.values()]
    assert sorted(item.id + item.action for share in shares for item in share) == sorted(
        item.id + item.action for item in plan
    )
    for share in shares:
        assert list(share) == [item for item in plan if item in share]


@pytest.mark.parametrize("plan", [[STOP_K], [STOP_Z, STOP_K]])
def test_a_stop_alone_is_no_work_for_a_stage(plan: list[Change]) -> None:
    assert acts(plan, SERVICES).due("a") == Due("a")
