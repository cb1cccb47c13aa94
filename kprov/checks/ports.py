"""Whether the ports of the services are free, or used by kprov's own services."""

from __future__ import annotations

from collections.abc import Iterator

from kprov.checks.result import Finding, bad, good, unseen
from kprov.checks.subject import Subject


def ports(host: Subject) -> Iterator[Finding]:
    """A port that another process uses keeps the service from starting."""
    free = []
    for port in host.ports:
        what = f"port {port.number}, which {port.unit} needs,"
        if port.held is None:
            yield unseen(f"whether {what} is free could not be determined", "check with ss -ltnp")
        elif not port.held or port.own:
            free.append(f"port {port.number} is {'used by ' + port.unit if port.held else 'free'}")
        else:
            program = f" ({port.program})" if port.program else ""
            holder = f"process {port.pid}{program}" if port.pid else "another process"
            setting = "zookeeper.client_port" if port.unit.startswith("zookeeper") else "--port"
            yield bad(f"{what} is used by {holder}", f"stop that process, or choose another port with {setting}")
    if free:
        yield good(", ".join(free))
