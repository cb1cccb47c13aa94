"""What happens to services: which stop before the changes, which start after them, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from typing import TypeGuard

from kprov.kinds.base import ABSENT, Action, Answer, Call, Change, Entry, of_kind
from kprov.kinds.data import DataEntry
from kprov.kinds.directory import DirectoryEntry, Purpose
from kprov.kinds.service import Before, Service, ServiceEntry, UnitState, service_id
from kprov.receipt import Receipt


def around(
    services: Sequence[Service], seen: Mapping[str, Answer], receipt: Receipt, changes: Sequence[Change]
) -> tuple[list[Change], list[Change]]:
    """The stops before the changes, and the starts and restarts after them, in the order in which services start.

    A service restarts if something that it reads changes now, or has changed since kprov last started it.
    """
    changed = {change.id: change for change in changes}
    before: list[Change] = []
    after: list[Change] = []
    first: list[Change] = []
    stopped: set[str] = set()
    for service in services:
        state = UnitState.of(seen.get(service.id, ABSENT))
        was = of_kind(receipt.made.get(service.id), ServiceEntry)
        read = [changed[id_] for id_ in sorted(service.reads & changed.keys()) if not changed[id_].quiet]
        stale = was is not None and was.fingerprint != service.fingerprint
        waits_for = sorted(stopped & set(service.after))
        reason = _why(state, was, read, stale)
        if reason is None and waits_for:
            reason = f"it depends on {waits_for[0]}, which restarts"
        enable: tuple[Call, ...] = () if state.enabled else (("enable_unit", service.unit),)
        reads = [made for made in receipt.made.values() if made.id in service.reads]
        prepare = prepared(service.unit, service.user, state, reads)
        title = f"service {service.unit}"
        entry = service.entry().staying(was, seen.get(service.id, ABSENT))
        if was is None and state.fragment:
            # A unit of that name that kprov did not create: uninstall enables it again if it was enabled.
            entry = replace(entry, adopted=Before.ENABLED if state.enabled else Before.DISABLED)
        if reason is None:
            if enable:
                after.append(Change(Action.UPDATE, service.id, title, "it is not enabled", enable, entry=entry))
            continue
        disruptive = bool(waits_for) or any(change.disruptive for change in read)
        if state.active and not disruptive:
            calls = (*prepare, service.call("restart"))
            after.append(_change(Action.RESTART, service, entry, reason, calls))
            continue
        if state.active:
            stopped.add(service.unit)
            down = [unit for unit in service.after if UnitState.of(seen.get(service_id(unit), ABSENT)).down]
            first += [_helper(unit, service.unit) for unit in down]
            before.insert(0, Change(Action.STOP, service.id, title, reason, (("stop_unit", service.unit),), entry=was))
        calls = (*prepare, service.call("start"))
        after.append(_change(Action.START, service, entry, reason, calls))
    # A service that was started only so that another one can stop cleanly still runs with its old files.
    helped = {change.id for change in first}
    after = [_restarted(change) if change.id in helped else change for change in after]
    return first + before, after


def _writes(entry: Entry, user: str) -> TypeGuard[DataEntry | DirectoryEntry]:
    """Whether the services of this user write to this directory."""
    if isinstance(entry, DirectoryEntry):
        return entry.purpose is Purpose.LOGS and entry.owner == user
    return isinstance(entry, DataEntry) and entry.holds == user and entry.owner == user


def prepared(unit: str, user: str, state: UnitState, entries: Iterable[Entry]) -> tuple[Call, ...]:
    """The calls before any start of a unit, whichever command starts it.

    They give the files that it writes back to its user, since somebody may have run it as root; make systemd read
    changed unit files; and enable the unit. user: the one that it runs as. entries: what the unit reads and writes,
    from the receipt.
    """
    trees = [entry.path for entry in entries if _writes(entry, user)]
    calls: list[Call] = [("give_back", user, user, *trees)] if trees else []
    calls += [("reload_units",)] if state.needs_reload else []
    calls += [] if state.enabled else [("enable_unit", unit)]
    return tuple(calls)


def _restarted(change: Change) -> Change:
    calls = tuple(tuple("restart_unit" if word == "start_unit" else word for word in call) for call in change.calls)
    return replace(change, action=Action.RESTART, calls=calls)


def _helper(unit: str, other: str) -> Change:
    """Starts ZooKeeper: without it a broker before 3.0 does not stop, and systemd kills it at the end."""
    reason = f"{other} needs it to stop cleanly"
    return Change(Action.START, service_id(unit), f"service {unit}", reason, (("try_start_unit", unit),))


def helpers(starts_after: Mapping[str, Sequence[str]], active: Set[str]) -> list[Change]:
    """Starts of the units that active services need to stop cleanly; starts_after: by unit, the units that it needs."""
    return [
        _helper(needed, unit)
        for unit, every in starts_after.items()
        for needed in every
        if unit in active and needed in starts_after and needed not in active
    ]


def _change(action: Action, service: Service, entry: ServiceEntry, reason: str, calls: tuple[Call, ...]) -> Change:
    return Change(action, service.id, f"service {service.unit}", reason, calls, entry=entry, gate=service.unit)


def _why(state: UnitState, was: ServiceEntry | None, read: Sequence[Change], stale: bool) -> str | None:
    """The reason to start or restart a service; None if there is none."""
    if was is None:
        return "new"
    if not state.active:
        return f"it is {state.word}"
    if read:
        return f"{read[0].title} and {len(read) - 1} more change" if len(read) > 1 else f"{read[0].title} changes"
    if stale:
        return "files that it uses have changed since it was started"
    if state.needs_reload:
        return "its unit file was changed without a daemon-reload"
    return None
