"""Desired resources against what was seen and what the receipt says: an ordered list of changes.

Pure. The plan is the contract: it is printed, agreed to and carried out as it stands; nothing that executes
it reads flags or specifications again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from kprov.receipt import QUESTION, Receipt, index
from kprov.resources.base import ABSENT, Action, Call, Change, Made, Obstacle, Resource, Seen
from kprov.resources.removal import human_size, kib_of, query_of, removal
from kprov.resources.system import Service, UnitState

_UNIT_FOLDER = "/etc/systemd/system/"
# What stays when nothing asks for it: the user's data, what the user wrote, and the way back.
_STAYING = frozenset({"data", "copy", "original", "release"})
_USERS = frozenset({"data", "copy", "original"})


@dataclass(frozen=True)
class Plan:
    """What will be done to one host.

    changes: in order; obstacles: what stops it, empty if it can be carried out; notes: what the user should
    know; kept: what an uninstall leaves, in words; before and after: the receipt now and when all is done.
    lost: how much data an uninstall removes, in words; empty if none. expects: what was seen of everything that
    changes, by the question that was asked: the plan fits the host only while it is so.
    """

    host: str
    changes: tuple[Change, ...]
    obstacles: tuple[Obstacle, ...] = ()
    notes: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    lost: str = ""
    before: Receipt = Receipt()  # noqa: RUF009 (frozen)
    after: Receipt = Receipt()  # noqa: RUF009 (frozen)
    expects: tuple[tuple[Call, Seen], ...] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing is to be done, not even to the receipt of an interrupted run."""
        return not self.changes and self.before.state != "applying"


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
    drop: Set[str] = frozenset(),
) -> Plan:
    """The plan that makes the host as wanted.

    desired: the resources in the order in which they are made; services: in the order in which they start.
    seen: the probe's answers by id. receipt: what the host says was made. spec and releases: what the receipt
    will record as asked for. ignored: names of checks that do not stop it, for the receipt. adopt: whether what
    others made is taken over where that is possible. drop: ids of releases that go, which would stay otherwise.
    """
    changes: list[Change] = []
    obstacles: list[Obstacle] = []
    for resource in desired:
        verdict = resource.compare(seen.get(resource.id, ABSENT), receipt.made.get(resource.id))
        if isinstance(verdict, Obstacle):
            if verdict.adopt is None or not adopt:
                obstacles.append(verdict)
            else:
                verdict = verdict.adopt
        if isinstance(verdict, Change):
            changes.append(verdict)
    orphans, orphan_obstacles = _orphans(desired, services, seen, receipt, drop)
    obstacles += orphan_obstacles
    if not adopt:
        obstacles += _strangers(services, seen, receipt)
    before, after = _services(services, seen, receipt, changes)
    ahead = _ahead(changes) if before else []
    rest = _with_reload([change for change in changes if change not in ahead])
    every = (*ahead, *before, *rest, *orphans, *after)
    # What others made and kprov merely found right, such as /usr/local, is not its own.
    touched = {change.id for change in every} | receipt.made.keys()
    wanted: list[Resource | Service] = [*desired, *services]
    entries = {
        change.id: change.made for change in every if change.made is not None and change.action is not Action.STOP
    }
    made = [entries.get(item.id) or _still(item.made(), receipt) for item in wanted if item.id in touched]
    gone = {change.id for change in orphans}
    asked = {entry.id for entry in made}
    left = [entry for entry in receipt.made.values() if entry.id not in asked | gone]
    # Uninstall goes backwards: what lies in a directory comes after it.
    inside = [entry for entry in left if any(_holds(item, [entry["path"]]) for item in made)]
    others = [entry for entry in left if entry not in inside]
    copies = [entry for change in changes for entry in change.copies]
    result = Receipt(index([*others, *made, *inside, *copies]), "unproven", spec, releases, tuple(ignored))
    if not every and receipt.state == "applying":
        notes = (*notes, "an interrupted run had come to its end: only the receipt is completed")
    questions = {made.id: query_of(made) for made in receipt.made.values()} | {item.id: item.query() for item in wanted}
    expects = _expected(every, questions, seen)
    return Plan(host, every, tuple(obstacles), tuple(notes), before=receipt, after=result, expects=expects)


def _ahead(changes: Sequence[Change]) -> list[Change]:
    """New releases and the directories that they go into: nothing runs from them yet, so no service waits for them."""
    created = [change for change in changes if change.action is Action.CREATE and change.made is not None]
    releases = [change.made["path"] for change in created if change.made and change.made.kind == "release"]
    return [
        change
        for change in created
        if change.made and (change.made["path"] in releases or _holds(change.made, releases))
    ]


def _still(made: Made, receipt: Receipt) -> Made:
    """The entry of something that stays, with how it was before kprov if that took it over."""
    was = receipt.made.get(made.id)
    if was is not None and made.kind == "firewall":
        return was  # of an opened port it holds in which zone, and how much of it was closed before
    return replace(made, fields={**made.fields, "adopted": was["adopted"]}) if was and was["adopted"] else made


