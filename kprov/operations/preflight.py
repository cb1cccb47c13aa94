"""Preflight of an installation: which questions it asks a host, and what the checks get to look at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from kprov.checks import NAMES, Result, Status
from kprov.checks.subject import Java, Neighbour, Place, Port, Product, Subject
from kprov.desired.common import KAFKA_UNIT, RELEASES, ZOOKEEPER_UNIT
from kprov.desired.java import java_path
from kprov.desired.kafka import kafka_logs, kafka_temporary
from kprov.desired.zookeeper import zookeeper_logs, zookeeper_temporary, zookeeper_version
from kprov.errors import UsageError
from kprov.host.facts import Probe
from kprov.host.network import Network, network_of, zone_of
from kprov.receipt import Receipt
from kprov.releases import catalogue, product
from kprov.releases.archive import Archive
from kprov.resources.base import ABSENT, Call, Seen
from kprov.resources.system import UnitState
from kprov.spec.broker import (
    broker_properties,
    internal_port,
    listener_ports,
    log_dirs,
    public_host,
    zookeeper_data,
)
from kprov.spec.model import Cluster, Host

_STATE = "/var/lib/kprov"
_ZOOKEEPER_STARTS_WITH = 128 * 2**20  # preAllocSize of the first transaction log, 64 MiB, twice
_LOGS_MAY_TAKE = 500 * 2**20  # ten files of 50 MB (templates/log4j.properties.j2)


@dataclass(frozen=True)
class Releases:
    """The archives of one installation, found and verified; java is None where the host's own is used."""

    kafka: Archive
    zookeeper: Archive | None
    java: Archive | None

    @property
    def every(self) -> tuple[Archive, ...]:
        return tuple(item for item in (self.kafka, self.zookeeper, self.java) if item)


def require_names(names: Iterable[str]) -> None:
    """Raise UsageError for a name that is no check's."""
    if wrong := [name for name in names if name not in NAMES]:
        raise UsageError(
            f"there is no check {', '.join(wrong)}", where="--ignore", hint=f"the checks are {', '.join(NAMES)}"
        )


def stopping(results: Iterable[Result], ignored: Sequence[str]) -> list[Result]:
    """The results that an install stops at."""
    return [item for item in results if item.status is Status.FAIL and item.check not in ignored]


def in_short(results: Iterable[Result], ignored: Sequence[str]) -> str:
    """One line about what did not stop an install and should be known; empty if there is nothing."""
    parts = []
    told: set[str] = set()
    for words, names in (
        ("fails and is ignored", [r.check for r in results if r.status is Status.FAIL and r.check in ignored]),
        ("could be better", [r.check for r in results if r.status is Status.WARN]),
        ("is not known", [r.check for r in results if r.status is Status.UNKNOWN]),
    ):
        if new := [name for name in dict.fromkeys(names) if name not in told]:
            told.update(new)
            parts.append(f"{words}: {', '.join(new)}")
    return "; ".join(parts)


def network(answer: Probe) -> Network:
    """Addresses and names of the host, as the probe brought them."""
    return network_of(answer.seen["addresses"], answer.seen["names"], answer.facts.host_name)


def zone(answer: Probe) -> str:
    """The firewalld zone in which the host is reached; empty where there is none."""
    return zone_of(answer.seen["zones"], network(answer))


def needed_ports(cluster: Cluster, host: Host) -> dict[int, str]:
    """Unit by port."""
    ports = {cluster.zookeeper.client_port: ZOOKEEPER_UNIT}
    if cluster.kafka.jmx_port:
        ports[cluster.kafka.jmx_port] = KAFKA_UNIT
    return ports | dict.fromkeys(listener_ports(cluster, host).values(), KAFKA_UNIT)


def questions(cluster: Cluster, host: Host, java_home: str) -> list[Call]:
    """What the checks want to know beside the facts and the state of each resource; all of it only read."""
    calls: list[Call] = [("probe_port", f"port:{port}", str(port)) for port in needed_ports(cluster, host)]
    calls += [("probe_disk", f"disk:{path}", path) for path in _paths(cluster, host)]
    names = dict.fromkeys((host.address, public_host(cluster, host)))
    return [
        *calls,
        ("probe_java", "java", java_home),
        ("probe_kernel", "kernel"),
        ("probe_time", "time"),
        ("probe_names", "names", *names),
        ("probe_addresses", "addresses"),
        ("probe_neighbours", "neighbours"),
        ("probe_selinux", "selinux"),
        ("probe_filters", "filters"),
        ("probe_zones", "zones"),
    ]


