"""All that one host should be, in the order in which it is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kprov.desired import kafka, zookeeper
from kprov.desired.common import KAFKA_UNIT, ZOOKEEPER_UNIT, unique
from kprov.desired.inputs import Inputs
from kprov.desired.java import java
from kprov.kinds.base import Resource, fingerprint
from kprov.kinds.file import File
from kprov.kinds.service import Service
from kprov.spec.model import Cluster, Host

# An option of Java for a single start (zookeeperAdmin, snapshot.trust.empty: to be taken away afterwards).
_TRUST_LOGS = "-Dzookeeper.snapshot.trust.empty=true"


@dataclass(frozen=True)
class Desired:
    """resources: in the order in which they are made; services: in the order in which they start."""

    resources: tuple[Resource, ...]
    services: tuple[Service, ...]

    def files(self) -> list[File]:
        """The rendered files."""
        return [resource for resource in self.resources if isinstance(resource, File)]


def desired(cluster: Cluster, host: Host, inputs: Inputs) -> Desired:
    """The article as resources, A1 to A9, A16 and A17."""
    java_part = java(inputs)
    home = [kafka.user(), *kafka.kafka_home(cluster, inputs)]
    zookeeper_part = [zookeeper.user(), *zookeeper.zookeeper(cluster, inputs)]
    kafka_part = kafka.kafka(cluster, host, inputs)
    tools = kafka.tools(cluster, host, inputs)
    firewall = kafka.firewall(cluster, host, inputs)
    # Kafka's own tools need JAVA_HOME for login shells, the services do not read it.
    read_by_both = [item for item in java_part if not isinstance(item, File)]
    bundled = inputs.zookeeper is None
    zookeeper_reads = [*read_by_both, *zookeeper_part, *(home if bundled else [])]
    kafka_reads = [*read_by_both, *home, *kafka_part]
    return Desired(
        tuple(unique([*java_part, *home, *zookeeper_part, *kafka_part, *tools, *firewall])),
        (
            _service(ZOOKEEPER_UNIT, zookeeper_reads, (), _TRUST_LOGS if inputs.from_logs else ""),
            _service(KAFKA_UNIT, kafka_reads, (ZOOKEEPER_UNIT,)),
        ),
    )


def _service(unit: str, reads: Sequence[Resource], after: tuple[str, ...], once: str = "") -> Service:
    relevant = unique(reads)
    return Service(unit, frozenset(item.id for item in relevant), fingerprint(relevant), after, once)
