"""status: what is installed on a host, and the state of its services."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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
from kprov.roles.base import Role
from kprov.roles.of_node import roles_of

_LOG_LINES = "80"


@dataclass(frozen=True)
class Status:
    """A host as status shows it; state is the receipt's: done, or applying after an interrupted run.

    What only a broker or only a ZooKeeper server has is empty on a host without one.

    written, by: when the receipt was written (UTC, ISO 8601), and by whom. zookeeper_mode: standalone or bundled.
    protocol: what the broker keeps until an upgrade is finished, empty otherwise. offline: directories of log.dirs that
    the running broker does not use; those that it uses may have failed since they were last written to. drift: what
    differs from the receipt. busy: whether a run of kprov has the lock.
    """

    host: str
    state: ReceiptState
    written: str
    by: str
    kafka: str
    zookeeper: str
    zookeeper_mode: str
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
    """The status, and the next command if one helps. Raises what ``status`` raises."""
    found = status(connection)
    verb = found.verdict.next
    return Report("status", (found, NextStep(f"kprov {verb} HOST")) if verb else (found,))


def status(connection: Connection) -> Status:
    """One exchange after the login: all that the receipt lists, and the ports; one more for the logs if a unit fails.

    Raises PreflightError if nothing is installed.
    """
    found = installed(connection)
    node, roles = found.node, roles_of(found.node)
    calls: list[Call] = [call for role in roles for call in unit_questions(role.unit, role.ports)]
    calls += [("probe_lock", "lock"), *(made.query() for made in found.receipt.made.values())]
    if labels_call := labels.question(found.receipt.made.values()):
        calls.append(labels_call)
    seen = labels.with_labels(probe(connection, calls))
    units = [unit_status(role.unit, role.version, role.ports, seen) for role in roles]
    return Status(
        connection.login.name,
        found.receipt.state,
        found.receipt.written,
        found.receipt.by,
        str(node.broker.version) if node.broker_config else "",
        str(node.zookeeper.version) if node.zookeeper_config else "",
        node.zookeeper.mode if node.zookeeper_config else "",
        node.java_version,
        node.java_home,
        node.cluster.kafka.protocol or "",
        node.broker.home if node.broker_config else "",
        node.broker.bootstrap if node.broker_config else "",
        tuple(place.path for role in reversed(roles) for place in role.data),
        tuple(path for role in roles for path in _offline(connection, role, seen)),
        with_advice(connection, units),
        drift(found.receipt, seen),
        seen["lock"].get("locked") == "yes",
        parts(found.receipt, seen),
    )


def with_advice(connection: Connection, units: Sequence[UnitStatus]) -> tuple[UnitStatus, ...]:
    """The units; those that fail with advice from the end of their journal."""
    failing = [unit.unit for unit in units if unit.failing]
    if not failing:
        return tuple(units)
    calls: list[Call] = [("probe_unit_log", f"log:{unit}", unit, _LOG_LINES) for unit in failing]
    seen = probe(connection, calls)
    return tuple(explained(unit, seen[f"log:{unit.unit}"].get("text", "")) if unit.failing else unit for unit in units)


def _offline(connection: Connection, role: Role, seen: Mapping[str, Answer]) -> tuple[str, ...]:
    """The data directories that a running service does not use. Nothing is asked if it cannot run without one."""
    pid = str(UnitState.of(seen[role.unit]).pid)
    # Before it listens it has not opened its directories yet.
    if not role.spare or not any(seen[f"port:{port}"].get("pid") == pid for port in role.ports):
        return ()
    # Unknown if the process has ended meanwhile: then all of the status is of a moment ago.
    answer = probe(connection, [("probe_log_dirs", "log-dirs", pid, *role.spare)])["log-dirs"]
    return tuple(answer.get("offline", "").splitlines())
