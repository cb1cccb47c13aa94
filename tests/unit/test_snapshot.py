"""Which ZooKeeper minds logs without a snapshot, which one can be told not to, and how its start says so."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest
from support.model_host import ModelHost
from support.specimens import asked, node, wanted

from kprov.host.facts import Probe
from kprov.kinds.base import Answer
from kprov.operations.snapshot import begins_from_logs, missing_snapshot
from kprov.spec.load import Flag, load
from kprov.topology import Node

DATA, LOGS = "data:/var/lib/zookeeper/data", "data:/var/lib/zookeeper/logs"


def found(version: str, data: Answer, logs: Answer) -> tuple[Node, Probe]:
    cluster = asked(zookeeper=version)
    probe = Probe(cast("object", None), {DATA: data, LOGS: logs})  # type: ignore[arg-type]
    return node(cluster), probe


WHOLE: Answer = {"log": "yes", "first": "yes"}
CUT: Answer = {"log": "yes", "first": "no"}
EMPTY: Answer = {"log": "no", "first": "no"}


@pytest.mark.parametrize(
    ("version", "snapshot", "logs", "told", "refused"),
    [
        ("3.4.14", "no", WHOLE, False, ""),
        ("3.5.3-beta", "no", EMPTY, False, ""),
        ("3.5.3-beta", "yes", CUT, False, ""),
        ("3.5.3-beta", "no", WHOLE, False, "3.5.6 or later"),
        ("3.5.10", "no", WHOLE, True, ""),
        ("3.8.6", "no", WHOLE, True, ""),
        ("3.8.6", "no", CUT, False, "from a copy"),
        ("3.8.6", "yes", WHOLE, False, ""),
    ],
)
def test_logs_without_a_snapshot(version: str, snapshot: str, logs: Answer, told: bool, refused: str) -> None:
    host, probe = found(version, {"snapshot": snapshot}, logs)
    assert begins_from_logs(host, probe) is told
    assert [result.fix for result in missing_snapshot(host, probe) if refused not in result.fix or not refused] == []
    assert len(list(missing_snapshot(host, probe))) == (1 if refused else 0)


@pytest.mark.parametrize(
    ("version", "told", "refused"),
    [
        ("3.5.3-beta", False, "3.5.10 or later"),
        ("3.5.9", False, "3.5.10 or later"),
        ("3.5.10", True, ""),
        ("3.6.3", False, "3.6.4 or later"),
        ("3.6.4", True, ""),
        ("3.8.6", True, ""),
    ],
)
def test_a_follower_that_writes_no_snapshot_is_not_told(version: str, told: bool, refused: str) -> None:
    """It would refuse its next start."""
    hosts = ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
    of_three = node(load(None, hosts, [Flag("--zookeeper-version", ("zookeeper", "version"), version)]))
    probe = Probe(cast("object", None), {DATA: {"snapshot": "no"}, LOGS: WHOLE})  # type: ignore[arg-type]
    assert begins_from_logs(of_three, probe) is told
    found = [result.fix for result in missing_snapshot(of_three, probe)]
    assert len(found) == (1 if refused else 0)
    assert all(refused in fix for fix in found)


def test_the_next_start_says_so_once() -> None:
    """It is no part of what the service is, so that nothing is to be done afterwards."""
    host, state = ModelHost(), wanted(asked())
    zookeeper, kafka = state.services
    told = replace(state, services=(replace(zookeeper, once="-Dx=true"), kafka))
    plan = host.install(told)
    (start,) = (change for change in plan.changes if change.id == zookeeper.id)
    assert start.calls[-1] == ("with_option", "zookeeper.service", "-Dx=true", "start_unit")
    assert host.plan(state).changes == ()
