"""status: what is installed on a host and how its services are."""

from __future__ import annotations

from dataclasses import dataclass

from kprov.drift import Drift, drift
from kprov.host.connection import Connection
from kprov.host.facts import ask
from kprov.operations.session import installed
from kprov.resources import labels
from kprov.resources.base import Call
from kprov.resources.removal import query_of
from kprov.resources.system import UnitState


@dataclass(frozen=True)
class UnitStatus:
    """One service: listening holds the ports that its main process is bound to."""

    unit: str
    version: str
    active: str
    enabled: bool
    pid: int
    since: str
    ports: tuple[int, ...]
    listening: tuple[int, ...]

    @property
    def serving(self) -> bool:
        """Whether it runs and its process holds every port of it."""
        return self.active == "active" and self.listening == self.ports


@dataclass(frozen=True)
class Status:
    """A host as status shows it; state is the receipt's: done, or applying after an interrupted run.

    written, by: when the receipt was written (UTC, ISO 8601), and who from where. protocol: what the broker is held
    at until an upgrade is finished, empty otherwise. drift: what differs from the receipt.
    """

    host: str
    state: str
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
    units: tuple[UnitStatus, ...]
    drift: tuple[Drift, ...]

    @property
    def serving(self) -> bool:
        return all(unit.serving for unit in self.units)


def status(connection: Connection) -> Status:
    """Two exchanges: the receipt, then all that it lists and the ports.

    Raises PreflightError where nothing is installed.
    """
    found = installed(connection)
    runtime = found.runtime
    calls: list[Call] = [("probe_unit", unit, unit) for unit in runtime.units]
    calls += [("probe_port", f"port:{port}", str(port)) for unit in runtime.units for port in runtime.ports[unit]]
    calls += [query_of(made) for made in found.receipt.made.values()]
    if labels_call := labels.question(found.receipt.made.values()):
        calls.append(labels_call)
    seen = labels.with_labels(ask(connection, calls))
    versions = dict(zip(runtime.units, (runtime.zookeeper, str(runtime.kafka)), strict=True))
    units = []
    for unit in runtime.units:
        state = UnitState.of(seen[unit])
        ports = runtime.ports[unit]
        bound = tuple(port for port in ports if state.pid and seen[f"port:{port}"].get("pid") == str(state.pid))
        units.append(
            UnitStatus(
                unit,
                versions[unit],
                state.properties.get("ActiveState", "unknown"),
                state.enabled,
                state.pid,
                state.properties.get("ExecMainStartTimestamp", "") if state.pid else "",
                ports,
                bound,
            )
        )
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
        tuple(units),
        drift(found.receipt, seen),
    )
