"""Ports that the services need, and who holds them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kprov.checks.subject import Port
from kprov.kinds.base import Answer, Call
from kprov.roles.base import Role
from kprov.roles.of_node import roles_of
from kprov.topology import Node


def needed_ports(node: Node) -> dict[int, Role]:
    """Role by port."""
    return {port: role for role in roles_of(node) for port in (*role.further_ports, *role.ports)}


def port_questions(node: Node) -> list[Call]:
    """The questions about the ports."""
    return [("probe_port", f"port:{port}", str(port)) for port in needed_ports(node)]


def ports(node: Node, seen: Mapping[str, Answer], pids: Mapping[str, int]) -> Iterator[Port]:
    """Each port with its holder; pids: the main process of each unit."""
    for port, role in needed_ports(node).items():
        answer = seen.get(f"port:{port}", {"status": "unknown"})
        held = {"present": True, "absent": False}.get(answer["status"])
        pid = int(answer.get("pid") or 0)
        own = bool(pid) and pid == pids.get(role.unit)
        program = answer.get("program", "").strip()
        yield Port(port, role.unit, held, pid, program, own=own, public=port in role.public_ports)
