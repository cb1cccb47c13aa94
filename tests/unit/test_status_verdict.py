"""What status says of a host: of each service, of an installation that is not there, and what to do next."""

from __future__ import annotations

from typing import Any

import pytest
from support.entries import made
from support.model_host import ModelHost
from support.specimens import asked, wanted

from kprov.drift import Drift, drift
from kprov.kinds.base import ABSENT, Answer
from kprov.operations.unit_status import Holder, UnitStatus, explained, unit_status
from kprov.operations.verdict import HostState, HostVerdict, Parts, parts, verdict
from kprov.receipt import Receipt

UNIT = "kafka.service"


def show(**properties: str) -> Answer:
    shown = {"LoadState": "loaded", "ActiveState": "active", "SubState": "running", "MainPID": "7", **properties}
    return {"status": "present", "show": "\n".join(f"{key}={value}" for key, value in shown.items())}


def port(pid: str, program: str = "java") -> Answer:
    return {"status": "present", "pid": pid, "program": f"{program} "}


def status(unit: Answer, *, running: Answer | None = None, bound: Answer = ABSENT) -> UnitStatus:
    seen = {UNIT: unit, f"running:{UNIT}": running or {"restarts": "0"}, "port:9092": bound}
    return unit_status(UNIT, "1.0.0", (9092,), seen)


DEAD = {"MainPID": "0", "Result": "exit-code", "ExecMainStatus": "1"}


@pytest.mark.parametrize(
    ("found", "reason", "stopped"),
    [
        (status(show(), bound=port("7")), "", False),
        (status(show()), "kafka.service runs and has not bound port 9092", False),
        (
            status(show(), running={"restarts": "7"}),
            "kafka.service runs and has not bound port 9092; systemd restarted it 7 times",
            False,
        ),
        (
            status(show(), running={"restarts": "", "messages": ""}),
            "kafka.service runs and has not bound port 9092; how often systemd restarted it is unknown",
            False,
        ),
        (
            status(show(), bound=port("812", "nc -l 9092")),
            "kafka.service runs and has not bound port 9092; port 9092 is held by process 812 (nc -l 9092), "
            "not by kafka.service",
            False,
        ),
        (
            status(show(), bound={"status": "present", "pid": "", "program": ""}),
            "kafka.service runs and has not bound port 9092; port 9092 is held by a process that the host does not "
            "name, not by kafka.service",
            False,
        ),
        (
            status(show(ActiveState="activating", SubState="auto-restart", **DEAD), running={"messages": "srsr"}),
            "kafka.service ended (exit-code, status 1) and waits for its next start; systemd restarted it 2 times",
            False,
        ),
        (status(show(ActiveState="failed", **DEAD)), "kafka.service failed (exit-code, status 1)", False),
        (status(show(ActiveState="inactive", MainPID="0")), "kafka.service is stopped", True),
        (
            status(show(ActiveState="inactive", MainPID="0"), bound=port("812", "nc")),
            "kafka.service is stopped; port 9092 is held by process 812 (nc), not by kafka.service",
            False,
        ),
        (
            status(show(ActiveState="inactive", MainPID="0", LoadState="masked")),
            "kafka.service is stopped and masked: systemctl unmask kafka.service",
            False,
        ),
        (status(show(ActiveState="deactivating")), "kafka.service is deactivating", False),
        (status(ABSENT), "kafka.service is not there: systemd knows no such unit", False),
        (
            status({"status": "unknown", "why": "Failed to connect to bus"}),
            "the state of kafka.service is unknown: Failed to connect to bus",
            False,
        ),
    ],
)
def test_why_a_service_does_not_serve(found: UnitStatus, reason: str, stopped: bool) -> None:
    assert (found.reason, found.stopped) == (reason, stopped)
    assert found.serving is (reason == "")


def test_what_is_told_of_a_service() -> None:
    since = "Mon 2026-11-23 22:02:28 UTC"
    found = status(
        show(ExecMainStartTimestamp=since, UnitFileState="enabled", DropInPaths="/etc/x.d/own.conf"), bound=port("8")
    )
    assert found == UnitStatus(
        UNIT, "1.0.0", "active", True, 7, "2026-11-23T22:02:28+00:00", (9092,), (), 0,
            (Holder(9092, 8, "java"),), ("/etc/x.d/own.conf",),
        found.reason, stopped=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("found", "failing"),
    [
        (status(show(), bound=port("7")), False),
        (status(show(ActiveState="inactive", MainPID="0")), False),
        (status(ABSENT), False),
        (status(show()), True),
        (status(show(ActiveState="failed", **DEAD)), True),
    ],
)
def test_the_log_of_what_fails_is_looked_at(found: UnitStatus, failing: bool) -> None:
    assert found.failing is failing
    assert "disk is full" in explained(found, "x: No space left on device").advice


# ------------------------------------------------------------------ the verdict

GOOD = status(show(), bound=port("7"))
STOPPED = status(show(ActiveState="inactive", MainPID="0"))
FAILED = status(show(ActiveState="failed", **DEAD))
TAKEN = status(show(ActiveState="inactive", MainPID="0"), bound=port("812"))
GONE = status(ABSENT)
UNSEEN = status({"status": "unknown"})
ALL = Parts(40, 40)


def judged(*units: UnitStatus, **given: Any) -> HostVerdict:
    values: dict[str, Any] = {"interrupted": False, "busy": False, "found": ALL, "drift": (), **given}
    return verdict(units=units, **values)


