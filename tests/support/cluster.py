"""Three lab hosts as one cluster, and messages that flow through it while something happens to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kprov.lab.archives import default_directory
from kprov.lab.lab import Lab
from kprov.smoke.flow import Flow
from support.machine import Machine, Result
from support.preloaded import run_kprov
from support.sites import lab_of

HEAPS = ("--heap", "256m", "--zookeeper-heap", "128m")
KAFKA = "/usr/local/single_kafka"


@dataclass
class Cluster:
    """The hosts, in the order in which they are named to kprov."""

    lab: Lab
    machines: list[Machine]

    @property
    def hosts(self) -> list[str]:
        """Each HOST as it is typed."""
        return [f"root@{machine.address}" for machine in self.machines]

    @property
    def bootstrap(self) -> str:
        return ",".join(f"{machine.address}:9092" for machine in self.machines)

    def kprov(self, *words: str, check: int | None = 0, hosts: list[str] | None = None) -> Result:
        """Run kprov about all hosts, or about these; ``check`` is the exit code that it must have."""
        command, *rest = words
        named = self.hosts if hosts is None else hosts
        return Result(*run_kprov([command, *named, "--ssh-config", str(self.lab.ssh_config), *rest])).ended(
            words, check
        )

    def install(self, *words: str, check: int | None = 0, verb: str = "install") -> Result:
        """kprov install with the lab's archives."""
        return self.kprov(verb, "--archives", str(default_directory()), "--yes", *words, check=check)

    def pids(self) -> dict[str, dict[str, int]]:
        """The main processes, by host and unit."""
        nodes = self.status()["nodes"]
        return {host: {unit["unit"]: unit["pid"] for unit in node["status"]["units"]} for host, node in nodes.items()}

    def status(self) -> Any:
        """The cluster as ``status --json`` shows it, asked of the first host alone."""
        return self.kprov("status", "--json", hosts=self.hosts[:1]).json["cluster"]

    def topic(self, name: str, *, partitions: int = 3, replicas: int = 3) -> None:
        """Create a topic."""
        shape = f"--partitions {partitions} --replication-factor {replicas}"
        self.machines[0].ssh(f"{KAFKA}/bin/kafka-topics.sh {self._zookeeper} --create --topic {name} {shape}")

    def delete(self, name: str) -> None:
        """Delete a topic."""
        self.machines[0].ssh(f"{KAFKA}/bin/kafka-topics.sh {self._zookeeper} --delete --topic {name}")

    @property
    def _zookeeper(self) -> str:
        return f"--zookeeper {self.machines[0].address}:2181"

    def stops(self, unit: str, since: str) -> list[tuple[str, float, float]]:
        """When each stop of a unit began since a moment, and when it was started again: host and two moments."""
        found = []
        for machine in self.machines:
            told = machine.ssh(f"journalctl -q -u {unit} --since '{since}' -o short-unix --no-pager")
            moments = re.findall(r"^([0-9.]+) .* systemd\[1\]: (Stopping|Started) ", told, re.MULTILINE)
            stopped = 0.0
            for moment, what in moments:
                if what == "Stopping":
                    stopped = float(moment)
                elif stopped:
                    found.append((machine.address, stopped, float(moment)))
                    stopped = 0.0
        return sorted(found, key=lambda item: item[1])

    def stops_begun(self, unit: str, since: str) -> set[str]:
        """The hosts on which a unit has begun to stop since a moment."""
        told = {
            item.address: item.ssh(f"journalctl -q -u {unit} --since '{since}' --no-pager") for item in self.machines
        }
        return {address for address, text in told.items() if "Stopping" in text}

    def now(self) -> str:
        """This moment, as journalctl takes it."""
        return self.machines[0].ssh("date '+%F %T'").strip()


@contextmanager
def boot_three(number: int, state: Path, *, firewalld: bool = False) -> Iterator[Cluster]:
    """Three new hosts in a lab of their own; removed afterwards."""
    lab = lab_of("kc", number, state)
    lab.down()
    try:
        yield Cluster(
            lab, [Machine(lab, str(host.address), host.root, "root") for host in lab.up(3, firewalld=firewalld)]
        )
    finally:
        lab.down()


@contextmanager
def flowing(cluster: Cluster, topic: str, *, partitions: int = 3) -> Iterator[Flow]:
    """Messages flow while the block runs; every one that was acknowledged must be there afterwards, in order."""
    flow = Flow(cluster.bootstrap, topic, partitions)
    with flow.running():
        yield flow
    assert flow.count > 100, "hardly anything was sent"
    if trouble := flow.trouble():
        raise AssertionError(trouble)
