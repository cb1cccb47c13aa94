"""install: the whole journey from a specification to a proven broker."""

from __future__ import annotations

from collections.abc import Iterator, Set
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from kprov.checks import Outcome, Result
from kprov.desired.common import release_path
from kprov.desired.host import desired
from kprov.desired.inputs import Inputs
from kprov.desired.java import java_path
from kprov.desired.runtime import Runtime, runtime
from kprov.errors import PreflightError, Problem, UsageError
from kprov.events import Emit, Warned
from kprov.host.connection import Connection
from kprov.node.apply import apply
from kprov.node.readiness import await_ready
from kprov.operations.address import reasons
from kprov.operations.kept import refusals, spoken, used_again
from kprov.operations.preflight.network import network
from kprov.operations.preflight.outcome import in_short, stopping
from kprov.operations.preflight.ways import real_paths
from kprov.operations.request import Asked, Request
from kprov.operations.session import accepted_data, asked_for, read_receipt
from kprov.operations.snapshot import begins_from_logs
from kprov.operations.survey import Survey, survey
from kprov.plan import Plan, install_plan, writable
from kprov.receipt import ON_HOST, Receipt
from kprov.releases import catalogue
from kprov.releases.archive import Archive
from kprov.releases.chosen import Releases
from kprov.releases.compatibility import Compatibility, check
from kprov.releases.product import Product, java_major
from kprov.releases.sources import NotAtHandError, NotCataloguedError, find_again, locate, require_folder
from kprov.resources.base import Made
from kprov.resources.labels import uncompared
from kprov.spec.broker import explained
from kprov.spec.broker_keys import PROTOCOL
from kprov.spec.model import Cluster, Mode
from kprov.spec.protocol import Raised, in_force, raised, staged, way_back


@dataclass(frozen=True)
class Prepared:
    """A plan, and what is needed to apply it and to prove it.

    results: what the checks said. before: what was asked of the host by the run before, where other releases are asked
    for now: the way back. held: the protocol that the broker is held at until the upgrade is finished, empty otherwise.
    raised: the protocol that the plan raises, which has no way back.
    """

    plan: Plan
    runtime: Runtime
    results: tuple[Result, ...] = ()
    before: Asked | None = None
    held: str = ""
    raised: Raised | None = None


@dataclass(frozen=True)
class Settled:
    """What a run asks of a host whose receipt is known; before: what the run before asked, None for the first."""

    receipt: Receipt
    asked: Asked
    before: Asked | None

    @property
    def raised(self) -> Raised | None:
        """The protocol that it raises."""
        return raised(self.asked.cluster, self.before.cluster) if self.before else None


def look_for_releases(request: Request, asked: Asked, emit: Emit) -> None:
    """Verify what is at hand before any host is touched; what could be downloaded is not looked for yet.

    Without a kprov.yaml only the archives that an option names are looked at: which other ones are needed, and whether
    the versions go together, depends on what is on the host. Raises UsageError for an archive that is no good.
    """
    if request.archives is not None:
        require_folder(request.archives)
    whole = request.config is not None
    for wanted, given in _wanted(asked.cluster) if whole else _named_by_options(asked.cluster):
        with suppress(NotAtHandError, NotCataloguedError):
            archive = locate(wanted, given=given, archives=request.archives, fetch=False, emit=emit)
            if whole and archive.product is Product.JAVA:
                check_compatibility(asked.cluster, archive.major)


def _named_by_options(cluster: Cluster) -> Iterator[tuple[catalogue.Wanted, str | None]]:
    """The archives whose versions or places this run names."""
    kafka, zookeeper, java = cluster.kafka, cluster.zookeeper, cluster.java
    if "version" in kafka.model_fields_set:
        yield catalogue.kafka(kafka.version, scala=kafka.scala), kafka.archive
    elif kafka.archive:
        yield catalogue.Wanted(Product.KAFKA, None, ()), kafka.archive
    if "version" in zookeeper.model_fields_set:
        yield catalogue.zookeeper(zookeeper.version), zookeeper.archive
    elif zookeeper.archive:
        yield catalogue.Wanted(Product.ZOOKEEPER, None, ()), zookeeper.archive
    if "release" in java.model_fields_set or java.archive:
        yield catalogue.java(None if java.archive else java.release), java.archive


