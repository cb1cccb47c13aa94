"""install: the whole journey from a specification to a proven broker."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.version import Version

from kprov.apply import apply
from kprov.checks import check_host, check_memory, check_ports, check_space
from kprov.desired.common import KAFKA_UNIT, RELEASES, ZOOKEEPER_UNIT
from kprov.desired.host import desired
from kprov.desired.inputs import Inputs
from kprov.desired.java import java_path
from kprov.desired.runtime import Runtime, runtime
from kprov.desired.zookeeper import zookeeper_version
from kprov.errors import PreflightError, Problem, UsageError
from kprov.events import Emit, Warned
from kprov.health import await_ready
from kprov.host.connection import Connection
from kprov.host.facts import Probe, probe
from kprov.operations.request import Asked, Request
from kprov.operations.session import asked_for, read_receipt
from kprov.plan import Plan, install_plan
from kprov.receipt import QUESTION, Receipt
from kprov.releases import catalogue
from kprov.releases.archive import Archive
from kprov.releases.compatibility import Compatibility, check
from kprov.releases.product import Product, java_major
from kprov.releases.sources import NotAtHandError, locate
from kprov.resources.base import Call, Seen
from kprov.resources.removal import query_of
from kprov.resources.system import UnitState
from kprov.spec.broker import explained, listener_ports, zookeeper_data
from kprov.spec.broker_keys import PROTOCOL
from kprov.spec.model import Cluster, Host, Mode
from kprov.spec.protocol import staged, way_back

_SNAPSHOT_NEEDED = Version("3.5.3b0")


@dataclass(frozen=True)
class Releases:
    """The archives of one installation, found and verified; java is None where the host's own is used."""

    kafka: Archive
    zookeeper: Archive | None
    java: Archive | None


@dataclass(frozen=True)
class Prepared:
    """A plan, and what is needed to carry it out and to prove it.

    before: what was asked of the host by the run before, where other releases are asked for now: the way back.
    """

    plan: Plan
    runtime: Runtime
    before: Asked | None = None


def look_for_releases(asked: Asked, archives: Path | None, emit: Emit) -> None:
    """Verify what is at hand before any host is touched; what could be downloaded is not looked for yet.

    Raises UsageError for an archive that is no good or nowhere to be had, and where versions do not go together.
    """
    for wanted, given in _wanted(asked.cluster):
        with suppress(NotAtHandError):
            archive = locate(wanted, given=given, archives=archives, fetch=False, emit=emit)
            if archive.product is Product.JAVA:
                check_compatibility(asked.cluster, archive.major)


def find_releases(cluster: Cluster, receipt: Receipt, archives: Path | None, emit: Emit) -> Releases:
    """Find and verify every archive; of a release that is on the host the receipt knows enough.

    archives: a folder that is searched before the cache. Raises UsageError with the remedy, also where the
    versions do not go together.
    """
    found: dict[Product, Archive] = {}
    for wanted, given in _wanted(cluster):
        there = on_host(wanted, receipt) if given is None else None
        found[wanted.product] = there or locate(wanted, given=given, archives=archives, emit=emit)
    if java := found.get(Product.JAVA):
        check_compatibility(cluster, java.major)
    return Releases(found[Product.KAFKA], found.get(Product.ZOOKEEPER), java)


def _wanted(cluster: Cluster) -> Iterator[tuple[catalogue.Wanted, str | None]]:
    """Which archives are needed, and where each was said to be. Raises UsageError for versions that cannot be."""
    kafka, zookeeper, java = cluster.kafka, cluster.zookeeper, cluster.java
    if not java.home and not java.archive:
        check_compatibility(cluster, catalogue.release_major(java.release))
    yield catalogue.kafka(kafka.version, scala=kafka.scala), kafka.archive
    if zookeeper.mode is Mode.STANDALONE:
        yield catalogue.zookeeper(zookeeper.version), zookeeper.archive
    if not java.home:
        yield catalogue.java(None if java.archive else java.release), java.archive


def on_host(wanted: catalogue.Wanted, receipt: Receipt) -> Archive | None:
    """The archive of a release that kprov has unpacked on the host, as the receipt knows it; the newest of several."""
    for made in reversed(list(receipt.made.values())):
        if made.kind != "release" or made["product"] != wanted.product or made["pending"] or made["previous"]:
            continue
        java = wanted.product is Product.JAVA
        version = str(java_major(made["version"])) if java else made["version"]
        if version != wanted.version or (wanted.scala and f"_{wanted.scala}-" not in made["top"]):
            continue
        name, size = made["name"] or made["top"], int(made["size"] or 0)
        return Archive(wanted.product, made["version"], Path(name), name, made["top"], made["sha256"], "", size)
    return None