def subject(
    cluster: Cluster, host: Host, releases: Releases, java: Java, answer: Probe, *, receipt: Receipt
) -> Subject:
    """What the checks look at. ``host.internal`` must be settled, see kprov.operations.address."""
    facts, seen, net = answer.facts, answer.seen, network(answer)
    kernel, neighbours = seen["kernel"], seen["neighbours"]
    pids = {unit: UnitState.of(seen[f"service:{unit}"]).pid for unit in (ZOOKEEPER_UNIT, KAFKA_UNIT)}
    made = {made["path"] for made in receipt.made.values()}
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
        swap_kib=_number(kernel, "swap_kib"),
        heaps={ZOOKEEPER_UNIT: cluster.zookeeper.heap, KAFKA_UNIT: cluster.kafka.heap},
        places=tuple(_places(cluster, host, releases, seen)),
        ports=tuple(_port(port, unit, seen, pids) for port, unit in needed_ports(cluster, host).items()),
        neighbours=tuple(item for item in _neighbours(neighbours) if item.pid not in pids.values()),
        seen_units=tuple(
            unit for unit in neighbours.get("units", "").split() if f"/etc/systemd/system/{unit}" not in made
        ),
        seen_homes=tuple(home for home in neighbours.get("homes", "").splitlines() if home not in made),
        seen_java=neighbours.get("java", ""),
        host_name=net.host_name,
        names=net.names,
        own=net.own,
        local=net.local,
        public=public_host(cluster, host),
        internal=host.internal if host.internal and internal_port(cluster, host) else "",
        skew=facts.skew,
        keepers=tuple(seen["time"].get("keepers", "").split()),
        synchronized=seen["time"].get("synchronized", ""),
        open_files=_number(kernel, "nr_open"),
        file_max=_number(kernel, "file_max"),
        map_count=_number(kernel, "map_count"),
        swappiness=_number(kernel, "swappiness"),
        huge_pages=kernel.get("huge_pages", ""),
        entropy=_number(kernel, "entropy"),
        selinux=facts.selinux,
        selinux_tools=tuple(seen["selinux"].get("tools", "").split()),
        selinux_domain=seen["selinux"].get("domain", ""),
        firewalld=facts.firewalld,
        zone=zone(answer),
        filters=seen["filters"].get("rules", ""),
        products=tuple(_products(cluster, java)),
        java=java,
        today=datetime.now(UTC).date().isoformat(),
    )


def the_java(releases: Releases, java_home: str, seen: Seen, version: str) -> Java:
    """The Java as the checks see it; ``version`` is what the host's own told, empty if it did not."""
    if releases.java is not None:
        return Java(f"Java {releases.java.version}", releases.java.arch or "", version=releases.java.version)
    return Java("Java", home=java_home, present=seen.get("status") == "present", version=version)


def _number(seen: Seen, key: str) -> int | None:
    """A number that the host told; None where it did not. The kernel's largest do not fit a word and still count."""
    text = seen.get(key, "")
    return int(text) if text.isdigit() else None


def _paths(cluster: Cluster, host: Host) -> tuple[str, ...]:
    places = (RELEASES, _STATE, *log_dirs(cluster, host), *zookeeper_data(cluster))
    logs = (kafka_logs(cluster), zookeeper_logs(cluster))
    return tuple(dict.fromkeys((*places, *logs, *_temporary(cluster))))


def _temporary(cluster: Cluster) -> dict[str, str]:
    """Whose temporary files are where."""
    return {kafka_temporary(cluster): "Kafka", zookeeper_temporary(cluster): "ZooKeeper"}


def _places(cluster: Cluster, host: Host, releases: Releases, seen: Mapping[str, Seen]) -> Iterator[Place]:
    missing = [item for item in releases.every if _absent(item, seen)]
    unpacked = sum(item.unpacked or 2 * item.size for item in missing)
    yield _place(seen, RELEASES, "unpacking the releases", needed=unpacked, runs=True)
    yield _place(seen, _STATE, "the archives on their way", needed=sum(item.size for item in missing), keeps=True)
    data, logs = zookeeper_data(cluster)
    room = _ZOOKEEPER_STARTS_WITH if seen.get(f"data:{logs}", ABSENT).get("status") == "absent" else 0
    yield _place(seen, logs, "ZooKeeper's transactions", needed=room, keeps=True)
    yield _place(seen, data, "ZooKeeper's snapshots", keeps=True)
    segment = int(broker_properties(cluster, host).get("log.segment.bytes", "0"))
    for path in log_dirs(cluster, host):
        yield _place(seen, path, "the messages", advised=segment, keeps=True)
    for path in (kafka_logs(cluster), zookeeper_logs(cluster)):
        yield _place(seen, path, "the logs", advised=_LOGS_MAY_TAKE)
    for path, whose in _temporary(cluster).items():
        yield _place(seen, path, f"{whose}'s temporary files, among them the codecs' libraries,", runs=True)


def _place(
    seen: Mapping[str, Seen],
    path: str,
    purpose: str,
    *,
    needed: int = 0,
    advised: int = 0,
    runs: bool = False,
    keeps: bool = False,
) -> Place:
    told = seen.get(f"disk:{path}", ABSENT)
    return Place(
        purpose,
        path,
        told.get("mount", ""),
        told.get("type", ""),
        frozenset(told.get("options", "").split(",")),
        told.get("device", ""),
        _number(told, "kib"),
        _number(told, "inodes"),
        needed,
        advised,
        runs,
        keeps,
    )


def _absent(archive: Archive, seen: Mapping[str, Seen]) -> bool:
    path = java_path(archive) if archive.product == "java" else f"{RELEASES}/{archive.top}"
    return seen.get(f"release:{path}", ABSENT).get("status") != "present"


def _port(number: int, unit: str, seen: Mapping[str, Seen], pids: Mapping[str, int]) -> Port:
    told = seen.get(f"port:{number}", {"status": "unknown"})
    held = {"present": True, "absent": False}.get(told["status"])
    pid = int(told.get("pid") or 0)
    return Port(number, unit, held, pid, told.get("program", "").strip(), bool(pid) and pid == pids.get(unit))


def _neighbours(seen: Seen) -> Iterator[Neighbour]:
    for line in seen.get("processes", "").splitlines():
        pid, kind, command = (*line.split(maxsplit=2), "", "")[:3]
        if pid.isdigit():
            yield Neighbour(int(pid), kind, command)


def _products(cluster: Cluster, java: Java) -> Iterator[Product]:
    versions = {product.Product.KAFKA: cluster.kafka.version, product.Product.ZOOKEEPER: zookeeper_version(cluster)}
    for name, version in versions.items():
        ended = catalogue.end_of_life(name, version)
        yield Product(f"{name.label} {version}", ended.isoformat() if ended else "")
    yield Product(f"Java {java.version}".strip())
