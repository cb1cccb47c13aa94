"""The plan of an install: desired resources against what was seen and what the receipt says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from typing import Any

from kprov.plan.plan import Plan, expectations, holds
from kprov.plan.services import around, still
from kprov.receipt import Receipt, index
from kprov.resources.base import ABSENT, Action, Change, Made, Obstacle, Resource, Seen, relabelled
from kprov.resources.data import without_counterpart
from kprov.resources.removal import query_of, removal
from kprov.resources.system import Service, UnitState

_UNIT_FOLDER = "/etc/systemd/system/"
# What stays when nothing asks for it: the user's data, what the user wrote, and the way back.
_STAYING = frozenset({"data", "copy", "original", "release"})


def install_plan(
    host: str,
    *,
    desired: Sequence[Resource],
    services: Sequence[Service],
    seen: Mapping[str, Seen],
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
    data = [resource.made() for resource in desired]
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
        change.id: change.made for change in every if change.made is not None and change.action is not Action.STOP
    }
    made = [
        entries.get(item.id) or still(item.made(), receipt, seen.get(item.id, ABSENT))
        for item in wanted
        if item.id in touched
    ]
    gone = {change.id for change in orphans}
    asked = {entry.id for entry in made}
    left = [entry for entry in receipt.made.values() if entry.id not in asked | gone]
    # Uninstall goes backwards: what lies in a directory comes after it.
    inside = [entry for entry in left if any(holds(item, [entry["path"]]) for item in made)]
    others = [entry for entry in left if entry not in inside]
    copies = [entry for change in changes for entry in change.copies]
    result = Receipt(index([*others, *made, *inside, *copies]), "unproven", spec, releases, tuple(ignored))
    if not every and receipt.state == "applying":
        notes = (*notes, "an interrupted run had come to its end: only the receipt is completed")
    questions = {made.id: query_of(made) for made in receipt.made.values()} | {item.id: item.query() for item in wanted}
    expects = expectations(every, questions, seen)
    return Plan(host, every, tuple(obstacles), tuple(notes), before=receipt, after=result, expects=expects)


def chosen(obstacle: Obstacle, *, adopt: bool, accepted: Set[str]) -> Change | Obstacle:
    """The change that the user chose for something in the way; the obstacle itself where they chose none."""
    if obstacle.accept is not None and obstacle.id.partition(":")[2] in accepted:
        return obstacle.accept
    return obstacle.adopt if obstacle.adopt is not None and adopt else obstacle


def _ahead(changes: Sequence[Change]) -> list[Change]:
    """New releases and the directories that they go into: nothing runs from them yet, so no service waits for them."""
    created = [change for change in changes if change.action is Action.CREATE and change.made is not None]
    releases = [change.made["path"] for change in created if change.made and change.made.kind == "release"]
    return [
        change
        for change in created
        if change.made and (change.made["path"] in releases or holds(change.made, releases))
    ]


def _orphans(
    desired: Sequence[Resource],
    services: Sequence[Service],
    seen: Mapping[str, Seen],
    receipt: Receipt,
    drop: Set[str],
) -> tuple[list[Change], list[Obstacle]]:
    """What an earlier run made and nobody asks for now; data and the releases of the way back stay."""
    wanted = {resource.id for resource in desired} | {service.id for service in services}
    stays = [made["path"] for made in receipt.made.values() if made.kind in _STAYING]
    changes: list[Change] = []
    obstacles: list[Obstacle] = []
    for made in reversed(list(receipt.made.values())):
        if made.kind == "data" and made.id not in wanted and _in_use(made, seen.get(made.id, ABSENT)):
            what = f"{made['path']} holds {made['holds']} data, and nothing asks for it any more"
            obstacles.append(Obstacle(made.id, what, "keep the directory in the settings, or uninstall first"))
        stays_itself = made.kind in _STAYING and made.id not in drop
        if made.id in wanted or stays_itself or holds(made, stays):
            continue
        result = removal(made, seen.get(made.id, ABSENT), purge=False, force=False)
        if result.change is not None:
            changes.append(replace(result.change, reason="nothing asks for it any more"))
        if result.obstacle is not None:
            hint = "nothing asks for it any more: keep what you need of it elsewhere, then remove it"
            obstacles.append(replace(result.obstacle, hint=hint))
    stops = [change for change in changes if change.id.startswith("service:")]
    return stops + [change for change in changes if change not in stops], obstacles


def _relabelled_releases(wanted: Set[str], seen: Mapping[str, Seen], receipt: Receipt) -> list[Change]:
    """Releases of the way back are compared by their SELinux label alone."""
    there = [made for made in receipt.made.values() if made.kind == "release" and made.id not in wanted]
    changes = (
        relabelled(made.id, f"release {made['path']}", seen.get(made.id, ABSENT), ("label_tree", made["path"]))
        for made in there
    )
    return [change for change in changes if change is not None]


def _in_use(made: Made, seen: Seen) -> bool:
    """Whether a data directory is one that the services use now, with something in it."""
    return not made["kept"] and seen["status"] == "present" and seen.get("entries") != "0"


def _strangers(services: Sequence[Service], seen: Mapping[str, Seen], receipt: Receipt) -> list[Obstacle]:
    """Units of these names that a package brought: ours would stand before them, unasked."""
    found = []
    for service in services:
        fragment = UnitState.of(seen.get(service.id, ABSENT)).properties.get("FragmentPath", "")
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
