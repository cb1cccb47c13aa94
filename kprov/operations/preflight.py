"""Preflight of an installation: which questions it asks a host, and what the checks get to look at."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from kprov.checks import NAMES, Result, Status
from kprov.checks.subject import Closed, Java, Neighbour, OpenFiles, Place, Policy, Port, Product, Subject, Way
from kprov.desired.common import KAFKA_UNIT, KAFKA_USER, RELEASES, ZOOKEEPER_UNIT, ZOOKEEPER_USER
from kprov.desired.hardening import PROTECTED
from kprov.desired.java import java_path, java_program
from kprov.desired.kafka import kafka_logs, kafka_temporary
from kprov.desired.zookeeper import zookeeper_logs, zookeeper_temporary, zookeeper_version
from kprov.errors import Problem, UsageError, did_you_mean
from kprov.host.facts import Probe
from kprov.host.network import Network, network_of, zone_of
from kprov.operations.releases import Releases
from kprov.receipt import Receipt
from kprov.releases import catalogue, product
from kprov.releases.archive import Archive
from kprov.resources.base import ABSENT, Call, Seen
from kprov.resources.labels import context_type
from kprov.resources.system import Running, UnitState, limit
from kprov.spec.broker import (
    broker_properties,
    internal_port,
    listener_ports,
    log_dirs,
    public_host,
    zookeeper_data,
)
from kprov.spec.model import Cluster, Host, Mode

_STATE = "/var/lib/kprov"
_UNITS = (ZOOKEEPER_UNIT, KAFKA_UNIT)
_UNIT_FILES = "/etc/systemd/system"
_PROFILE = "/etc/profile.d"
_ZOOKEEPER_STARTS_WITH = 128 * 2**20  # preAllocSize of the first transaction log, 64 MiB, twice
_SETTINGS_TAKE = 2**20  # units, /etc/profile.d and the accounts
# How many files and directories there are in a release, generously: ZooKeeper's archives bring sources and documents.
_FILES_IN = {product.Product.KAFKA: 500, product.Product.ZOOKEEPER: 5000, product.Product.JAVA: 3000}
_FILES_OF_UNITS, _FILES_IN_A_PLACE = 20, 50
_WAY = "way:"
_LOGS_MAY_TAKE = 500 * 2**20  # ten files of 50 MB (templates/log4j.properties.j2)


def require_names(names: Iterable[str]) -> None:
    """Raise UsageError for a name that is no check's."""
    if wrong := [name for name in names if name not in NAMES]:
        known = f"the checks are {', '.join(NAMES)}"
        raise UsageError(
            [
                Problem(f"there is no check {name}", "--ignore", hint=f"{did_you_mean(name, NAMES)} {known}".lstrip())
                for name in wrong
            ]
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
    calls += [("probe_running", f"running:{unit}", unit) for unit in _UNITS]
    calls += [_way_call(path, users) for path, _, users, _ in _used_paths(cluster, host, java_home)]
    calls += [_way_call(path) for path in PROTECTED]
    names = dict.fromkeys((host.address, public_host(cluster, host)))
    return [
        *calls,
        ("probe_java", "java", java_home),
        ("probe_kernel", "kernel"),
        ("probe_time", "time"),
        ("probe_names", "names", *names),
        ("probe_addresses", "addresses"),
        ("probe_neighbours", "neighbours"),
        ("probe_selinux", "selinux", java_home, *_kept_places(cluster, host)),
        ("probe_filters", "filters"),
        ("probe_zones", "zones"),
    ]


def subject(
    cluster: Cluster,
    host: Host,
    releases: Releases,
    java: Java,
    answer: Probe,
    *,
    receipt: Receipt,
    java_home: str,
) -> Subject:
    """What the checks look at. ``host.internal`` must be settled, see kprov.operations.address."""
    facts, seen, net = answer.facts, answer.seen, network(answer)
    kernel, neighbours = seen["kernel"], seen["neighbours"]
    states = {unit: UnitState.of(seen[f"service:{unit}"]) for unit in _UNITS}
    pids = {unit: state.pid for unit, state in states.items()}
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
        ways=tuple(_ways(cluster, host, java_home, seen, made)),
        ports=tuple(_port(port, unit, seen, pids) for port, unit in needed_ports(cluster, host).items()),
        neighbours=tuple(item for item in _neighbours(neighbours) if item.pid not in pids.values()),
        seen_units=tuple(
            unit for unit in neighbours.get("units", "").split() if f"/etc/systemd/system/{unit}" not in made
        ),
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
        open_files=_number(kernel, "nr_open"),
        file_max=_number(kernel, "file_max"),
        map_count=_number(kernel, "map_count"),
        init_files=limit(kernel.get("init_files", "")),
        init_capabilities=kernel.get("init_capabilities", ""),
        unit_files=tuple(
            OpenFiles(unit, state.open_files, Running.of(seen[f"running:{unit}"]).open_files)
            for unit, state in states.items()
            if state.pid
        ),
        swappiness=_number(kernel, "swappiness"),
        huge_pages=kernel.get("huge_pages", ""),
        entropy=_number(kernel, "entropy"),
        selinux=facts.selinux,
        policy=_policy(seen["selinux"]),
        firewalld=facts.firewalld,
        zone=zone(answer),
        filters=seen["filters"].get("rules", ""),
        products=tuple(_products(cluster, java)),
        java=java,
        today=datetime.now(UTC).date().isoformat(),
    )