def find_releases(
    cluster: Cluster, receipt: Receipt, archives: Path | None, emit: Emit, gone: Set[str] = frozenset()
) -> Releases:
    """Find and verify every archive; of a release that is on the host the receipt knows enough.

    archives: a folder that is searched before the cache. gone: directories of releases that the receipt lists and that
    are not on the host any more, so that their archives are needed. Raises UsageError with the remedy, also where the
    versions do not go together.
    """
    found: dict[Product, Archive] = {}
    for wanted, given in _wanted(cluster):
        there = on_host(wanted, given, receipt)
        if there is not None and _directory(there) in gone:
            there = find_again(there.name, there.sha256, wanted.product, archives, emit)
        found[wanted.product] = there or _located(wanted, given, receipt, archives, emit, fetch=True)
    if java := found.get(Product.JAVA):
        check_compatibility(cluster, java.major)
    return Releases(found[Product.KAFKA], found.get(Product.ZOOKEEPER), java)


def _located(
    wanted: catalogue.Wanted, given: str | None, receipt: Receipt, archives: Path | None, emit: Emit, *, fetch: bool
) -> Archive:
    """The archive from where it was said to be, or is found. Raises UsageError."""
    if given is None or not given.startswith(ON_HOST):
        return locate(wanted, given=given, archives=archives, fetch=fetch, emit=emit)
    path, option = given.removeprefix(ON_HOST), f"--{wanted.product}-archive"
    made = receipt.made.get(f"release:{path}") or (receipt.last or {}).get("archives", {}).get(path)
    if made and (again := find_again(made["name"], made["sha256"], wanted.product, archives, emit)):
        return again
    raise UsageError(
        f"{wanted.product.label} in {path} is gone from the host, and the archive that it came from was not found",
        where=option,
        cause=f"it was {made['name']}, SHA-256 {made['sha256']}" if made else "",
        hint=f"pass {option} PATH; or choose a release that kprov knows",
    )


def known_releases(cluster: Cluster, receipt: Receipt, archives: Path | None, emit: Emit) -> Releases:
    """The same without a download: of what is not at hand only its names are known, which is enough to look ahead."""
    found: dict[Product, Archive] = {}
    for wanted, given in _wanted(cluster):
        there = on_host(wanted, given, receipt)
        try:
            found[wanted.product] = there or _located(wanted, given, receipt, archives, emit, fetch=False)
        except NotAtHandError:
            found[wanted.product] = named(wanted)
    return Releases(found[Product.KAFKA], found.get(Product.ZOOKEEPER), found.get(Product.JAVA))


def assumed_releases(cluster: Cluster) -> Releases:
    """The releases of a specification without a host: archives that are given, and the names of the others."""
    found = {
        wanted.product: locate(wanted, given=given) if given else named(wanted) for wanted, given in _wanted(cluster)
    }
    return Releases(found[Product.KAFKA], found.get(Product.ZOOKEEPER), found.get(Product.JAVA))


def named(wanted: catalogue.Wanted) -> Archive:
    """What is known of an archive before it is at hand: enough for paths and versions."""
    name = wanted.names[0] if wanted.names else f"{wanted.product}-{wanted.version}"
    top = name.removesuffix(".tgz").removesuffix(".tar.gz")
    if wanted.product is Product.JAVA:
        top = f"temurin-{wanted.version}"
    version = wanted.version or ""
    return Archive(wanted.product, version, Path(name), name, top, "", "", 0)


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


def on_host(wanted: catalogue.Wanted, given: str | None, receipt: Receipt) -> Archive | None:
    """The archive of a release that kprov has unpacked on the host, as the receipt knows it; the newest of several.

    given: where the archive was said to be. One that is somewhere else than on the host is not looked for there.
    """
    for made in reversed(list(receipt.made.values())):
        if made.kind != "release" or made["product"] != wanted.product or made["pending"] or made["previous"]:
            continue
        if _is_wanted(made, wanted) if given is None else f"{ON_HOST}{made['path']}" == given:
            name, size = made["name"] or made["top"], int(made["size"] or 0)
            return Archive(wanted.product, made["version"], Path(name), name, made["top"], made["sha256"], "", size)
    return None