def check_compatibility(cluster: Cluster, java: int) -> Compatibility:
    """Kafka, ZooKeeper and Java (its major) together. Raises UsageError where they cannot run."""
    server = None if cluster.zookeeper.mode is Mode.BUNDLED else cluster.zookeeper.version
    result = check(cluster.kafka.version, server, java)
    if result.problems:
        where = "kafka.version, zookeeper.version, java.release"
        raise UsageError([Problem(item.what, where, item.cause, item.hint) for item in result.problems])
    return result


def prepare(connection: Connection, request: Request, asked: Asked, emit: Emit) -> Prepared:
    """Read the receipt, find the releases, probe the host and plan.

    Raises UsageError for what is asked, and PreflightError for all that the host cannot take, at once.
    """
    receipt = read_receipt(connection)
    wanted = request.on(asked, receipt)
    before = _before(receipt, asked) if request.back is None else None
    if before is not None:
        if request.finish and wanted.cluster.kafka.version != before.cluster.kafka.version:
            raise UsageError(
                f"Kafka {wanted.cluster.kafka.version} must serve before the step without a way back",
                where="--finish",
                hint="run kprov upgrade without --finish, see that all is well, then kprov upgrade --finish alone",
            )
        wanted = replace(wanted, cluster=staged(wanted.cluster, before.cluster, finish=request.finish))
        if problem := way_back(wanted.cluster, before.cluster):
            raise PreflightError([problem])
    releases = find_releases(wanted.cluster, receipt, request.archives, emit)
    prepared = _plan(connection, request, wanted, emit, receipt=receipt, releases=releases)
    if any(change.upload and not change.upload.source.is_file() for change in prepared.plan.changes):
        # A release that the receipt knows is gone from the host: now its archive is needed.
        releases = find_releases(wanted.cluster, Receipt(), request.archives, emit)
        prepared = _plan(connection, request, wanted, emit, receipt=receipt, releases=releases)
    moves = before is not None and prepared.plan.after.releases != receipt.releases
    return replace(prepared, before=before if moves else None)


def _before(receipt: Receipt, asked: Asked) -> Asked | None:
    """What was asked of the host before; None where nothing is installed there."""
    if receipt.spec is None:
        return None
    cluster = Cluster.model_validate(receipt.spec)
    return Asked(cluster, cluster.hosts[0], asked.login)


def _plan(
    connection: Connection, request: Request, asked: Asked, emit: Emit, *, receipt: Receipt, releases: Releases
) -> Prepared:
    """One exchange, and what follows from its answers."""
    where = connection.login.name
    cluster, host = asked.cluster, asked.host
    java_home = java_path(releases.java) if releases.java else str(cluster.java.home)
    # Asked with every resource that there may be; which ones are wanted depends on the facts.
    widest = desired(
        cluster, host, Inputs(releases.kafka, releases.zookeeper, releases.java, java_home, firewalld=True)
    )
    ports = _ports(cluster, host)
    calls: list[Call] = [QUESTION, *(item.query() for item in widest.resources)]
    calls += [item.query() for item in widest.services]
    calls += [("probe_port", f"port:{port}", str(port)) for port in ports]
    calls += [("probe_disk", "disk", RELEASES), ("probe_java", "java", java_home)]
    questions = {call[1] for call in calls}
    calls += [query_of(made) for made in receipt.made.values() if made.id not in questions]
    answer = probe(connection, calls)
    problems = [*_preflight(cluster, releases, answer, ports, where), *_zookeeper_data(receipt, asked, answer, where)]
    if problems:
        raise PreflightError(problems)
    java = releases.java.version if releases.java else _java_version(answer.seen["java"], java_home, where)
    together = check_compatibility(cluster, java_major(java))
    for warning in together.warnings:
        emit(Warned(warning))
    inputs = Inputs(
        releases.kafka,
        releases.zookeeper,
        releases.java,
        java_home,
        together.environment,
        answer.facts.firewalld,
    )
    wanted = desired(cluster, host, inputs)
    live = runtime(cluster, host, java_home, java)
    plan = install_plan(
        where,
        desired=wanted.resources,
        services=wanted.services,
        seen=answer.seen,
        receipt=receipt,
        spec=asked_for(cluster, host),
        releases={"kafka": str(live.kafka), "zookeeper": live.zookeeper, "java": java, "java_home": java_home},
        notes=[*request.notes(asked, receipt), *explained(cluster, host), *_held(cluster)],
        ignored=request.ignored,
        adopt=request.adopt,
        drop=request.drop,
    )
    if plan.obstacles:
        raise PreflightError([Problem(item.what, where, hint=item.hint) for item in plan.obstacles])
    return Prepared(plan, live)


