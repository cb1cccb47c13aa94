"""Whether a broker may stop: a table of cases, and rolls through simulated clusters in which brokers fail at will."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from kprov.rollout.availability import Cause, ClusterState, Partition, is_back, may_stop
from kprov.rollout.stages import Due, Work, stages
from kprov.spec.model import RoleName

CASES: list[dict[str, Any]] = YAML(typ="safe").load(Path(__file__).parent / "may_stop.yaml")
QUICK = settings(max_examples=200, derandomize=True)


def ids(text: str) -> list[int]:
    return [int(digit) for digit in str(text) if digit != "-"]


def partition(text: str, topic: str) -> Partition:
    brokers, _, minimum = text.partition(":")
    replicas, _, in_sync = brokers.partition("/")
    leader = next(iter(ids(in_sync)), None)
    needed = None if minimum == "?" else int(minimum)
    return Partition(topic, 0, leader, frozenset(ids(replicas)), frozenset(ids(in_sync)), needed)


def state(case: Mapping[str, Any]) -> ClusterState:
    return ClusterState(
        frozenset(ids(case.get("registered", "123"))),
        case.get("controller", 3),
        tuple(partition(text, f"t{index}") for index, text in enumerate(case["partitions"])),
        case.get("moving", False),
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_broker_may_stop_when_the_case_says_so(case: dict[str, Any]) -> None:
    second = case.get("second", {})
    states = [state(case)] if second == "none" else [state(case), state({**case, **second})]
    judged = may_stop(1, states, ids(case.get("expected", "123")))
    assert sorted(map(str, judged.waits)) == sorted(case.get("waits", []))
    assert sorted(map(str, judged.lasting)) == sorted(case.get("lasting", []))
    assert judged.allows() is not bool(judged.waits or judged.lasting)
    assert judged.allows(downtime=True) is not bool(judged.waits)


def test_every_cause_has_a_case() -> None:
    said = " ".join(text for case in CASES for text in [*case.get("waits", []), *case.get("lasting", [])])
    assert [cause for cause in Cause if cause.value not in said] == []


# ---------------------------------------------------------------- when a broker is back

WHOLE = state({"partitions": ["123/123:2", "23/23:1"]})


@pytest.mark.parametrize(
    ("now", "back"),
    [
        ({}, True),
        ({"partitions": ["123/213:2", "23/23:1", "12/12:1"]}, True),
        ({"partitions": ["123/123:2", "23/3:1"]}, True),
        ({"registered": "23"}, False),
        ({"registered": "13"}, False),
        ({"partitions": ["123/23:2", "23/23:1"]}, False),
        ({"partitions": ["123/123:2"]}, False),
        ({"partitions": [], "registered": ""}, False),
        ({"partitions": [], "registered": "1"}, False),
    ],
)
def test_a_broker_is_back_when_the_controller_sees_all_its_replicas_in_sync(now: dict[str, Any], *, back: bool) -> None:
    """Partitions of others that are behind are no reason to wait for this one."""
    assert is_back(1, state({"partitions": ["123/123:2", "23/23:1"], **now}), WHOLE) is back


# ---------------------------------------------------------------- rolls through a simulated cluster


@dataclass
class Simulated:
    """A cluster whose brokers stop, fail, start and catch up; leaders move as Kafka moves them."""

    up: set[int]
    partitions: list[Partition]

    @property
    def state(self) -> ClusterState:
        return ClusterState(frozenset(self.up), max(self.up, default=None), tuple(self.partitions))

    def down(self, broker: int) -> None:
        """The broker leaves; the last one in sync stays in the list, and its partition has no leader."""
        self.up.discard(broker)
        for index, part in enumerate(self.partitions):
            left = part.in_sync - {broker} or part.in_sync
            leader = next((id_ for id_ in sorted(left) if id_ in self.up), None)
            self.partitions[index] = replace(part, in_sync=left, leader=leader)

    def start(self, broker: int) -> None:
        """The broker registers; where it was the last one in sync, it leads again."""
        self.up.add(broker)
        for index, part in enumerate(self.partitions):
            if part.leader is None and broker in part.in_sync:
                self.partitions[index] = replace(part, leader=broker)

    def catch_up(self, broker: int) -> None:
        """Its replicas come back in sync where there is a leader to fetch from."""
        for index, part in enumerate(self.partitions):
            if broker in self.up and broker in part.replicas and part.leader is not None:
                self.partitions[index] = replace(part, in_sync=part.in_sync | {broker})


@st.composite
def clusters(draw: st.DrawFn) -> Simulated:
    """One to six brokers with partitions of any factor and minimum."""
    brokers = list(range(1, draw(st.integers(1, 6)) + 1))
    partitions = []
    for number in range(draw(st.integers(0, 6))):
        replicas = frozenset(draw(st.sets(st.sampled_from(brokers), min_size=1)))
        minimum = draw(st.integers(1, len(replicas) + 1))
        partitions.append(Partition("t", number, min(replicas), replicas, replicas, minimum))
    return Simulated(set(brokers), partitions)


def order(cluster: Simulated, due: Collection[int]) -> list[int]:
    """In which order the brokers that are due restart now."""
    work = [Due(str(id_), broker=Work.RESTART if id_ in cluster.up else Work.START) for id_ in sorted(due)]
    found = stages(work, serving=tuple(RoleName), controller=str(cluster.state.controller))
    assert all(len(stage.hosts) == 1 for stage in found), "two brokers act at once"
    return [int(stage.hosts[0]) for stage in found]


@QUICK
@given(clusters(), st.data())
def test_no_roll_takes_a_partition_below_its_minimum(cluster: Simulated, data: st.DataObject) -> None:
    """Whichever brokers fail meanwhile, return and catch up, and in whatever order."""
    expected = sorted(cluster.up)
    due = set(expected)
    for _ in range(40):
        event = data.draw(st.sampled_from(["roll", "roll", "fail", "start", "catch up"]))
        broker = data.draw(st.sampled_from(expected))
        if event == "fail":
            cluster.down(broker)
        elif event == "start":
            cluster.start(broker)
        elif event == "catch up":
            cluster.catch_up(broker)
        elif due:
            chosen = order(cluster, due)[0]
            if chosen not in cluster.up:
                cluster.start(chosen)
                due.discard(chosen)
            elif may_stop(chosen, [cluster.state] * 2, expected).allows():
                assert cluster.up == set(expected), "a second broker was stopped"
                could_be_written = [p for p in cluster.partitions if len(p.in_sync) >= p.minimum and p.leader]
                cluster.down(chosen)
                after = {part.number: part for part in cluster.partitions}
                for part in could_be_written:
                    assert len(after[part.number].in_sync & cluster.up) >= part.minimum
                    assert after[part.number].leader is not None


@QUICK
@given(clusters())
def test_a_roll_without_failures_reaches_every_broker(cluster: Simulated) -> None:
    """Unless a partition cannot spare one of them, which is then named; with the downtime allowed it does even so."""
    expected = sorted(cluster.up)
    for downtime in (False, True):
        due = set(expected)
        refused: set[int] = set()
        while due - refused:
            chosen = next(id_ for id_ in order(cluster, due) if id_ not in refused)
            before = cluster.state
            judged = may_stop(chosen, [before] * 2, expected)
            assert judged.waits == ()
            if not judged.allows(downtime=downtime):
                refused.add(chosen)
                continue
            cluster.down(chosen)
            cluster.start(chosen)
            assert is_back(chosen, cluster.state, before) is all(
                chosen in part.in_sync for part in cluster.partitions if chosen in part.replicas
            )
            cluster.catch_up(chosen)
            assert is_back(chosen, cluster.state, before)
            due.discard(chosen)
        spare = {id_ for part in cluster.partitions if len(part.replicas) <= part.minimum for id_ in part.replicas}
        spare |= {id_ for part in cluster.partitions if len(part.replicas) == 1 for id_ in part.replicas}
        assert refused == (set() if downtime else spare)
