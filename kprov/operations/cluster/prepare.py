"""From a request to the plans for all nodes of a cluster.

Each node is resolved, surveyed and planned as a single host is. What is decided for all of them together is here: that
they are one cluster, its settings, the protocol that all brokers keep, and the addresses that the nodes use among
themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from kprov.errors import PreflightError, Problem
from kprov.events import Emit, Event, Warned
from kprov.host.connection import Connection
from kprov.kinds.base import Action, of_kind, path_of
from kprov.kinds.data import DataSeen, Holds
from kprov.kinds.service import ServiceEntry
from kprov.operations.notes import finishing_notes
from kprov.operations.preflight.between import with_between
from kprov.operations.preflight.outcome import in_short
from kprov.operations.prepare import Prepared, plan_for
from kprov.operations.releases import find_releases
from kprov.operations.request import Goal, Request, base_of
from kprov.operations.resolve import Resolved, resolved
from kprov.operations.session import peek_receipt
from kprov.operations.survey import Survey, survey
from kprov.receipt import Receipt
from kprov.releases.chosen import Releases
from kprov.rollout.together import merged, together
from kprov.spec.load import load
from kprov.spec.protocol import in_force
from kprov.topology import Node, node_at


@dataclass(frozen=True)
class Part:
    """One node of the cluster, with the plan for it."""

    connection: Connection
    run: Resolved
    prepared: Prepared


def prepare_cluster(
    connections: Sequence[Connection], request: Request, goals: Sequence[Goal], emit: Emit
) -> list[Part]:
    """Read the receipts, find the releases, probe all hosts at the same time and plan.

    connections, goals: in the same order. Raises UsageError for wrong settings, and PreflightError with every reason
    that any host gives.
    """
    receipts = together([partial(peek_receipt, connection) for connection in connections])
    runs = resolve_cluster(receipts, request, goals)
    releases = [_releases(run, request, emit) for run in runs]
    surveys = with_between(connections, surveyed(connections, runs, releases))
    parts = _planned(connections, request, runs, surveys, emit)
    gone = [_gone(part.prepared) for part in parts]
    if any(gone):
        releases = [_releases(part.run, request, emit, lost) for part, lost in zip(parts, gone, strict=True)]
        parts = _planned(connections, request, runs, surveyed(connections, runs, releases), emit)
    return parts


def _releases(run: Resolved, request: Request, emit: Emit, gone: frozenset[str] = frozenset()) -> Releases:
    node = run.goal.node
    return find_releases(node.cluster, run.receipt, request.archives, emit, gone, roles=node.roles)


def resolve_cluster(receipts: Sequence[Receipt], request: Request, goals: Sequence[Goal]) -> list[Resolved]:
    """The wanted node of each host, in a cluster that is the same for all. Raises UsageError and PreflightError."""
    wanted = _wanted(receipts, request, goals)
    _require_one_cluster(receipts, wanted)
    runs = [
        resolved(receipt, request, goal, replace(goal, node=node))
        for receipt, goal, node in zip(receipts, goals, wanted, strict=True)
    ]
    # A broker that still speaks an older protocol decides for all of them.
    lowest = min((run.goal.node.cluster for run in runs), key=in_force)
    return [replace(run, goal=replace(run.goal, node=run.goal.node.with_cluster(lowest))) for run in runs]


def _wanted(receipts: Sequence[Receipt], request: Request, goals: Sequence[Goal]) -> list[Node]:
    """The nodes as the options, the file and the newest of the receipts want them, in the order of the goals."""
    if request.config is not None:
        return [goal.node for goal in goals]
    known = [receipt for receipt in receipts if len(receipt.members) > 1]
    if not known:
        load(None, request.hosts, request.flags)  # no receipt adds anything, so every rule can be checked
        return [goal.node for goal in goals]
    newest = max(known, key=lambda receipt: receipt.written)
    spec = newest.spec if newest.spec is not None else (newest.last or {})["spec"]
    cluster = load(None, [], request.flags, base_of(spec))
    places = [receipt.address or goal.node.host.address for receipt, goal in zip(receipts, goals, strict=True)]
    if sorted(places) != sorted(newest.members):
        _refuse(goals, receipts, newest)
    return [node_at(cluster, place) for place in places]


def _refuse(goals: Sequence[Goal], receipts: Sequence[Receipt], newest: Receipt) -> None:
    """Raise PreflightError for hosts that are not exactly those of the cluster."""
    strangers = [
        goal.login.name
        for goal, receipt in zip(goals, receipts, strict=True)
        if (receipt.address or goal.node.host.address) not in newest.members
    ]
    here = {receipt.address or goal.node.host.address for goal, receipt in zip(goals, receipts, strict=True)}
    missing = [address for address in newest.members if address not in here]
    what = f"the cluster has the hosts {', '.join(newest.members)}"
    if strangers:
        what += f", and {', '.join(strangers)} is not one of them"
    if missing:
        what += f"; {', '.join(missing)} is not named"
    raise PreflightError(
        what,
        where=", ".join(strangers or [goals[0].login.name]),
        hint="name exactly the hosts of the cluster; hosts cannot be added to it or taken from it yet",
    )


def _require_one_cluster(receipts: Sequence[Receipt], nodes: Sequence[Node]) -> None:
    """Raise PreflightError if a host is part of another installation."""
    problems = []
    addresses = {node.host.address for node in nodes}
    name = nodes[0].cluster.name
    for receipt, node in zip(receipts, nodes, strict=True):
        if not receipt.members:
            continue
        others = [address for address in receipt.members if address != (receipt.address or receipt.members[0])]
        known = (receipt.spec or (receipt.last or {}).get("spec") or {}).get("name")
        hint = "uninstall it there first, with --purge if its data may go: kprov uninstall HOST"
        if not others:
            what = (
                "Kafka is installed here for this host alone"
                if receipt.spec
                else "data of a single host were kept here"
            )
            problems.append(Problem(what, node.host.address, hint=hint))
        elif set(receipt.members) != addresses:
            what = f"it belongs to a cluster with {', '.join(others)}"
            problems.append(Problem(what, node.host.address, hint=f"name all of its hosts; or {hint}"))
        elif name and known and name != known:
            problems.append(Problem(f"it belongs to the cluster {known}, not to {name}", node.host.address, hint=hint))
    if problems:
        raise PreflightError(problems)


def surveyed(connections: Sequence[Connection], runs: Sequence[Resolved], releases: Sequence[Releases]) -> list[Survey]:
    """All hosts as they were probed at the same time.

    A host may turn out to need another address for itself; that changes the settings of all, and they are probed again.
    """
    found = _surveyed_once(connections, runs, releases)
    cluster = runs[0].goal.node.cluster
    settled = cluster.model_copy(update={"hosts": tuple(_settled(host.address, found) for host in cluster.hosts)})
    if settled == cluster:
        return found
    again = [replace(run, goal=replace(run.goal, node=run.goal.node.with_cluster(settled))) for run in runs]
    return _surveyed_once(connections, again, releases)


def _surveyed_once(
    connections: Sequence[Connection], runs: Sequence[Resolved], releases: Sequence[Releases]
) -> list[Survey]:
    return together(
        [
            partial(survey, connection, run.goal, run.receipt, chosen)
            for connection, run, chosen in zip(connections, runs, releases, strict=True)
        ]
    )


def _settled(address: str, surveys: Sequence[Survey]) -> object:
    return next(item.goal.node.host for item in surveys if item.goal.node.host.address == address)


def _planned(
    connections: Sequence[Connection],
    request: Request,
    runs: Sequence[Resolved],
    surveys: Sequence[Survey],
    emit: Emit,
) -> list[Part]:
    """The plan for each host. Raises PreflightError with the obstacles of all."""
    parts: list[Part] = []
    warned: dict[str, list[str]] = {}
    errors: list[PreflightError] = []
    for connection, run, found in zip(connections, runs, surveys, strict=True):
        where = connection.login.name

        def tell(event: Event, where: str = where) -> None:
            if isinstance(event, Warned):
                warned.setdefault(event.text, []).append(where)
            else:
                emit(replace(event, host=where))

        try:
            prepared = plan_for(connection, request, found, tell)
            obstacles = [Problem(item.what, where, hint=item.hint) for item in prepared.plan.obstacles]
            obstacles += _departing(prepared, where)
            if obstacles:
                raise PreflightError(obstacles)
        except PreflightError as error:
            errors.append(error)
            continue
        if said := in_short(prepared.results, request.ignored):
            tell(Warned(f"{said}; details: kprov check HOST"))
        parts.append(Part(connection, run, _completed(prepared, request, run)))
    for text, hosts in warned.items():
        emit(Warned(text) if len(hosts) == len(connections) else Warned(f"{', '.join(hosts)}: {text}"))
    problems = [*foreign_data(connections, surveys)]
    if problems:
        errors.append(PreflightError(problems))
    if errors:
        raise merged(errors)
    return parts


def _completed(prepared: Prepared, request: Request, run: Resolved) -> Prepared:
    """The plan with its notes about an upgrade, as for a single host."""
    moves = run.before is not None and prepared.plan.after.releases != run.receipt.releases
    plan = replace(prepared.plan, notes=(*prepared.plan.notes, *finishing_notes(request, run)))
    held = run.goal.node.cluster.kafka.protocol or ""
    return replace(prepared, plan=plan, before=run.before if moves else None, held=held, raised=run.raised)


def _departing(prepared: Prepared, where: str) -> list[Problem]:
    """A service that the settings no longer want: nobody has moved away what it holds."""
    made = prepared.plan.before.made
    gone = [
        entry.unit
        for change in prepared.plan.changes
        if change.action is Action.REMOVE and (entry := of_kind(made.get(change.id), ServiceEntry)) is not None
    ]
    hint = "leave the host its roles: kprov does not yet move away what a role holds"
    return [Problem(f"the settings no longer have {unit} on this host", where, hint=hint) for unit in gone]


def foreign_data(connections: Sequence[Connection], surveys: Sequence[Survey]) -> list[Problem]:
    """Messages of different Kafka clusters on hosts that are to be one: the brokers would refuse them."""
    ids: dict[str, str] = {}
    for connection, found in zip(connections, surveys, strict=True):
        broker = found.goal.node.broker_config
        for path in broker.log_dirs if broker is not None else ():
            seen = DataSeen.of(found.answer.seen.get(f"data:{path}", {"status": "absent"}))
            if seen.cluster and seen.holds == Holds.KAFKA:
                ids.setdefault(seen.cluster, f"{path} on {connection.login.name}")
    if len(ids) < 2:
        return []
    listed = ", ".join(f"{place} holds messages of the cluster {id_}" for id_, place in ids.items())
    hint = "keep the data of one cluster; move the others away, or uninstall them with --purge: kprov uninstall HOST"
    return [Problem("the data directories belong to different clusters", "", listed, hint)]


def _gone(prepared: Prepared) -> frozenset[str]:
    """Directories of releases that the receipt lists and the host has lost, so that their archives are needed."""
    return frozenset(
        path_of(change.entry)
        for change in prepared.plan.changes
        if change.upload and change.entry and not change.upload.source.is_file()
    )
