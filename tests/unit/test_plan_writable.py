"""What a plan would write and root cannot is an obstacle; what the plan does not write is none."""

from __future__ import annotations

import pytest
from support.local_host import LIBRARY
from support.model_host import ModelHost
from support.plan_cases import fresh
from support.specimens import asked, wanted

from kprov.kinds.base import Obstacle, path_of
from kprov.plan import Plan, writable
from kprov.receipt import Receipt

CLUSTER = asked()
STATE = wanted(CLUSTER, systemd=252)
IDS = [item.id for item in (*STATE.resources, *STATE.services)]
FIRST: Plan = fresh().plan(STATE)


def answer(*lines: tuple[str, str, str]) -> dict[str, str]:
    return {"status": "present", "found": "".join("\t".join(line) + "\n" for line in lines)}


def found(plan: Plan, *lines: tuple[str, str, str]) -> list[Obstacle]:
    return writable.obstacles(plan.changes, answer(*lines))


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "/etc/group",
        "/etc/shadow",
        "/etc/gshadow",
        "/etc/profile.d/kprov.sh",
        "/etc/systemd/system",
        "/etc/systemd/system/kafka.service",
        "/etc/systemd/system/kafka.service.d/kprov-hardening.conf",
        "/usr/local/kafka_2.12-1.0.0",
        "/usr/local/single_kafka/bin",
        "/usr/local/single_kafka/libs",
        "/home/temp/kafka_logs",
        "/var/lib/zookeeper/data",
        "/var/lib/kprov",
    ],
)
@pytest.mark.parametrize("why", ["immutable", "append-only", "read-only", "refused"])
def test_whatever_a_first_install_writes_is_looked_at(path: str, why: str) -> None:
    assert path in writable.question(IDS, Receipt())[2:]
    (obstacle,) = found(FIRST, (why, path, path))
    assert obstacle.what.startswith(f"{path} is ") or why == "refused"
    assert "the plan writes there: " in obstacle.what
    assert obstacle.hint
    assert obstacle.adopt is None


def test_every_path_of_a_plan_is_asked_for() -> None:
    asked_for = set(writable.question(IDS, Receipt()))
    written = {path_of(change.entry) for change in FIRST.changes if change.entry} - {""}
    assert len(written) > 30
    assert written <= asked_for


def test_why_is_a_word_that_the_library_says() -> None:
    for why in ("immutable", "append-only", "read-only", "refused"):
        assert f"printf {why}" in LIBRARY


def test_a_read_only_file_system_can_be_ignored_and_an_immutable_file_cannot() -> None:
    lines = [("read-only", "/usr/local", "/usr/local/single_kafka"), ("immutable", "/etc/passwd", "/etc/passwd")]
    (obstacle,) = writable.obstacles(FIRST.changes, answer(*lines), ["file-system"])
    assert obstacle.id == "/etc/passwd"
    assert len(found(FIRST, *lines)) == 2


def test_one_place_is_named_once_with_what_is_written_there() -> None:
    files = [f"/etc/systemd/system/{unit}.service" for unit in ("kafka", "zookeeper")]
    lines = [("read-only", "/etc/systemd/system", path) for path in (*files, "/etc/systemd/system")]
    (obstacle,) = found(FIRST, *lines)
    assert "file /etc/systemd/system/kafka.service" in obstacle.what
    assert "and 1 more" in obstacle.what, "the services are enabled there"
    assert "mounted read-only" in obstacle.what


def test_what_is_as_it_should_be_may_be_immutable() -> None:
    host = ModelHost(fresh().seen)
    host.install(STATE)
    again = host.plan(STATE)
    assert again.changes == ()
    everything = [("immutable", path, path) for path in writable.question(IDS, host.receipt)[2:]]
    assert found(again, *everything) == []
    users = [("immutable", path, path) for path in ("/etc/passwd", "/etc/group")]
    edited = {**host.seen, "file:/etc/profile.d/kprov.sh": {**host.seen["file:/etc/profile.d/kprov.sh"], "sha256": "0"}}
    plan = ModelHost(edited, receipt=host.receipt).plan(STATE)
    assert found(plan, *users) == []
    (obstacle,) = found(plan, ("immutable", "/etc/profile.d", "/etc/profile.d/kprov.sh"))
    assert "chattr -i /etc/profile.d" in obstacle.hint
