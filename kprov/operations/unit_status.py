"""One service as status shows it: its state, its ports, and why it does not serve."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from kprov.diagnosis import known_remedy
from kprov.kinds.base import Answer, Call
from kprov.kinds.service import Running, UnitState


@dataclass(frozen=True)
class Holder:
    """A process that listens on a port of a unit; pid is 0 and program empty if unknown."""

    port: int
    pid: int
    program: str


@dataclass(frozen=True)
class UnitStatus:
    """One service: listening holds the ports that its main process is bound to.

    since: when its main process started (UTC, ISO 8601). restarts: as in ``Running``. holders: who else listens on its
    ports. drop_ins: those in force that kprov did not write. reason: why it does not serve, a sentence without a full
    stop; empty if it does. stopped: whether it only needs a start. advice: what its log says about the reason, if that
    is known.
    """

    unit: str
    version: str
    active: str
    enabled: bool
    pid: int
    since: str
    ports: tuple[int, ...]
    listening: tuple[int, ...]
    restarts: int | None = None
    holders: tuple[Holder, ...] = ()
    drop_ins: tuple[str, ...] = ()
    reason: str = ""
    stopped: bool = False
    advice: str = ""

    @property
    def serving(self) -> bool:
        """Whether it runs and its process holds every port of it."""
        return self.active == "active" and self.listening == self.ports

    @property
    def failing(self) -> bool:
        """Whether its log should say why it does not serve."""
        return not self.serving and not self.stopped and self.active not in {"missing", "unknown"}


def unit_questions(unit: str, ports: Sequence[int]) -> list[Call]:
    """The questions about a unit and its ports."""
    calls: list[Call] = [("probe_unit", unit, unit), ("probe_running", f"running:{unit}", unit)]
    return calls + [("probe_port", f"port:{port}", str(port)) for port in ports]


def _moment(told: str) -> str:
    """A moment as systemctl writes it where TZ is UTC, in ISO 8601; empty if there is none."""
    found = re.fullmatch(r"\w+ (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC", told)
    return f"{found[1]}T{found[2]}+00:00" if found else ""


def unit_status(unit: str, version: str, ports: tuple[int, ...], seen: Mapping[str, Answer]) -> UnitStatus:
    """The unit's status from the answers to ``unit_questions``."""
    answer = seen[unit]
    state, running = UnitState.of(answer), Running.of(seen[f"running:{unit}"])
    held = {port: seen[f"port:{port}"] for port in ports if seen[f"port:{port}"]["status"] == "present"}
    own = tuple(port for port, told in held.items() if state.pid and told.get("pid") == str(state.pid))
    found = UnitStatus(
        unit,
        version,
        _active(answer, state),
        state.enabled,
        state.pid,
        _moment(state.properties.get("ExecMainStartTimestamp", "")) if state.pid else "",
        ports,
        own,
        running.restarts,
        tuple(_holder(port, told) for port, told in held.items() if port not in own),
        state.drop_ins,
    )
    reason, stopped = _reason(found, state, answer.get("why", ""))
    return replace(found, reason=reason, stopped=stopped)


def explained(status: UnitStatus, log: str) -> UnitStatus:
    """The status with what the unit's log says about it."""
    return replace(status, advice=known_remedy(log))


def _active(answer: Answer, state: UnitState) -> str:
    if answer["status"] == "unknown":
        return "unknown"
    return "missing" if answer["status"] == "absent" else state.properties.get("ActiveState", "unknown")


def _holder(port: int, told: Answer) -> Holder:
    return Holder(port, int(told.get("pid") or 0), told.get("program", "").strip())


def _reason(status: UnitStatus, state: UnitState, why: str) -> tuple[str, bool]:
    """Why a unit does not serve, and whether a start is all that it needs."""
    unit, shown = status.unit, state.properties
    holders = "".join(f"; {_held(holder)}, not by {unit}" for holder in status.holders)
    last = f"{shown.get('Result', 'no result')}, status {shown.get('ExecMainStatus', 'unknown')}"
    if status.serving:
        return "", False
    match status.active:
        case "unknown":
            return f"the state of {unit} is unknown: {why or 'systemd does not tell it'}", False
        case "missing":
            return f"{unit} is not there: systemd knows no such unit", False
        case "active" | "reloading":
            missing = ", ".join(str(port) for port in status.ports if port not in status.listening)
            return f"{unit} runs and has not bound port {missing}{_again(status)}{holders}", False
        case "inactive":
            if shown.get("LoadState") == "masked":
                return f"{unit} is stopped and masked: systemctl unmask {unit}", False
            return f"{unit} is stopped{holders}", not holders
        case "failed":
            return f"{unit} failed ({last}){_again(status)}{holders}", False
        case "activating" if shown.get("SubState") == "auto-restart":
            return f"{unit} ended ({last}) and waits for its next start{_again(status)}{holders}", False
        case _:
            return f"{unit} is {status.active}{_again(status)}{holders}", False


def _held(holder: Holder) -> str:
    if not holder.pid:
        return f"port {holder.port} is held by a process that the host does not name"
    program = f" ({holder.program})" if holder.program else ""
    return f"port {holder.port} is held by process {holder.pid}{program}"


def _again(status: UnitStatus) -> str:
    if status.restarts is None:
        return "; how often systemd restarted it is unknown"
    times = "once" if status.restarts == 1 else f"{status.restarts} times"
    return f"; systemd restarted it {times}" if status.restarts else ""
