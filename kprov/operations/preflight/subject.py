"""What the checks look at, put together from the answers of one probe."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from kprov.checks.subject import ChosenJava, Neighbour, OpenFiles, ProductLife, Subject
from kprov.desired.common import KAFKA_UNIT, ZOOKEEPER_UNIT
from kprov.desired.zookeeper import zookeeper_version
from kprov.host.facts import Probe
from kprov.kinds.base import Answer, path_of
from kprov.kinds.service import Running, UnitState, limit
from kprov.operations.preflight.answers import number
from kprov.operations.preflight.network import network, zone
from kprov.operations.preflight.paths import UNIT_FILES
from kprov.operations.preflight.places import places
from kprov.operations.preflight.policy import policy
from kprov.operations.preflight.ports import ports
from kprov.operations.preflight.units import UNITS
from kprov.operations.preflight.ways import ways
from kprov.receipt import Receipt
from kprov.releases import catalogue, product
from kprov.releases.chosen import Releases
from kprov.spec.broker import internal_port, public_host
from kprov.spec.model import Cluster, Host


def subject(
    cluster: Cluster,
    host: Host,
    releases: Releases,
    java: ChosenJava,
    answer: Probe,
    *,
    receipt: Receipt,
    java_home: str,
) -> Subject:
    """What the checks look at. ``host.internal`` must be settled, see kprov.operations.address."""
    facts, seen, net = answer.facts, answer.seen, network(answer)
    kernel, neighbours = seen["kernel"], seen["neighbours"]
    states = {unit: UnitState.of(seen[f"service:{unit}"]) for unit in UNITS}
    pids = {unit: state.pid for unit, state in states.items()}
    made = {path_of(entry) for entry in receipt.made.values()}
    return Subject(
        system=facts.system,
        machine=facts.machine,
        kernel=facts.kernel,
        bits=facts.bits,
        os_name=facts.os_name,
        systemd=facts.systemd,
        uid=facts.uid,
        missing=facts.missing,
        container=kernel.get("container", ""),
        memory_kib=facts.memory_kib or None,
        swap_kib=number(kernel, "swap_kib"),
        heaps={ZOOKEEPER_UNIT: cluster.zookeeper.heap, KAFKA_UNIT: cluster.kafka.heap},
        places=tuple(places(cluster, host, releases, seen)),
        ways=tuple(ways(cluster, host, java_home, seen, made)),
        ports=tuple(ports(cluster, host, seen, pids)),
        neighbours=tuple(item for item in _neighbours(neighbours) if item.pid not in pids.values()),
        seen_units=tuple(unit for unit in neighbours.get("units", "").split() if f"{UNIT_FILES}/{unit}" not in made),
        seen_homes=tuple(home for home in neighbours.get("homes", "").splitlines() if home not in made),
        seen_java=neighbours.get("java", ""),
        drop_ins={
            unit: None if seen[f"service:{unit}"]["status"] == "unknown" else state.drop_ins
            for unit, state in states.items()
        },
        host_name=net.host_name,
        names=net.names,
        own=net.own,
        local=net.local,
        public=public_host(cluster, host),
        internal=host.internal if host.internal and internal_port(cluster, host) else "",
        skew=facts.skew,
        keepers=tuple(seen["time"].get("keepers", "").split()),
        synchronized=seen["time"].get("synchronized", ""),
        open_files=number(kernel, "nr_open"),
        file_max=number(kernel, "file_max"),
        map_count=number(kernel, "map_count"),
        init_files=limit(kernel.get("init_files", "")),
        init_capabilities=kernel.get("init_capabilities", ""),
        unit_files=tuple(
            OpenFiles(unit, state.open_files, Running.of(seen[f"running:{unit}"]).open_files)
            for unit, state in states.items()
            if state.pid
        ),
        swappiness=number(kernel, "swappiness"),
        huge_pages=kernel.get("huge_pages", ""),
        entropy=number(kernel, "entropy"),
        selinux=facts.selinux,
        policy=policy(seen["selinux"]),
        firewalld=facts.firewalld,
        zone=zone(answer),
        filters=seen["filters"].get("rules", ""),
        products=tuple(_products(cluster, java)),
        java=java,
        today=datetime.now(UTC).date().isoformat(),
    )


def _neighbours(seen: Answer) -> Iterator[Neighbour]:
    for line in seen.get("processes", "").splitlines():
        pid, kind, command = (*line.split(maxsplit=2), "", "")[:3]
        if pid.isdigit():
            yield Neighbour(int(pid), kind, command)


def _products(cluster: Cluster, java: ChosenJava) -> Iterator[ProductLife]:
    versions = {product.Product.KAFKA: cluster.kafka.version, product.Product.ZOOKEEPER: zookeeper_version(cluster)}
    for name, version in versions.items():
        ended = catalogue.end_of_life(name, version)
        yield ProductLife(f"{name.label} {version}", ended.isoformat() if ended else "")
    yield ProductLife(f"Java {java.version}".strip())
