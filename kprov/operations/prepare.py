"""From a request to the plan for one host, with what is needed to apply it and to prove it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kprov.checks import Result
from kprov.errors import PreflightError, Problem
from kprov.events import Emit, Warned, about
from kprov.host.connection import Connection
from kprov.kinds.base import path_of
from kprov.kinds.service import Service
from kprov.node.apply import apply
from kprov.node.readiness import await_ready
from kprov.operations.notes import finishing_notes, notes
from kprov.operations.preflight.outcome import in_short, stopping
from kprov.operations.preflight.ways import real_paths
from kprov.operations.releases import check_compatibility, directory, find_releases
from kprov.operations.request import Goal, Request
from kprov.operations.resolve import Resolved, resolve
from kprov.operations.session import accepted_data, recorded_spec
from kprov.operations.snapshot import begins_from_logs
from kprov.operations.survey import Survey, survey
from kprov.plan import Plan, install_plan, writable
from kprov.releases.chosen import Releases
from kprov.releases.product import java_major
from kprov.roles.desired import desired
from kprov.roles.inputs import Inputs
from kprov.roles.of_node import role_of, roles_of
from kprov.spec.protocol import Raised
from kprov.topology import Node


@dataclass(frozen=True)
class Prepared:
    """A plan, and what is needed to apply it and to prove it.

    results: of the checks. services: that the plan was made for. before: the node as the previous run wanted it, if
    this run changes releases; a rollback goes back to it. held: the protocol that the broker keeps until the upgrade is
    finished, empty otherwise. raised: the protocol that the plan raises, which cannot be undone.
    """

    plan: Plan
    node: Node
    results: tuple[Result, ...] = ()
    services: tuple[Service, ...] = ()
    before: Goal | None = None
    held: str = ""
    raised: Raised | None = None


def prepare(connection: Connection, request: Request, goal: Goal, emit: Emit) -> Prepared:
    """Read the receipt, find the releases, probe the host and plan.

    Raises UsageError for wrong settings, and PreflightError with every reason that the host gives.
    """
    tell = about(connection.login.name, emit)  # archives are on this machine; everything else is about the host
    run = resolve(connection, request, goal)
    releases = find_releases(run.goal.node.cluster, run.receipt, request.archives, emit)
    prepared = _plan(connection, request, run, releases, tell)
    gone = {
        path_of(change.entry)
        for change in prepared.plan.changes
        if change.upload and change.entry and not change.upload.source.is_file()
    }
    if gone:  # a release in the receipt is missing on the host, so its archive is needed
        releases = find_releases(run.goal.node.cluster, run.receipt, request.archives, emit, gone)
        prepared = _plan(connection, request, run, releases, tell)
    if said := in_short(prepared.results, request.ignored):
        tell(Warned(f"{said}; details: kprov check HOST"))
    moves = run.before is not None and prepared.plan.after.releases != run.receipt.releases
    plan = replace(prepared.plan, notes=(*prepared.plan.notes, *finishing_notes(request, run)))
    held = run.goal.node.cluster.kafka.protocol or ""
    return replace(prepared, plan=plan, before=run.before if moves else None, held=held, raised=run.raised)


def _plan(connection: Connection, request: Request, run: Resolved, releases: Releases, emit: Emit) -> Prepared:
    """The plan. Raises PreflightError with its obstacles."""
    prepared = plan_for(connection, request, survey(connection, run.goal, run.receipt, releases), emit)
    if prepared.plan.obstacles:
        where = connection.login.name
        raise PreflightError([Problem(item.what, where, hint=item.hint) for item in prepared.plan.obstacles])
    return prepared


def plan_for(connection: Connection, request: Request, found: Survey, emit: Emit) -> Prepared:
    """The plan for a surveyed host, with its obstacles.

    Raises PreflightError with every check that failed and is not ignored, UsageError if the versions do not go
    together.
    """
    where = connection.login.name
    if failed := stopping(found.results, request.ignored):
        raise PreflightError([Problem(item.evidence, where, hint=item.fix) for item in failed])
    node, releases, facts = found.goal.node, found.releases, found.answer.facts
    together = check_compatibility(node.cluster, java_major(node.java_version))
    for warning in together.warnings:
        emit(Warned(warning))
    inputs = Inputs(
        releases.kafka,
        releases.zookeeper,
        releases.java,
        together.environment,
        facts.firewalld,
        found.zone,
        facts.systemd or 0,
        begins_from_logs(node, found.answer),
        real_paths(found.answer),
        nodes=found.nodes,
    )
    wanted = desired(node, inputs)
    plan = install_plan(
        where,
        desired=wanted.resources,
        services=wanted.services,
        seen=found.answer.seen,
        receipt=found.receipt,
        spec=recorded_spec(node, {item.product.value: directory(item) for item in releases.every}),
        releases={
            **{role.product.value: role.version for role in roles_of(node)},
            "java": node.java_version,
            "java_home": node.java_home,
        },
        address=node.host.address,
        notes=[*notes(request, found)],
        ignored=request.ignored,
        adopt=request.adopt,
        accepted=accepted_data(
            request.accepted, [*(item.entry() for item in wanted.resources), *found.receipt.made.values()]
        ),
        drop=request.drop,
    )
    in_vain = writable.obstacles(plan.changes, found.answer.seen["writable"], request.ignored)
    return Prepared(replace(plan, obstacles=(*plan.obstacles, *in_vain)), node, found.results, wanted.services)


def apply_prepared(
    connection: Connection, prepared: Prepared, command: str, emit: Emit, ready: float | None = None
) -> None:
    """Apply the plan; each service must be ready within ``ready`` seconds, None for the default of ``await_ready``.

    Raises what apply and await_ready raise.
    """

    def gate(unit: str) -> None:
        await_ready(connection, role_of(prepared.node, unit), emit, seconds=ready)

    apply(connection, prepared.plan, command, emit, gate)