def _expected(
    changes: Sequence[Change], questions: Mapping[str, Call], seen: Mapping[str, Seen]
) -> tuple[tuple[Call, Seen], ...]:
    """What the plan was made from, for everything that it changes."""
    ids = dict.fromkeys(change.id for change in changes)
    expected = [(questions[id_], seen.get(id_, ABSENT)) for id_ in ids if id_ in questions]
    if "receipt" in seen:
        expected.append((QUESTION, seen["receipt"]))
    return tuple(expected)


# What of an answer tells that somebody changed something; sizes, times and counts change by themselves.
_TELLING = ("status", "type", "owner", "group", "mode", "sha256", "target", "links", "replaced", "holds", "broker")
_TELLING_OF_UNITS = ("LoadState", "UnitFileState", "NeedDaemonReload", "FragmentPath")
_SETTLED = {"active", "inactive"}  # what a unit does not leave by itself; one that crashes goes through the others


def differs(expected: Seen, now: Seen) -> bool:
    """Whether what is there now is not what a plan was made from."""
    if [expected.get(key) for key in _TELLING] != [now.get(key) for key in _TELLING]:
        return True
    if (expected.get("entries") == "0") != (now.get("entries") == "0"):
        return True
    before, after = UnitState.of(expected).properties, UnitState.of(now).properties
    states = {before.get("ActiveState"), after.get("ActiveState")}
    if states == _SETTLED:
        return True
    return [before.get(key) for key in _TELLING_OF_UNITS] != [after.get(key) for key in _TELLING_OF_UNITS]


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
        if made.id in wanted or stays_itself or _holds(made, stays):
            continue
        result = removal(made, seen.get(made.id, ABSENT), purge=False, force=False)
        if result.change is not None:
            changes.append(replace(result.change, reason="nothing asks for it any more"))
        if result.obstacle is not None:
            hint = "nothing asks for it any more: keep what you need of it elsewhere, then remove it"
            obstacles.append(replace(result.obstacle, hint=hint))
    stops = [change for change in changes if change.id.startswith("service:")]
    return stops + [change for change in changes if change not in stops], obstacles


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


def _services(
    services: Sequence[Service], seen: Mapping[str, Seen], receipt: Receipt, changes: Sequence[Change]
) -> tuple[list[Change], list[Change]]:
    """Stops that come before the changes, and what comes after them, in starting order.

    A service restarts if what it reads changes now, or has changed since it was last started by kprov.
    """
    changed = {change.id: change for change in changes}
    before: list[Change] = []
    after: list[Change] = []
    first: list[Change] = []
    stopped: set[str] = set()
    for service in services:
        state = UnitState.of(seen.get(service.id, ABSENT))
        was = receipt.made.get(service.id)
        read = [changed[id_] for id_ in sorted(service.reads & changed.keys()) if not changed[id_].quiet]
        stale = was is not None and was["fingerprint"] != service.fingerprint
        waits_for = sorted(stopped & set(service.after))
        reason = _why(state, was, read, stale)
        if reason is None and waits_for:
            reason = f"{waits_for[0]} is stopped meanwhile"
        reload: tuple[Call, ...] = (("reload_units",),) if state.needs_reload else ()
        enable: tuple[Call, ...] = () if state.enabled else (("enable_unit", service.unit),)
        title = f"service {service.unit}"
        made = _still(service.made(), receipt)
        if was is None and state.properties.get("FragmentPath"):
            # Somebody else's unit of that name: uninstall enables it again if it was.
            before_us = "enabled" if state.enabled else "disabled"
            made = replace(made, fields={**made.fields, "adopted": before_us})
        if reason is None:
            if enable:
                after.append(Change(Action.UPDATE, service.id, title, "it is not enabled", enable, made=made))
            continue
        disruptive = bool(waits_for) or any(change.disruptive for change in read)
        if state.active and not disruptive:
            calls = (*reload, *enable, ("restart_unit", service.unit))
            after.append(_change(Action.RESTART, service, made, reason, calls))
            continue
        if state.active:
            stopped.add(service.unit)
            down = [unit for unit in service.after if _is_down(seen.get(f"service:{unit}", ABSENT))]
            first += [_helper(unit, service.unit) for unit in down]
            before.insert(0, Change(Action.STOP, service.id, title, reason, (("stop_unit", service.unit),), made=was))
        calls = (*reload, *enable, ("start_unit", service.unit))
        after.append(_change(Action.START, service, made, reason, calls))
    # What was started for another's sake is to run with what it reads by then.
    helped = {change.id for change in first}
    after = [_restarted(change) if change.id in helped else change for change in after]
    return first + before, after


def _is_down(seen: Seen) -> bool:
    return seen["status"] == "present" and not UnitState.of(seen).active


def _restarted(change: Change) -> Change:
    calls = tuple(("restart_unit", *call[1:]) if call[0] == "start_unit" else call for call in change.calls)
    return replace(change, action=Action.RESTART, calls=calls)


def _helper(unit: str, other: str) -> Change:
    """A broker below 3.0 waits for ZooKeeper for ever when it is told to end, and is killed at last."""
    reason = f"{other} ends cleanly only while it runs"
    return Change(Action.START, f"service:{unit}", f"service {unit}", reason, (("try_start_unit", unit),))


