"""The state of a host, for comparison: files, units and receipt, without what differs in every run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from support.machine import Machine

_HOME = "/usr/local/single_kafka"
# What running services write, what kprov writes about its runs, and what a test brings along.
_LIVING = (
    "/home/temp/kafka_logs/",
    "/var/lib/zookeeper/",
    f"{_HOME}/logs/",
    f"{_HOME}/tmp/",
    "/usr/local/zookeeper/logs/",
    "/usr/local/zookeeper/tmp/",
    "/var/lib/kprov/",
    "/tmp/",
)
_SHOWN = "LoadState,ActiveState,SubState,UnitFileState,NeedDaemonReload,FragmentPath,DropInPaths"


@dataclass(frozen=True)
class Converged:
    """The state of a host.

    tree: every path with kind, owner, mode, target and content; empty unless requested. units: their properties in
    systemd. receipt: the receipt, without times and the operator. held: the files in /var/lib/kprov; a run that was
    killed before its first change or after its last one may leave its lock and small files there until the next run
    that changes something.
    """

    tree: dict[str, str]
    units: str
    receipt: dict[str, Any]
    held: list[str]

    def differences(self, other: Converged) -> list[str]:
        """The differences from another host, as text; empty if there are none."""
        both = self.tree.keys() | other.tree.keys() if self.tree and other.tree else ()
        paths = sorted(path for path in both if self.tree.get(path) != other.tree.get(path))
        found = [f"{path}: {self.tree.get(path)} | {other.tree.get(path)}" for path in paths]
        for name in ("units", "receipt", "held"):
            if getattr(self, name) != getattr(other, name):
                found.append(f"{name}: {getattr(self, name)} | {getattr(other, name)}")
        return found


def converged(machine: Machine, *, tree: bool = True) -> Converged:
    """Read the state of a host after an install. tree: with all of its files, which takes seconds."""
    found = machine.tree() if tree else {}
    files = {path: value for path, value in found.items() if not path.startswith(_LIVING)}
    units = machine.ssh(f"systemctl show -p {_SHOWN} zookeeper kafka")
    receipt = json.loads(machine.ssh("cat /var/lib/kprov/receipt.json"))
    for key in ("written", "by"):
        receipt.pop(key, None)
    held = [name for name in machine.ssh("ls -A /var/lib/kprov").split() if name not in {"journal", "lock", "stage"}]
    return Converged(files, units, receipt, held)
