"""Three lab hosts as one cluster, and messages that flow through it while something happens to it."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition

from kprov.lab.archives import default_directory
from kprov.lab.lab import Lab
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
        result = Result(*run_kprov([command, *named, "--ssh-config", str(self.lab.ssh_config), *rest]))
        if check is not None and result.code != check:
            raise AssertionError(f"kprov {' '.join(words)}: exit code {result.code}\n{result.out}{result.err}")
        return result

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

    def now(self) -> str:
        """This moment, as journalctl takes it."""
        return self.machines[0].ssh("date '+%F %T'").strip()


def boot_three(number: int, state: Path) -> Iterator[Cluster]:
    """Three new hosts in a lab of their own; removed afterwards."""
    lab = lab_of("kc", number, state)
    lab.down()
    try:
        yield Cluster(lab, [Machine(lab, str(host.address), host.root, "root") for host in lab.up(3)])
    finally:
        lab.down()


@dataclass
class Flow:
    """Numbered messages that a producer sends to every partition of a topic, acknowledged by all replicas in sync."""

    bootstrap: str
    topic: str
    partitions: int = 3
    sent: int = 0
    acknowledged: dict[int, list[int]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Send some hundred messages a second until ``stop``."""
        producer = Producer(
            {
                "bootstrap.servers": self.bootstrap,
                "acks": "all",
                "message.timeout.ms": 60000,
                "socket.timeout.ms": 6000,
                "max.in.flight": 1,
                "log_level": 0,
            }
        )
        while not self.stop.is_set():
            number, self.sent = self.sent, self.sent + 1
            producer.produce(
                self.topic, str(number).encode(), partition=number % self.partitions, on_delivery=self._delivered
            )
            producer.poll(0.005)
        producer.flush(70)

    def _delivered(self, error: Any, message: Any) -> None:
        if error is not None:
            self.refused.append(error.str())
        else:
            self.acknowledged.setdefault(message.partition(), []).append(int(message.value()))

    def read(self) -> dict[int, list[int]]:
        """The numbers in each partition, from its beginning to its end."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "flow", "log_level": 0})
        found: dict[int, list[int]] = {}
        for number in range(self.partitions):
            first, end = consumer.get_watermark_offsets(TopicPartition(self.topic, number), timeout=20)
            consumer.assign([TopicPartition(self.topic, number, first)])
            deadline = time.monotonic() + 30
            while first < end:
                assert time.monotonic() < deadline, "the partition could not be read to its end"
                message = consumer.poll(1)
                if message is not None and message.error() is None:
                    found.setdefault(number, []).append(int(message.value()))
                    first = message.offset() + 1
        consumer.close()
        return found

    def assert_nothing_lost(self) -> None:
        """Every acknowledged message is there, and in each partition the first of each number is in order."""
        assert sum(map(len, self.acknowledged.values())) > 100, "hardly anything was sent"
        found = self.read()
        for number, wanted in self.acknowledged.items():
            there = list(dict.fromkeys(found[number]))
            assert set(wanted) <= set(there), f"partition {number} has lost {sorted(set(wanted) - set(there))[:10]}"
            kept = [item for item in there if item in set(wanted)]
            assert kept == sorted(kept), f"partition {number} is out of order"


@contextmanager
def flowing(cluster: Cluster, topic: str) -> Iterator[Flow]:
    """Messages flow while the block runs; every one that was acknowledged must be there afterwards."""
    flow = Flow(cluster.bootstrap, topic)
    thread = threading.Thread(target=flow.run, daemon=True)
    thread.start()
    try:
        yield flow
    finally:
        flow.stop.set()
        thread.join(90)
    flow.assert_nothing_lost()
