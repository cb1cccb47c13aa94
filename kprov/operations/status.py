"""status: what is installed on a host and how its services are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kprov.desired.common import KAFKA_UNIT
from kprov.desired.runtime import Runtime
from kprov.drift import Drift, drift
from kprov.host.connection import Connection
from kprov.host.facts import probe
from kprov.kinds import labels
from kprov.kinds.base import Answer, Call
from kprov.kinds.service import UnitState
from kprov.operations.report import NextStep, Report
from kprov.operations.session import installed
from kprov.operations.unit_status import UnitStatus, explained, unit_questions, unit_status
from kprov.operations.verdict import HostVerdict, Parts, parts, verdict
from kprov.receipt import State as ReceiptState
from kprov.spec.broker import log_dirs

_LOG_LINES = "80"


@dataclass(frozen=True)
class Status:
    """A host as status shows it; state is the receipt's: done, or applying after an interrupted run.

    written, by: when the receipt was written (UTC, ISO 8601), and who from where. protocol: what the broker is held
    at until an upgrade is finished, empty otherwise. offline: directories of log.dirs that the running broker does not
    use; those that it uses may have failed since they were last written to. drift: what differs from the receipt.
    busy: whether a run of kprov is at work on the host now.
    """

    host: str
    state: ReceiptState
    written: str
    by: str
    kafka: str
    zookeeper: str
    java: str
    java_home: str
    protocol: str
    home: str
    bootstrap: str
    data: tuple[str, ...]
    offline: tuple[str, ...]
    units: tuple[UnitStatus, ...]
    drift: tuple[Drift, ...]
    busy: bool = False
    parts: Parts = Parts(0, 0)  # noqa: RUF009 (frozen)

    @property
    def serving(self) -> bool:
        return all(unit.serving for unit in self.units)

    @property
    def verdict(self) -> HostVerdict:
        """Whether it serves, why not, and what to do next."""
        interrupted = self.state is ReceiptState.APPLYING
        return verdict(interrupted=interrupted, busy=self.busy, found=self.parts, units=self.units, drift=self.drift)


def report(connection: Connection) -> Report:
    """The status, and the command that helps most where there is one. Raises what ``status`` raises."""
    found = status(connection)
    verb = found.verdict.next
    return Report("status", (found, NextStep(f"kprov {verb} HOST")) if verb else (found,))


def status(connection: Connection) -> Status:
    """Two exchanges: the receipt, then all that it lists and the ports; one more for the logs where a unit fails.

    Raises PreflightError where nothing is installed.
    """
    found = installed(connection)
    runtime = found.runtime
    calls: list[Call] = [call for unit in runtime.units for call in unit_questions(unit, runtime.ports[unit])]
    calls += [("probe_lock", "lock"), *(made.query() for made in found.receipt.made.values())]
    if labels_call := labels.question(found.receipt.made.values()):
        calls.append(labels_call)
    seen = labels.with_labels(probe(connection, calls))
    versions = dict(zip(runtime.units, (runtime.zookeeper, str(runtime.kafka)), strict=True))
    pid = UnitState.of(seen[KAFKA_UNIT]).pid
    offline = _offline(connection, pid, log_dirs(found.cluster, found.host)) if _listens(seen, pid, runtime) else ()
    units = [unit_status(unit, versions[unit], runtime.ports[unit], seen) for unit in runtime.units]
    return Status(
        connection.login.name,
        found.receipt.state,
        found.receipt.written,
        found.receipt.by,
        str(runtime.kafka),
        f"{runtime.zookeeper} ({found.cluster.zookeeper.mode})",
        runtime.java,
        runtime.java_home,
        found.cluster.kafka.protocol or "",
        runtime.home,
        runtime.bootstrap,
        runtime.data,
        offline,
        with_advice(connection, units),
        drift(found.receipt, seen),
        seen["lock"].get("locked") == "yes",
        parts(found.receipt, seen),
    )


def with_advice(connection: Connection, units: Sequence[UnitStatus]) -> tuple[UnitStatus, ...]:
    """The units, those that fail with what the end of their journal says about it."""
    failing = [unit.unit for unit in units if unit.failing]
    if not failing:
        return tuple(units)
    calls: list[Call] = [("probe_unit_log", f"log:{unit}", unit, _LOG_LINES) for unit in failing]
    seen = probe(connection, calls)
    return tuple(explained(unit, seen[f"log:{unit.unit}"].get("text", "")) if unit.failing else unit for unit in units)


def _listens(seen: Mapping[str, Answer], pid: int, runtime: Runtime) -> bool:
    """Whether the broker is up: before that it has not opened its directories yet."""
    return bool(pid) and any(seen[f"port:{port}"].get("pid") == str(pid) for port in runtime.ports[KAFKA_UNIT])


def _offline(connection: Connection, pid: int, directories: Sequence[str]) -> tuple[str, ...]:
    """Those that the broker does not use; of a single one there is nothing to ask, a broker without any ends."""
    if len(directories) < 2:
        return ()
    # Unknown where the broker has ended meanwhile: then all of the status is of a moment ago.
    answer = probe(connection, [("probe_log_dirs", "log-dirs", str(pid), *directories)])["log-dirs"]
    return tuple(answer.get("offline", "").splitlines())