def carry_out(connection: Connection, prepared: Prepared, command: str, emit: Emit, ready: float | None = None) -> None:
    """Execute the plan and wait until each service serves, ``ready`` seconds at most; None for the usual bounds.

    Raises what apply and health raise.
    """

    def gate(unit: str) -> None:
        await_ready(connection, prepared.runtime, unit, emit, seconds=ready)

    apply(connection, prepared.plan, command, emit, gate)


def _held(cluster: Cluster) -> Iterator[str]:
    """That an upgrade is not finished yet."""
    if cluster.kafka.protocol is not None:
        yield (
            f"{PROTOCOL} is held at {cluster.kafka.protocol}, so that the way back stays open; "
            "kprov upgrade --finish raises it"
        )


def _zookeeper_data(receipt: Receipt, asked: Asked, answer: Probe, where: str) -> Iterator[Problem]:
    """3.5.3 and later refuse transaction logs without a snapshot (ZOOKEEPER-3056)."""
    before, after = receipt.releases.get("zookeeper", ""), zookeeper_version(asked.cluster)
    if not before or not Version(before) < _SNAPSHOT_NEEDED <= Version(after):
        return
    data, logs = (answer.seen.get(f"data:{path}", {}) for path in zookeeper_data(asked.cluster))
    if logs.get("log") == "yes" and data.get("snapshot") != "yes":
        yield Problem(
            f"ZooKeeper {after} will not start: {zookeeper_data(asked.cluster)[0]} has no snapshot, only logs",
            where,
            hint=f"ZooKeeper {before} writes one when it starts: kprov restart {where}, then run this again",
        )


def _ports(cluster: Cluster, host: Host) -> dict[int, str]:
    ports = {cluster.zookeeper.client_port: ZOOKEEPER_UNIT}
    return ports | dict.fromkeys(listener_ports(cluster, host).values(), KAFKA_UNIT)


def _preflight(
    cluster: Cluster, releases: Releases, answer: Probe, ports: dict[int, str], where: str
) -> Iterator[Problem]:
    facts, seen = answer.facts, answer.seen
    impossible = list(check_host(facts, where))
    yield from impossible
    if impossible:
        return
    if releases.java and releases.java.arch and releases.java.arch != facts.machine:
        yield Problem(
            f"{releases.java.name} is for {releases.java.arch}, the host is {facts.machine}",
            where,
            hint=f"kprov fetch --java {cluster.java.release} --arch {facts.machine}, then name it with --java-archive",
        )
    pids = {unit: UnitState.of(seen[f"service:{unit}"]).pid for unit in (ZOOKEEPER_UNIT, KAFKA_UNIT)}
    yield from check_ports(ports, {port: seen[f"port:{port}"] for port in ports}, pids, where)
    heaps = {ZOOKEEPER_UNIT: cluster.zookeeper.heap, KAFKA_UNIT: cluster.kafka.heap}
    yield from check_memory(facts.memory_kib, heaps, where)
    missing = [item for item in (releases.kafka, releases.zookeeper, releases.java) if item and _absent(item, seen)]
    free = seen["disk"].get("kib", "")
    if free.isdigit():
        yield from check_space(
            int(free), seen["disk"]["place"], sum(item.size + item.unpacked for item in missing), where
        )


def _absent(archive: Archive, seen: Mapping[str, Seen]) -> bool:
    path = java_path(archive) if archive.product == "java" else f"{RELEASES}/{archive.top}"

    return seen.get(f"release:{path}", {}).get("status") != "present"


def _java_version(seen: Seen, home: str, where: str) -> str:
    """The version that ``java -version`` of the host's own Java prints."""
    if seen["status"] != "present":
        raise PreflightError(
            f"{home}/bin/java is not there", where=where, hint="name the Java's own folder with --java-home"
        )
    match = re.search(r'version "([0-9][^"]*)"', seen.get("version", ""))
    if match is None:
        raise PreflightError(
            f"{home}/bin/java does not tell its version",
            where=where,
            cause=seen.get("version", ""),
            hint="name another Java with --java-home",
        )
    return match[1]