def _is_wanted(made: Made, wanted: catalogue.Wanted) -> bool:
    """Whether a release on the host is of the version and build that is wanted."""
    if wanted.product is not Product.JAVA:
        return made["version"] == wanted.version and (not wanted.scala or f"_{wanted.scala}-" in made["top"])
    # Any build of that Java does, but not another vendor's archive that was once given; old receipts know no names.
    build = wanted.pattern is None or not made["name"] or wanted.pattern.fullmatch(made["name"]) is not None
    return str(java_major(made["version"])) == wanted.version and build


def _directory(archive: Archive) -> str:
    """Where a release lies on the host."""
    return java_path(archive) if archive.product is Product.JAVA else release_path(archive)


def check_compatibility(cluster: Cluster, java: int) -> Compatibility:
    """Kafka, ZooKeeper and Java (its major) together. Raises UsageError where they cannot run."""
    server = None if cluster.zookeeper.mode is Mode.BUNDLED else cluster.zookeeper.version
    result = check(cluster.kafka.version, server, java)
    if result.problems:
        where = "kafka.version, zookeeper.version, java.release"
        raise UsageError([Problem(item.what, where, item.cause, item.hint) for item in result.problems])
    return result


def settled(connection: Connection, request: Request, asked: Asked) -> Settled:
    """Read the receipt, and what is asked of its host. Raises UsageError, and PreflightError for no way back."""
    receipt = read_receipt(connection)
    wanted = request.on(asked, receipt)
    before = _before(receipt, asked) if request.back is None else None
    if request.finish and before is None:
        what = "kprov has installed nothing on this host, so there is no upgrade to finish"
        raise PreflightError(what, where=connection.login.name, hint="install it: kprov install HOST")
    if before is not None:
        if request.finish and wanted.cluster.kafka.version != before.cluster.kafka.version:
            raise UsageError(
                f"Kafka {wanted.cluster.kafka.version} must serve before the step without a way back",
                where="--finish",
                hint="upgrade without --finish and see that all is well; then finish: kprov upgrade HOST --finish",
            )
        said = in_force(before.cluster)
        wanted = replace(wanted, cluster=staged(wanted.cluster, said, finish=request.finish))
        if problem := way_back(wanted.cluster, said, before.cluster.kafka.version):
            raise PreflightError([problem])
    elif entries := used_again(receipt, wanted.cluster, wanted.host):
        named_here = "version" in asked.cluster.kafka.model_fields_set
        if problems := list(refusals(entries, wanted.cluster, named=named_here)):
            raise PreflightError(problems)
        if (said_last := spoken(entries)) is not None:
            wanted = replace(wanted, cluster=staged(wanted.cluster, said_last))
    return Settled(receipt, wanted, before)


def prepare(connection: Connection, request: Request, asked: Asked, emit: Emit) -> Prepared:
    """Read the receipt, find the releases, probe the host and plan.

    Raises UsageError for what is asked, and PreflightError for all that the host cannot take, at once.
    """
    run = settled(connection, request, asked)
    releases = find_releases(run.asked.cluster, run.receipt, request.archives, emit)
    prepared = _plan(connection, request, run, releases, emit)
    gone = {
        change.made["path"]
        for change in prepared.plan.changes
        if change.upload and change.made and not change.upload.source.is_file()
    }
    if gone:  # a release that the receipt knows is not on the host: now its archive is needed
        releases = find_releases(run.asked.cluster, run.receipt, request.archives, emit, gone)
        prepared = _plan(connection, request, run, releases, emit)
    if said := in_short(prepared.results, request.ignored):
        emit(Warned(f"{said}; details: kprov check HOST"))
    moves = run.before is not None and prepared.plan.after.releases != run.receipt.releases
    plan = replace(prepared.plan, notes=(*prepared.plan.notes, *_finishes(request, run)))
    held = run.asked.cluster.kafka.protocol or ""
    return replace(prepared, plan=plan, before=run.before if moves else None, held=held, raised=run.raised)


def _before(receipt: Receipt, asked: Asked) -> Asked | None:
    """What was asked of the host before; None where nothing is installed there."""
    if receipt.spec is None:
        return None
    cluster = Cluster.model_validate(receipt.spec)
    return Asked(cluster, cluster.hosts[0], asked.login)


def _plan(connection: Connection, request: Request, run: Settled, releases: Releases, emit: Emit) -> Prepared:
    """The plan, without obstacles."""
    prepared = plan_for(connection, request, survey(connection, run.asked, run.receipt, releases), emit)
    if prepared.plan.obstacles:
        where = connection.login.name
        raise PreflightError([Problem(item.what, where, hint=item.hint) for item in prepared.plan.obstacles])
    return prepared