def the_java(releases: Releases, java_home: str, seen: Mapping[str, Seen], version: str, *, receipt: Receipt) -> Java:
    """The Java as the checks see it; ``version`` is what the host's own told, empty if it did not."""
    if releases.java is None:
        return Java("Java", home=java_home, present=seen["java"].get("status") == "present", version=version)
    archive = releases.java
    status = seen.get(f"release:{java_home}", ABSENT)["status"]
    made = receipt.made.get(f"release:{java_home}")
    ours = made is not None and made["sha256"] == archive.sha256 and not made["pending"]
    unpacked = None if status == "unknown" else java_home if status == "present" and ours else ""
    return Java(f"Java {archive.version}", archive.arch or "", version=archive.version, unpacked=unpacked)


def _number(seen: Seen, key: str) -> int | None:
    """A number that the host told; None where it did not. The kernel's largest do not fit a word and still count."""
    text = seen.get(key, "")
    return int(text) if text.isdigit() else None


def _policy(seen: Seen) -> Policy:
    """SELinux's policy, as the probe brought its answers."""

    def domain(key: str) -> str:
        return context_type(seen.get(key, ""))

    def answer(key: str) -> bool | None:
        return {"yes": True, "no": False}.get(seen.get(key, ""))

    def types(key: str) -> dict[str, str]:
        return dict(line.rsplit(" ", 1) for line in seen.get(key, "").splitlines())

    booleans = (word.partition("=") for word in seen.get("booleans", "").split())
    return Policy(
        tools=tuple(seen.get("tools", "").split()),
        own=domain("own"),
        service=domain("service"),
        label=domain("label"),
        java=domain("java"),
        wanted=domain("wanted"),
        starts=answer("starts"),
        execmem=answer("execmem"),
        booleans={name: value == "1" for name, _, value in booleans},
        barred=types("barred"),
        closed=types("closed"),
    )


def real_paths(answer: Probe) -> dict[str, str]:
    """Where each path that was asked for leads once symbolic links are followed."""
    ways = {id_.removeprefix(_WAY): seen for id_, seen in answer.seen.items() if id_.startswith(_WAY)}
    return {path: seen["real"] for path, seen in ways.items() if seen.get("real") and not seen.get("dangling")}


def _way_call(path: str, users: Sequence[str] = ()) -> Call:
    return ("probe_way", f"{_WAY}{path}", path, *users)


def _used_paths(cluster: Cluster, host: Host, java_home: str) -> Iterator[tuple[str, str, tuple[str, ...], bool]]:
    """Path, purpose, the users whose services go there, and whether the user's data are in it."""
    both = (KAFKA_USER, ZOOKEEPER_USER)
    standalone = cluster.zookeeper.mode is Mode.STANDALONE
    for path in log_dirs(cluster, host):
        yield path, "the messages", (KAFKA_USER,), True
    for path in zookeeper_data(cluster):
        yield path, "ZooKeeper's data", (ZOOKEEPER_USER,), True
    yield cluster.kafka.home, "Kafka's home", (KAFKA_USER,) if standalone else both, False
    yield kafka_logs(cluster), "Kafka's logs", (KAFKA_USER,), False
    if standalone:
        yield cluster.zookeeper.home, "ZooKeeper's home", (ZOOKEEPER_USER,), False
    yield zookeeper_logs(cluster), "ZooKeeper's logs", (ZOOKEEPER_USER,), False
    yield java_home, "Java", both, False
    yield java_program(java_home), "Java", both, False
    yield RELEASES, "the releases", both, False
    for path in (_STATE, _UNIT_FILES, _PROFILE):
        yield path, "what kprov writes", (), False


def _ways(
    cluster: Cluster, host: Host, java_home: str, seen: Mapping[str, Seen], made: Collection[str]
) -> Iterator[Way]:
    for path, purpose, users, data in _used_paths(cluster, host, java_home):
        told = seen.get(f"{_WAY}{path}", ABSENT)
        # A directory that kprov made is opened again by the plan.
        closed = tuple(item for item in _closed(told) if item.path not in made)
        judged = told.get("judged") == "yes" or not users
        yield Way(
            purpose,
            path,
            told.get("real", path),
            told.get("dangling", ""),
            told.get("target", ""),
            told.get("blocked", ""),
            closed,
            judged,
            data,
        )


def _closed(told: Seen) -> Iterator[Closed]:
    for line in told.get("closed", "").splitlines():
        user, mode, owner, path = (*line.split(" ", 3), "", "", "")[:4]
        yield Closed(user, path, mode.rjust(4, "0"), owner)


def _kept_places(cluster: Cluster, host: Host) -> tuple[str, ...]:
    """Directories that the services write to."""
    places = (*log_dirs(cluster, host), *zookeeper_data(cluster), kafka_logs(cluster), zookeeper_logs(cluster))
    return tuple(dict.fromkeys(places))


def _paths(cluster: Cluster, host: Host) -> tuple[str, ...]:
    return tuple(dict.fromkeys((RELEASES, _STATE, _UNIT_FILES, *_kept_places(cluster, host), *_temporary(cluster))))


def _temporary(cluster: Cluster) -> dict[str, str]:
    """Whose temporary files are where."""
    return {kafka_temporary(cluster): "Kafka", zookeeper_temporary(cluster): "ZooKeeper"}


def _places(cluster: Cluster, host: Host, releases: Releases, seen: Mapping[str, Seen]) -> Iterator[Place]:
    missing = [item for item in releases.every if _absent(item, seen)]
    unpacked = sum(item.unpacked or 2 * item.size for item in missing)
    files = sum(_FILES_IN[item.product] for item in missing)
    yield _place(seen, RELEASES, "unpacking the releases", needed=unpacked, runs=True, files=files)
    yield _place(seen, _STATE, "the archives on their way", needed=sum(item.size for item in missing), keeps=True)
    yield _place(seen, _UNIT_FILES, "the units", needed=_SETTINGS_TAKE, keeps=True, files=_FILES_OF_UNITS)
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
    files: int = _FILES_IN_A_PLACE,
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
        files,
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