@pytest.mark.parametrize(
    ("found", "state", "following"),
    [
        (judged(GOOD, GOOD), HostState.SERVING, ""),
        (judged(GOOD, STOPPED), HostState.NOT_SERVING, "start"),
        (judged(STOPPED, FAILED), HostState.NOT_SERVING, "logs"),
        (judged(GOOD, TAKEN), HostState.NOT_SERVING, "logs"),
        (judged(GOOD, UNSEEN), HostState.UNKNOWN, ""),
        (judged(STOPPED, UNSEEN), HostState.NOT_SERVING, "start"),
        (judged(GOOD, GONE), HostState.NOT_SERVING, "plan"),
        (judged(GOOD, GOOD, drift=(Drift("file:/a", "was edited"),)), HostState.SERVING, "plan"),
        (judged(GOOD, STOPPED, drift=(Drift("file:/a", "was removed"),)), HostState.NOT_SERVING, "plan"),
        (judged(GONE, GONE, interrupted=True, found=Parts(0, 40)), HostState.NOT_INSTALLED, "install"),
        (judged(GOOD, GONE, interrupted=True, found=Parts(9, 40)), HostState.NOT_INSTALLED, "install"),
        (judged(GOOD, GOOD, interrupted=True, found=Parts(39, 40)), HostState.SERVING, "install"),
        (judged(GOOD, STOPPED, interrupted=True), HostState.NOT_SERVING, "install"),
        (judged(GONE, GONE, interrupted=True, busy=True, found=Parts(9, 40)), HostState.NOT_INSTALLED, ""),
        (judged(GOOD, STOPPED, interrupted=True, busy=True), HostState.NOT_SERVING, ""),
    ],
)
def test_the_verdict_and_what_to_do_next(found: HostVerdict, state: HostState, following: str) -> None:
    assert (found.state, found.next) == (state, following)
    assert bool(found.reasons) is (state is not HostState.SERVING or following == "install")


@pytest.mark.parametrize(
    ("found", "first"),
    [
        (judged(GONE, GONE, interrupted=True, found=Parts(0, 40)), "the installation was only planned"),
        (judged(GOOD, GONE, interrupted=True, found=Parts(9, 40)), "the last run was interrupted: 9 of 40 parts"),
        (judged(GOOD, GOOD, interrupted=True), "the last run was interrupted before it had checked"),
        (judged(GONE, GONE, interrupted=True, busy=True, found=Parts(9, 40)), "a run of kprov is at work"),
    ],
)
def test_an_installation_that_is_not_finished_says_so_first(found: HostVerdict, first: str) -> None:
    assert found.reasons[0].startswith(first)


def test_a_lost_installation_is_not_reported_service_by_service() -> None:
    assert len(judged(GONE, GONE, interrupted=True, found=Parts(0, 40)).reasons) == 1


def test_the_advice_says_what_may_be_the_cause() -> None:
    """Who holds a port, what a log means, and drop-ins of others beside a service that fails."""
    failing = explained(
        status(show(ActiveState="failed", DropInPaths="/etc/kafka.service.d/own.conf", **DEAD), bound=port("812")),
        "java.io.IOException: Too many open files",
    )
    held, told, others = judged(GOOD, failing).advice
    assert held == "stop the process that holds the port, or choose another port"
    assert told.startswith("kafka.service: the process has reached its limit of open files")
    assert others == "kafka.service has drop-ins that kprov did not write: /etc/kafka.service.d/own.conf"


# ------------------------------------------------------------------ parts


def test_how_much_of_an_installation_is_there() -> None:
    """None of it after a run that was killed before its first change, all of it at the end."""
    there = []
    steps = len(ModelHost().plan(wanted(asked())).changes)
    for after in (0, 1, steps // 2, steps):
        host = ModelHost()
        host.interrupt(host.plan(wanted(asked())), after)
        there.append(parts(host.receipt, host.seen))
    assert there[0].there == 0
    assert there[1].there == 1
    assert 1 < there[2].there < there[2].count
    assert there[3].there == there[3].count
    assert len({found.count for found in there}) == 1


@pytest.mark.parametrize(
    ("fields", "seen", "there"),
    [
        ({"pending": True}, {"status": "present"}, 1),
        ({"pending": True}, ABSENT, 0),
        ({"pending": True}, {"status": "unknown"}, 0),
        ({"pending": True, "foreign": True}, {"status": "present"}, 0),
        ({"pending": True, "foreign": True}, {"status": "present", "backup": "yes"}, 1),
    ],
)
def test_whether_a_part_is_there(fields: dict[str, bool], seen: Answer, there: int) -> None:
    """A file that will be adopted does not belong to kprov yet."""
    receipt = Receipt({"file:/a": made("file", path="/a", **fields)})
    assert parts(receipt, {"file:/a": seen}) == Parts(there, 1)


def test_what_was_there_before_or_is_kept_is_no_part() -> None:
    entries = [made("user", name="kafka", adopted=True), made("data", path="/d", kept=True), made("copy", path="/c")]
    seen = {item.id: {"status": "present"} for item in entries}
    assert parts(Receipt({item.id: item for item in entries}), seen) == Parts(0, 0)


def test_a_stopped_service_is_no_drift() -> None:
    """One that is not enabled is."""
    service = made("service", unit=UNIT)
    receipt = Receipt({service.id: service})
    stopped = show(ActiveState="inactive", MainPID="0", UnitFileState="enabled")
    assert drift(receipt, {service.id: stopped}) == ()
    disabled = show(ActiveState="inactive", MainPID="0", UnitFileState="disabled")
    assert drift(receipt, {service.id: disabled}) == (Drift(service.id, "is not enabled"),)
