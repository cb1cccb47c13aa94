"""Whether the ports that are asked for are free, or held by the services that kprov made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kprov.errors import Problem


def check_ports(
    ports: Mapping[int, str], seen: Mapping[int, Mapping[str, str]], own_pids: Mapping[str, int], where: str
) -> Iterator[Problem]:
    """A port that another process has is a problem.

    ports: unit by port; seen: the probe's answer by port; own_pids: main process by unit, 0 where it is down.
    """
    for port, unit in ports.items():
        answer = seen.get(port, {})
        if answer.get("status") != "present":
            continue
        pid = int(answer.get("pid") or 0)
        if pid and pid == own_pids.get(unit):
            continue
        program = answer.get("program", "").strip()
        holder = f"process {pid}" + (f" ({program})" if program else "") if pid else "another process"
        setting = "zookeeper.client_port" if unit.startswith("zookeeper") else "--port"
        yield Problem(
            f"port {port}, which {unit} needs, is taken by {holder}",
            where,
            hint=f"stop that process, or choose another port with {setting}",
        )