def plan_for(connection: Connection, request: Request, found: Survey, emit: Emit) -> Prepared:
    """The plan for a host that was surveyed; its obstacles are left in it.

    Raises PreflightError with every check that failed and is not ignored, UsageError where the versions do not go
    together.
    """
    where = connection.login.name
    if failed := stopping(found.results, request.ignored):
        raise PreflightError([Problem(item.evidence, where, hint=item.fix) for item in failed])
    cluster, host, releases, facts = found.asked.cluster, found.asked.host, found.releases, found.answer.facts
    together = check_compatibility(cluster, java_major(found.java))
    for warning in together.warnings:
        emit(Warned(warning))
    inputs = Inputs(
        releases.kafka,
        releases.zookeeper,
        releases.java,
        found.java_home,
        together.environment,
        facts.firewalld,
        found.zone,
        facts.systemd or 0,
        begins_from_logs(found.asked, found.answer),
        real_paths(found.answer),
    )
    wanted = desired(cluster, host, inputs)
    live = runtime(cluster, host, found.java_home, found.java)
    plan = install_plan(
        where,
        desired=wanted.resources,
        services=wanted.services,
        seen=found.answer.seen,
        receipt=found.receipt,
        spec=asked_for(cluster, host, {item.product.value: _directory(item) for item in releases.every}),
        releases={
            "kafka": str(live.kafka),
            "zookeeper": live.zookeeper,
            "java": found.java,
            "java_home": found.java_home,
        },
        notes=[
            *request.notes(found.asked, found.receipt),
            *reasons(cluster, host, network(found.answer)),
            *explained(cluster, host),
            *_held(cluster),
            *_left_alone(found),
            *_begins_from_logs(found),
        ],
        ignored=request.ignored,
        adopt=request.adopt,
        accepted=accepted_data(
            request.accepted, [*(item.made() for item in wanted.resources), *found.receipt.made.values()]
        ),
        drop=request.drop,
    )
    in_vain = writable.obstacles(plan.changes, found.answer.seen["writable"], request.ignored)
    return Prepared(replace(plan, obstacles=(*plan.obstacles, *in_vain)), live, found.results)


def apply_prepared(
    connection: Connection, prepared: Prepared, command: str, emit: Emit, ready: float | None = None
) -> None:
    """Apply the plan; each service must be ready within ``ready`` seconds, None for the default of ``await_ready``.

    Raises what apply and await_ready raise.
    """

    def gate(unit: str) -> None:
        await_ready(connection, prepared.runtime, unit, emit, seconds=ready)

    apply(connection, prepared.plan, command, emit, gate)


def _held(cluster: Cluster) -> Iterator[str]:
    """That an upgrade is not finished yet."""
    if cluster.kafka.protocol is not None:
        yield (
            f"{PROTOCOL} is held at {cluster.kafka.protocol}, so that the way back stays open; "
            "raise it: kprov upgrade HOST --finish"
        )


def _finishes(request: Request, run: Settled) -> Iterator[str]:
    """That there is no way back from this plan, or nothing to finish."""
    if run.raised:
        yield str(run.raised)
    elif request.finish:
        yield f"{PROTOCOL} is {in_force(run.asked.cluster)} already: there is nothing to finish"


def _begins_from_logs(found: Survey) -> Iterator[str]:
    """What ZooKeeper is told for one start."""
    if begins_from_logs(found.asked, found.answer):
        yield (
            "ZooKeeper finds logs from the first transaction on and no snapshot yet: its next start is told to trust "
            "them (snapshot.trust.empty), and writes one"
        )


def _left_alone(found: Survey) -> Iterator[str]:
    """What kprov sees on the host and does nothing about, or does beside the changes."""
    for item in found.results:
        if item.check == "firewall" and item.status is not Outcome.PASS:
            yield f"{item.evidence}; {item.fix}"
    mode = found.answer.facts.selinux
    if mode in {"Enforcing", "Permissive"}:
        yield f"SELinux is {mode.lower()}: each path gets its default label with restorecon"
    if why := uncompared(found.answer.seen):
        yield f"SELinux labels were not compared: {why}"
