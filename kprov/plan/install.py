"""The plan of an install: desired resources against what was seen and what the receipt says."""

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
# What stays when nothing asks for it: the user's data, what the user wrote, and the way back.
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
    notes: Iterable[str] = (),
    ignored: Sequence[str] = (),
    adopt: bool = False,
    accepted: Set[str] = frozenset(),
    drop: Set[str] = frozenset(),
) -> Plan:
    """The plan that makes the host as wanted.

    desired: the resources in the order in which they are made; services: in the order in which they start.
    seen: the probe's answers by id. receipt: what the host says was made. spec and releases: what the receipt
    will record as asked for. ignored: names of checks that do not stop it, for the receipt. adopt: whether what
    others made is taken over where that is possible. accepted: data directories that are used as they are, whatever
    the receipt remembers of them. drop: ids of releases that go, which would stay otherwise.
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
    # What others made and kprov merely found right, such as /usr/local, is not its own.
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
    # Uninstall goes backwards: what lies in a directory comes after it.
    inside = [
        entry for entry in left if isinstance(entry, PathEntry) and any(holds(item, [entry.path]) for item in made)
    ]
    others = [entry for entry in left if entry not in inside]
    copies = [entry for change in changes for entry in change.copies]
    result = Receipt(index([*others, *made, *inside, *copies]), State.UNPROVEN, spec, releases, tuple(ignored))
    if not every and receipt.state is State.APPLYING:
        notes = (*notes, "an interrupted run had come to its end: only the receipt is completed")
    questions = {item.id: item.query() for item in (*receipt.made.values(), *wanted)}
    expects = expectations(every, questions, seen)
    return Plan(host, every, tuple(obstacles), tuple(notes), before=receipt, after=result, expects=expects)


def chosen(obstacle: Obstacle, *, adopt: bool, accepted: Set[str]) -> Change | Obstacle:
    """The change that the user chose for something in the way; the obstacle itself where they chose none."""
    if obstacle.accept is not None and obstacle.id.partition(":")[2] in accepted:
        return obstacle.accept
    return obstacle.adopt if obstacle.adopt is not None and adopt else obstacle


def _ahead(changes: Sequence[Change]) -> list[Change]:
    """New releases and the directories that they go into: nothing runs from them yet, so no service waits for them."""
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
    """What an earlier run made and nobody asks for now; data and the releases of the way back stay."""
    wanted = {resource.id for resource in desired} | {service.id for service in services}
    stays = [entry.path for entry in receipt.made.values() if isinstance(entry, _STAYING)]
    changes: list[Change] = []
    obstacles: list[Obstacle] = []
    for entry in reversed(list(receipt.made.values())):
        answer = seen.get(entry.id, ABSENT)
        if isinstance(entry, DataEntry) and entry.id not in wanted and entry.in_use(answer):
            what = f"{entry.path} holds {entry.holds} data, and nothing asks for it any more"
            obstacles.append(Obstacle(entry.id, what, "keep the directory in the settings, or uninstall first"))
        stays_itself = isinstance(entry, _STAYING) and entry.id not in drop
        if entry.id in wanted or stays_itself or holds(entry, stays):
            continue
        result = entry.removal(answer, purge=False, force=False)
        if result.change is not None:
            changes.append(replace(result.change, reason="nothing asks for it any more"))
        if result.obstacle is not None:
            hint = "nothing asks for it any more: keep what you need of it elsewhere, then remove it"
            obstacles.append(replace(result.obstacle, hint=hint))
    services_first = sorted(changes, key=lambda change: not isinstance(receipt.made[change.id], ServiceEntry))
    return services_first, obstacles


def _relabelled_releases(wanted: Set[str], seen: Mapping[str, Answer], receipt: Receipt) -> list[Change]:
    """Releases of the way back are compared by their SELinux label alone."""
    there = [entry for entry in receipt.made.values() if isinstance(entry, ReleaseEntry) and entry.id not in wanted]
    changes = (entry.relabelled(seen.get(entry.id, ABSENT)) for entry in there)
    return [change for change in changes if change is not None]


def _strangers(services: Sequence[Service], seen: Mapping[str, Answer], receipt: Receipt) -> list[Obstacle]:
    """Units of these names that a package brought: ours would stand before them, unasked."""
    found = []
    for service in services:
        fragment = UnitState.of(seen.get(service.id, ABSENT)).fragment
        if service.id not in receipt.made and fragment and not fragment.startswith(_UNIT_FOLDER):
            what = f"{service.unit} is there, from {fragment}, and kprov did not make it"
            hint = "--adopt puts kprov's own before it until uninstall; or remove the package that brought it"
            found.append(Obstacle(service.id, what, hint))
    return found


def _with_reload(changes: Sequence[Change]) -> list[Change]:
    """The changes, the last one of a unit file followed by a daemon-reload."""
    units = [index for index, change in enumerate(changes) if change.id.startswith(f"file:{_UNIT_FOLDER}")]
    result = list(changes)
    if units:
        last = units[-1]
        result[last] = replace(result[last], calls=(*result[last].calls, ("reload_units",)))
    return result
