"""install: the whole journey from a specification to a proven broker."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from kprov.apply import apply
from kprov.checks import check_host, check_memory, check_ports, check_space
from kprov.desired.common import KAFKA_UNIT, RELEASES, ZOOKEEPER_UNIT
from kprov.desired.host import desired
from kprov.desired.inputs import Inputs
from kprov.desired.java import java_path
from kprov.desired.runtime import Runtime, runtime
from kprov.errors import PreflightError, Problem, UsageError
from kprov.events import Emit, Warned
from kprov.health import await_ready
from kprov.host.connection import Connection
from kprov.host.facts import Probe, ask, probe
from kprov.operations.session import asked_for, receipt_of
from kprov.plan import Plan, install_plan
from kprov.receipt import Receipt
from kprov.releases import catalogue
from kprov.releases.archive import Archive
from kprov.releases.compatibility import Compatibility, check
from kprov.releases.product import java_major
from kprov.releases.sources import default_cache, locate
from kprov.resources.base import Call, Seen
from kprov.resources.removal import query_of
from kprov.resources.system import UnitState
from kprov.spec.broker import explained, listener_ports
from kprov.spec.model import Cluster, Host, Mode


@dataclass(frozen=True)
class Releases:
    """The archives of one installation, found and verified; java is None where the host's own is used."""

    kafka: Archive
    zookeeper: Archive | None
    java: Archive | None


@dataclass(frozen=True)
class Prepared:
    """A plan, and what is needed to carry it out and to prove it."""

    plan: Plan
    runtime: Runtime


def find_releases(cluster: Cluster, archives: Path | None, emit: Emit, arch: str = "x86_64") -> Releases:
    """Find and verify every archive, before any host is touched.

    archives: a folder that is searched before the cache. Raises UsageError with the remedy, also where the
    versions do not go together.
    """
    kafka, zookeeper, java = cluster.kafka, cluster.zookeeper, cluster.java
    if not java.home and not java.archive:
        check_compatibility(cluster, catalogue.release_major(java.release))

    def find(wanted: catalogue.Wanted, given: str | None) -> Archive:
        return locate(wanted, given=given, archives=archives, cache=default_cache(), emit=emit)

    standalone = zookeeper.mode is Mode.STANDALONE
    found = Releases(
        find(catalogue.kafka(kafka.version, scala=kafka.scala), kafka.archive),
        find(catalogue.zookeeper(zookeeper.version), zookeeper.archive) if standalone else None,
        None if java.home else find(catalogue.java(None if java.archive else java.release, arch=arch), java.archive),
    )
    if found.java is not None:
        check_compatibility(cluster, found.java.major)
    return found


def check_compatibility(cluster: Cluster, java: int) -> Compatibility:
    """Kafka, ZooKeeper and Java (its major) together. Raises UsageError where they cannot run."""
    server = None if cluster.zookeeper.mode is Mode.BUNDLED else cluster.zookeeper.version
    result = check(cluster.kafka.version, server, java)
    if result.problems:
        where = "kafka.version, zookeeper.version, java.release"
        raise UsageError([Problem(item.what, where, item.cause, item.hint) for item in result.problems])
    return result


def prepare(connection: Connection, cluster: Cluster, host: Host, releases: Releases, emit: Emit) -> Prepared:
    """Probe the host and plan. Raises PreflightError for all that the host cannot take, at once."""
    where = connection.login.name
    java_home = java_path(releases.java) if releases.java else str(cluster.java.home)
    # Asked with every resource that there may be; which ones are wanted depends on the facts.
    widest = desired(
        cluster, host, Inputs(releases.kafka, releases.zookeeper, releases.java, java_home, firewalld=True)
    )
    ports = _ports(cluster, host)
    calls: list[Call] = [item.query() for item in widest.resources]
    calls += [item.query() for item in widest.services]
    calls += [("probe_port", f"port:{port}", str(port)) for port in ports]
    calls += [("probe_disk", "disk", RELEASES), ("probe_java", "java", java_home)]
    answer = probe(connection, calls)
    receipt = receipt_of(answer.seen["receipt"], where) or Receipt()
    problems = list(_preflight(cluster, releases, answer, ports, where))
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
    unasked = [made for made in receipt.made.values() if made.id not in answer.seen]
    more = ask(connection, [query_of(made) for made in unasked]) if unasked else {}
    plan = install_plan(
        where,
        desired=wanted.resources,
        services=wanted.services,
        seen={**answer.seen, **more},
        receipt=receipt,
        spec=asked_for(cluster, host),
        releases={"kafka": str(live.kafka), "zookeeper": live.zookeeper, "java": java, "java_home": java_home},
        notes=[*explained(cluster, host), *_downgrade(receipt, cluster)],
    )
    if plan.obstacles:
        raise PreflightError([Problem(item.what, where, hint=item.hint) for item in plan.obstacles])
    return Prepared(plan, live)


def carry_out(connection: Connection, prepared: Prepared, emit: Emit) -> None:
    """Execute the plan and wait until each service serves. Raises what apply and health raise."""

    def gate(unit: str) -> None:
        await_ready(connection, prepared.runtime, unit, emit)

    apply(connection, prepared.plan, "install", emit, gate)


def _downgrade(receipt: Receipt, cluster: Cluster) -> Iterator[str]:
    """A broker may not read what a later one has written; upstream supports no way back over the same data."""
    before = receipt.releases.get("kafka")
    if before and Version(before) > cluster.kafka.parsed:
        yield f"Kafka goes back from {before} to {cluster.kafka.version} over the same messages: not supported upstream"


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
