"""Ports that the services need, and who holds them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kprov.checks.subject import Port
from kprov.desired.common import KAFKA_UNIT, ZOOKEEPER_UNIT
from kprov.kinds.base import Answer, Call
from kprov.spec.broker import listener_ports
from kprov.spec.model import Cluster, Host


def needed_ports(cluster: Cluster, host: Host) -> dict[int, str]:
    """Unit by port."""
    found = {cluster.zookeeper.client_port: ZOOKEEPER_UNIT}
    if cluster.kafka.jmx_port:
        found[cluster.kafka.jmx_port] = KAFKA_UNIT
    return found | dict.fromkeys(listener_ports(cluster, host).values(), KAFKA_UNIT)


def port_questions(cluster: Cluster, host: Host) -> list[Call]:
    """What the probe is asked about them."""
    return [("probe_port", f"port:{port}", str(port)) for port in needed_ports(cluster, host)]


def ports(cluster: Cluster, host: Host, seen: Mapping[str, Answer], pids: Mapping[str, int]) -> Iterator[Port]:
    """Each port with its holder; pids: the main process of each unit."""
    for port, unit in needed_ports(cluster, host).items():
        answer = seen.get(f"port:{port}", {"status": "unknown"})
        held = {"present": True, "absent": False}.get(answer["status"])
        pid = int(answer.get("pid") or 0)
        yield Port(port, unit, held, pid, answer.get("program", "").strip(), bool(pid) and pid == pids.get(unit))