def _change(action: Action, service: Service, made: Made, reason: str, calls: tuple[Call, ...]) -> Change:
    return Change(action, service.id, f"service {service.unit}", reason, calls, made=made, gate=service.unit)


def _why(state: UnitState, was: Made | None, read: Sequence[Change], stale: bool) -> str | None:
    """Why a service must be started or restarted; None if it need not be."""
    if was is None:
        return "new"
    if not state.active:
        return f"it is {state.properties.get('ActiveState', 'not there')}"
    if read:
        rest = f" and {len(read) - 1} more" if len(read) > 1 else ""
        return f"it reads {read[0].title}{rest}, which changes"
    if stale:
        return "what it reads has changed since it was started"
    if state.needs_reload:
        return "its unit file was changed without a daemon-reload"
    return None


def uninstall_plan(host: str, seen: Mapping[str, Seen], receipt: Receipt, *, purge: bool, force: bool) -> Plan:
    """The plan that takes back what the receipt lists, in reverse; services first, data only with ``purge``.

    What was there before kprov is put back when all of kprov's own is gone.
    """
    changes: list[Change] = []
    obstacles: list[Obstacle] = []
    kept: list[str] = []
    left: list[Made] = []
    entries = list(receipt.made.values())
    services = [made for made in entries if made.kind == "service"]
    there = [made["unit"] for made in services if seen.get(made.id, ABSENT)["status"] == "present"]
    first = helpers(there, {unit for unit in there if UnitState.of(seen[f"service:{unit}"]).active})
    # What is started for another's sake is to be stopped again.
    then = {**seen, **{change.id: {"status": "present", "show": _STARTED} for change in first}}
    results = {made.id: removal(made, then.get(made.id, ABSENT), purge=purge, force=force) for made in entries}
    copies = [copy for result in results.values() if result.change for copy in result.change.copies]
    theirs = [made["path"] for made in entries if made.kind in _USERS and _is_there(made, seen)]
    theirs = [copy["path"] for copy in copies] + ([] if purge else theirs)
    originals = [made for made in entries if made.kind == "original"]
    others = [made for made in entries if made.kind not in {"service", "original"}]
    for made in (*reversed(services), *reversed(others), *reversed(originals)):
        if _holds(made, theirs) and not made["adopted"]:
            left.append(made)
            continue
        result = results[made.id]
        if made.kind == "links" and _above(made["path"], theirs):
            left.append(made)  # its links go, the folder stays for what somebody put there
        if result.change is not None:
            changes.append(result.change)
        if result.obstacle is not None:
            obstacles.append(result.obstacle)
        if result.kept:
            kept.append(result.kept)
            entry = replace(made, fields={**made.fields, "kept": "yes"})
            left.append(entry)
            if made.kind == "data" and not made["kept"]:
                changes.append(_handed_over(entry))
    changes[:0] = first
    changes += [_enabled_again(made) for made in services if made["adopted"] == "enabled"]
    kept += [f"{copy['path']} (a copy of {copy['of']} as it was edited)" for copy in copies]
    after = Receipt(index([*reversed(left), *copies]))
    questions = {made.id: query_of(made) for made in entries}
    removed = {change.id for change in changes if change.action is Action.REMOVE}
    sizes = [kib_of(seen[made.id]) for made in entries if made.kind == "data" and made.id in removed]
    return Plan(
        host,
        tuple(changes),
        tuple(obstacles),
        kept=tuple(kept),
        lost=human_size(sum(sizes)) if sizes else "",
        before=receipt,
        after=after,
        expects=_expected(changes, questions, seen),
    )


_STARTED = "ActiveState=active\nUnitFileState=enabled"


def helpers(units: Sequence[str], active: Set[str]) -> list[Change]:
    """Starts of what an active service needs to end; units: in the order in which they start."""
    return [_helper(unit, other) for unit, other in pairwise(units) if other in active and unit not in active]


def _enabled_again(made: Made) -> Change:
    calls = (("reload_units",), ("enable_unit", made["unit"]))
    return Change(Action.RESTORE, made.id, f"service {made['unit']}", "it was enabled before kprov", calls)


def _handed_over(made: Made) -> Change:
    """Kept data go to root: the number of a removed user is given to the next one that is made."""
    path = made["path"]
    calls = (("own_tree", path, "root", "root"), ("set_mode", path, "root", "root", "0700"))
    return Change(
        Action.UPDATE, made.id, f"data directory {path}", "kept for root alone, its user goes", calls, made=made
    )


def _holds(made: Made, paths: Iterable[str]) -> bool:
    """Whether an entry is a directory with one of these paths in it."""
    return made.kind == "directory" and _above(made["path"], paths)


def _above(folder: str, paths: Iterable[str]) -> bool:
    return any(path.startswith(f"{folder}/") for path in paths)


def _is_there(made: Made, seen: Mapping[str, Seen]) -> bool:
    return seen.get(made.id, ABSENT)["status"] != "absent"
