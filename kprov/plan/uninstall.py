"""The plan of an uninstall: removes what the receipt lists, in reverse order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from kprov.kinds.base import ABSENT, RELOAD, Answer, Change, Entry, Obstacle, PathEntry, Presence
from kprov.kinds.data import DataEntry, Holds, Writer
from kprov.kinds.links import LinksEntry
from kprov.kinds.path import CopyEntry, OriginalEntry
from kprov.kinds.service import Before, ServiceEntry, UnitState, service_id
from kprov.plan.loss import losses
from kprov.plan.plan import Plan, above, expectations, holds
from kprov.plan.services import helpers
from kprov.receipt import Receipt, index

# The operator's data and files that stay, with their directories, by --purge and --force.
_ALL: tuple[type[PathEntry], ...] = (DataEntry, CopyEntry, OriginalEntry)
_KEPT: Mapping[tuple[bool, bool], tuple[type[PathEntry], ...]] = {
    (False, False): _ALL,
    (False, True): _ALL,
    (True, False): (CopyEntry,),
    (True, True): (),
}
# A unit that was started so that another one can stop cleanly, as the probe would see it.
_STARTED = "ActiveState=active\nUnitFileState=enabled"


def uninstall_plan(
    host: str,
    seen: Mapping[str, Answer],
    receipt: Receipt,
    *,
    purge: bool,
    force: bool,
    writers: Mapping[Holds, Writer] = MappingProxyType({}),
) -> Plan:
    """The plan that removes what the receipt lists, in reverse order.

    Services go first, data only with ``purge``, and copies of edited files only with ``purge`` and ``force``. Last,
    what existed before kprov is restored. writers: which version wrote the data that stay, for the receipt.
    """
    changes: list[Change] = []
    obstacles: list[Obstacle] = []
    kept: list[str] = []
    left: list[Entry] = []
    entries = list(receipt.made.values())
    services = [entry for entry in entries if isinstance(entry, ServiceEntry)]
    there = [entry.unit for entry in services if Presence.of(seen.get(entry.id, ABSENT)) is Presence.PRESENT]
    # The receipt has the services in the order in which they start: each may need the one before it.
    needs = {unit: there[:place][-1:] for place, unit in enumerate(there)}
    first = helpers(needs, {unit for unit in there if UnitState.of(seen[service_id(unit)]).active})
    # These must be stopped again.
    then = {**seen, **{change.id: {"status": "present", "show": _STARTED} for change in first}}
    results = {entry.id: entry.removal(then.get(entry.id, ABSENT), purge=purge, force=force) for entry in entries}
    copies = [
        copy
        for result in results.values()
        if result.change
        for copy in result.change.copies
        if isinstance(copy, CopyEntry)
    ]
    staying = _KEPT[purge, force]
    theirs = [entry.path for entry in entries if isinstance(entry, staying) and _is_there(entry, seen)]
    theirs += [copy.path for copy in copies]
    originals = [entry for entry in entries if isinstance(entry, OriginalEntry)]
    others = [entry for entry in entries if not isinstance(entry, ServiceEntry | OriginalEntry)]
    for entry in (*reversed(services), *reversed(others), *reversed(originals)):
        if holds(entry, theirs) and not entry.adopted_as_it_was:
            left.append(entry)
            continue
        result = results[entry.id]
        if isinstance(entry, LinksEntry) and above(entry.path, theirs):
            left.append(entry)  # its links go; the directory stays, since it contains something that stays
        if result.change is not None:
            changes.append(result.change)
        if result.obstacle is not None:
            obstacles.append(result.obstacle)
        if result.kept:
            kept.append(result.kept)
            answer = seen.get(entry.id, ABSENT)
            stays = replace(entry, kept=True)
            if isinstance(stays, DataEntry) and isinstance(entry, DataEntry):
                writer = None if entry.kept else writers.get(entry.holds)
                if writer is not None:
                    stays = replace(stays, version=writer.version, protocol=writer.protocol)
                stays = stays.remembering(entry, answer)
                if not entry.kept and not entry.gone(answer):
                    changes.append(stays.handed_over())
            left.append(stays)
    changes[:0] = first
    changes += [entry.enabled_again() for entry in services if entry.adopted is Before.ENABLED]
    kept += [f"{copy.path} (a copy of {copy.of} as it was edited)" for copy in copies]
    data_stay = any(isinstance(entry, DataEntry) and entry.kept for entry in left)
    after = Receipt(
        index([*reversed(left), *copies]),
        last=(receipt.installed or receipt.last) if data_stay else None,
        address=receipt.address,
    )
    questions = {entry.id: entry.query() for entry in entries}
    return Plan(
        host,
        tuple(_reloading_once(changes)),
        tuple(obstacles),
        kept=tuple(kept),
        lost=tuple(losses(entries, changes, seen)),
        before=receipt,
        after=after,
        expects=expectations(changes, questions, seen),
    )


def _reloading_once(changes: Sequence[Change]) -> list[Change]:
    """The changes, with one daemon-reload after the last of those that end with it: each takes a tenth of a second.

    If the run is killed before it, the next one finds units that need it.
    """
    early = [change for change in changes if change.calls[-1:] == (RELOAD,)][:-1]
    return [
        # One that does nothing else keeps it: a change without a call cannot be applied.
        replace(change, calls=change.calls[:-1]) if change in early and change.calls != (RELOAD,) else change
        for change in changes
    ]


def _is_there(entry: Entry, seen: Mapping[str, Answer]) -> bool:
    return Presence.of(seen.get(entry.id, ABSENT)) is not Presence.ABSENT
