"""The plan of an install: compares the desired resources with the probe's answers and the receipt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from typing import Any

from kprov.kinds.base import ABSENT, Action, Answer, Change, Obstacle, PathEntry, Resource
from kprov.kinds.data import DataEntry, without_counterpart
from kprov.kinds.path import CopyEntry, OriginalEntry
from kprov.kinds.release import ReleaseEntry
from kprov.kinds.service import Service, ServiceEntry, UnitState
from kprov.plan.plan import Plan, expectations, holds
from kprov.plan.services import around
from kprov.receipt import Receipt, State, index

_UNIT_FOLDER = "/etc/systemd/system/"
# What stays even if the settings no longer use it: data, files that others wrote, and the releases to roll back to.
_STAYING = (DataEntry, CopyEntry, OriginalEntry, ReleaseEntry)


def install_plan(
    host: str,
    *,
    desired: Sequence[Resource],
    services: Sequence[Service],
    seen: Mapping[str, Answer],
    receipt: Receipt,
    spec: Mapping[str, Any],
    releases: Mapping[str, str],
    address: str = "",
    notes: Iterable[str] = (),
    ignored: Sequence[str] = (),
    adopt: bool = False,
    accepted: Set[str] = frozenset(),
    drop: Set[str] = frozenset(),
) -> Plan:
    """The plan that brings the host to the desired state.

    desired: the resources in the order in which they are created. services: in the order in which they start. seen: the
    probe's answers by id. receipt: the host's receipt. spec, releases, address: the settings and versions that the
    receipt will record, and which of the hosts in ``spec`` this one is. ignored: names of checks that did not stop the
    run, for the receipt. adopt: whether to adopt what kprov did not create, where that is possible. accepted: data
    directories to use as they are, even if the receipt remembers something else. drop: ids of releases to remove, which
    would stay otherwise.
    """
    changes: list[Change] = []
    obstacles: list[Obstacle] = []
    for resource in desired:
        verdict = resource.compare(seen.get(resource.id, ABSENT), receipt.made.get(resource.id))
        if isinstance(verdict, Obstacle):
            verdict = chosen(verdict, adopt=adopt, accepted=accepted)
        if isinstance(verdict, Obstacle):
            obstacles.append(verdict)
        if isinstance(verdict, Change):
            changes.append(verdict)
    data = [resource.entry() for resource in desired]
    lost = {obstacle.id for obstacle in obstacles}
    obstacles += [item for item in without_counterpart(data, seen, accepted) if item.id not in lost]
    changes += _relabelled_releases({item.id for item in desired}, seen, receipt)
    orphans, orphan_obstacles = _orphans(desired, services, seen, receipt, drop)
    obstacles += orphan_obstacles
    if not adopt:
        obstacles += _strangers(services, seen, receipt)
    before, after = around(services, seen, receipt, changes)
    ahead = _ahead(changes) if before else []
    rest = _with_reload([change for change in changes if change not in ahead])
    every = (*ahead, *before, *rest, *orphans, *after)
    # What kprov did not create and found to be right, such as /usr/local, does not belong to it.
    touched = {change.id for change in every} | receipt.made.keys()
    wanted: list[Resource | Service] = [*desired, *services]
    entries = {
        change.id: change.entry for change in every if change.entry is not None and change.action is not Action.STOP
    }
    made = [
        entries.get(item.id) or item.entry().staying(receipt.made.get(item.id), seen.get(item.id, ABSENT))
        for item in wanted
        if item.id in touched
    ]
    gone = {change.id for change in orphans}
    asked = {entry.id for entry in made}
    left = [entry for entry in receipt.made.values() if entry.id not in asked | gone]
    # Uninstall works backwards, so the contents of a directory come after the directory.
    inside = [
        entry for entry in left if isinstance(entry, PathEntry) and any(holds(item, [entry.path]) for item in made)
    ]
    others = [entry for entry in left if entry not in inside]
    copies = [entry for change in changes for entry in change.copies]
    items = index([*others, *made, *inside, *copies])
    result = Receipt(items, State.UNPROVEN, spec, releases, tuple(ignored), address=address)
    if not every and receipt.state is State.APPLYING:
        notes = (*notes, "an interrupted run had made every change; only the receipt is updated")
    questions = {item.id: item.query() for item in (*receipt.made.values(), *wanted)}
    expects = expectations(every, questions, seen)
    return Plan(host, every, tuple(obstacles), tuple(notes), before=receipt, after=result, expects=expects)


def chosen(obstacle: Obstacle, *, adopt: bool, accepted: Set[str]) -> Change | Obstacle:
    """The change that the operator chose for an obstacle; the obstacle itself if they chose none."""
    if obstacle.accept is not None and obstacle.id.partition(":")[2] in accepted:
        return obstacle.accept
    return obstacle.adopt if obstacle.adopt is not None and adopt else obstacle


def _ahead(changes: Sequence[Change]) -> list[Change]:
    """New releases and their directories: nothing runs from these yet, so services keep running meanwhile."""
    created = [(change, change.entry) for change in changes if change.action is Action.CREATE and change.entry]
    releases = [entry.path for _, entry in created if isinstance(entry, ReleaseEntry)]
    return [change for change, entry in created if isinstance(entry, ReleaseEntry) or holds(entry, releases)]


def _orphans(
    desired: Sequence[Resource],
    services: Sequence[Service],
    seen: Mapping[str, Answer],
    receipt: Receipt,
    drop: Set[str],
) -> tuple[list[Change], list[Obstacle]]:
    """The removal of what an earlier run created and the settings no longer use.

    Data stay, and the releases to roll back to.
    """
    wanted = {resource.id for resource in desired} | {service.id for service in services}
    stays = [entry.path for entry in receipt.made.values() if isinstance(entry, _STAYING)]
    changes: list[Change] = []
    obstacles: list[Obstacle] = []
    for entry in reversed(list(receipt.made.values())):
        answer = seen.get(entry.id, ABSENT)
        if isinstance(entry, DataEntry) and entry.id not in wanted and entry.in_use(answer):
            what = f"{entry.path} contains {entry.holds.words}, which the new settings no longer use"
            obstacles.append(Obstacle(entry.id, what, "keep the directory in the settings, or uninstall first"))
        stays_itself = isinstance(entry, _STAYING) and entry.id not in drop
        if entry.id in wanted or stays_itself or holds(entry, stays):
            continue
        result = entry.removal(answer, purge=False, force=False)
        if result.change is not None:
            changes.append(replace(result.change, reason="the settings no longer use it"))
        if result.obstacle is not None:
            hint = "the settings no longer use it; copy what you need elsewhere, then remove it"
            obstacles.append(replace(result.obstacle, hint=hint))
    services_first = sorted(changes, key=lambda change: not isinstance(receipt.made[change.id], ServiceEntry))
    return services_first, obstacles


def _relabelled_releases(wanted: Set[str], seen: Mapping[str, Answer], receipt: Receipt) -> list[Change]:
    """Changes for the releases to roll back to; only their SELinux labels are compared."""
    there = [entry for entry in receipt.made.values() if isinstance(entry, ReleaseEntry) and entry.id not in wanted]
    changes = (entry.relabelled(seen.get(entry.id, ABSENT)) for entry in there)
    return [change for change in changes if change is not None]


def _strangers(services: Sequence[Service], seen: Mapping[str, Answer], receipt: Receipt) -> list[Obstacle]:
    """Units of these names that a package installed; kprov's would silently override them."""
    found = []
    for service in services:
        fragment = UnitState.of(seen.get(service.id, ABSENT)).fragment
        if service.id not in receipt.made and fragment and not fragment.startswith(_UNIT_FOLDER):
            what = f"{service.unit} exists ({fragment}) and was not created by kprov"
            hint = "use --adopt to override it until uninstall, or remove the package that installed it"
            found.append(Obstacle(service.id, what, hint))
    return found


def _with_reload(changes: Sequence[Change]) -> list[Change]:
    """The changes, with a daemon-reload after the last change to a unit file."""
    units = [index for index, change in enumerate(changes) if change.id.startswith(f"file:{_UNIT_FOLDER}")]
    result = list(changes)
    if units:
        last = units[-1]
        result[last] = replace(result[last], calls=(*result[last].calls, ("reload_units",)))
    return result
