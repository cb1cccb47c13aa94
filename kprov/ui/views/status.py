"""A host's status: the verdict and its reasons, then versions, units, ports and processes, and the drift."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from rich.text import Text

from kprov.commands import HostArguments
from kprov.operations.status import Status
from kprov.operations.unit_status import UnitStatus
from kprov.operations.verdict import HostState
from kprov.ui.views.view import Line, View, moment

COLOURS: Mapping[HostState, str] = {
    HostState.SERVING: "green",
    HostState.NOT_SERVING: "red",
    HostState.NOT_INSTALLED: "red",
    HostState.UNKNOWN: "magenta",
}


def view(status: Status, _: HostArguments) -> View:
    """The verdict first; for an interrupted install only the versions that it was installing."""
    verdict = status.verdict
    basis = " (every service runs and listens on its ports)" if verdict.state is HostState.SERVING else ""
    lines: list[Line] = [
        Text.assemble(f"{status.host}: ", (verdict.state.value, COLOURS[verdict.state]), basis),
        *(f"  {reason}" for reason in verdict.reasons),
        *(f"  -> {text}" for text in verdict.advice),
    ]
    lines += [_planned(status)] if verdict.state is HostState.NOT_INSTALLED else _installation(status)
    return View({"status": document_of(status)}, tuple(lines))


def document_of(status: Status) -> dict[str, Any]:
    """The status for programs."""
    return dataclasses.asdict(status) | {"serving": status.serving, "verdict": dataclasses.asdict(status.verdict)}


def _planned(status: Status) -> str:
    """What the interrupted run was installing."""
    return f"planned    Kafka {status.kafka}, ZooKeeper {_zookeeper(status)}, Java {status.java}"


def _zookeeper(status: Status) -> str:
    return f"{status.zookeeper} ({status.zookeeper_mode})" if status.zookeeper else ""


def _installation(status: Status) -> Iterator[Line]:
    yield f"kafka      {status.kafka}  in {status.home}, clients at {status.bootstrap}"
    if status.protocol:
        yield f"protocol   {status.protocol}; to raise it: kprov upgrade HOST --finish"
    yield f"zookeeper  {_zookeeper(status)}"
    yield f"java       {status.java}  in {status.java_home}"
    yield f"data       {', '.join(status.data)}"
    for path in status.offline:
        yield Text.assemble(("offline    ", "red"), f"{path}: the broker does not use it")
    yield from map(_unit_line, status.units)
    yield from (f"drop-ins   {unit.unit}: {', '.join(unit.drop_ins)}" for unit in status.units if unit.drop_ins)
    for item in status.drift:
        yield Text.assemble(("drift      ", "yellow"), f"{item.id} {item.what}")
    if status.drift:
        yield "           to see how install repairs the drift: kprov plan HOST"


def _unit_line(unit: UnitStatus) -> Text:
    ports = ", ".join(f"{port}{'' if port in unit.listening else ' (not bound)'}" for port in unit.ports)
    rest = f"pid {unit.pid}  port {ports}  since {moment(unit.since)} UTC" if unit.pid else f"port {ports}"
    enabled = "enabled" if unit.enabled else "not enabled"
    restarts = "unknown" if unit.restarts is None else unit.restarts
    colour = "green" if unit.serving else "red"
    return Text.assemble(f"{unit.unit:<18}", (unit.active, colour), f"  {enabled}  {rest}  restarts {restarts}")
