"""The plan of an uninstall: what the receipt lists, taken back in reverse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from kprov.plan.loss import losses
from kprov.plan.plan import Plan, above, expectations, holds
from kprov.plan.services import helpers
from kprov.receipt import Receipt, index
from kprov.resources.base import ABSENT, Action, Change, Made, Obstacle, Seen
from kprov.resources.data import gone, with_memory
from kprov.resources.removal import query_of, removal
from kprov.resources.system import UnitState

# What stays of the user's, and the directories that it is in, by --purge and --force.
_ALL = frozenset({"data", "copy", "original"})
_KEPT: Mapping[tuple[bool, bool], frozenset[str]] = {
    (False, False): _ALL,
    (False, True): _ALL,
    (True, False): frozenset({"copy"}),
    (True, True): frozenset(),
}
# A unit that was started for another's sake, as the probe would see it.
_STARTED = "ActiveState=active\nUnitFileState=enabled"


def uninstall_plan(
    host: str,
    seen: Mapping[str, Seen],
    receipt: Receipt,
    *,
    purge: bool,
    force: bool,
    writers: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
) -> Plan:
    """The plan that takes back what the receipt lists, in reverse; services first, data only with ``purge``, and
    copies of what was edited only with ``force`` as well.

    What was there before kprov is put back when all of kprov's own is gone. writers: what the receipt notes of data
    that stay, by what they hold: which version wrote them.
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
    staying = _KEPT[purge, force]
    theirs = [made["path"] for made in entries if made.kind in staying and _is_there(made, seen)]
    theirs += [copy["path"] for copy in copies]
    originals = [made for made in entries if made.kind == "original"]
    others = [made for made in entries if made.kind not in {"service", "original"}]
    for made in (*reversed(services), *reversed(others), *reversed(originals)):
        if holds(made, theirs) and not made["adopted"]:
            left.append(made)
            continue
        result = results[made.id]
        if made.kind == "links" and above(made["path"], theirs):
            left.append(made)  # its links go, the folder stays for what somebody put there
        if result.change is not None:
            changes.append(result.change)
        if result.obstacle is not None:
            obstacles.append(result.obstacle)
        if result.kept:
            kept.append(result.kept)
            wrote = writers.get(made["holds"], {}) if made.kind == "data" and not made["kept"] else {}
            entry = replace(made, fields={**made.fields, "kept": "yes", **wrote})
            if made.kind == "data":
                entry = with_memory(entry, made, seen.get(made.id, ABSENT))
            left.append(entry)
            if made.kind == "data" and not made["kept"] and not gone(made, seen.get(made.id, ABSENT)):
                changes.append(_handed_over(entry))
    changes[:0] = first
    changes += [_enabled_again(made) for made in services if made["adopted"] == "enabled"]
    kept += [f"{copy['path']} (a copy of {copy['of']} as it was edited)" for copy in copies]
    data_stay = any(made.kind == "data" and made["kept"] for made in left)
    after = Receipt(index([*reversed(left), *copies]), last=(receipt.installed or receipt.last) if data_stay else None)
    questions = {made.id: query_of(made) for made in entries}
    return Plan(
        host,
        tuple(changes),
        tuple(obstacles),
        kept=tuple(kept),
        lost=tuple(losses(entries, changes, seen)),
        before=receipt,
        after=after,
        expects=expectations(changes, questions, seen),
    )


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


def _is_there(made: Made, seen: Mapping[str, Seen]) -> bool:
    return seen.get(made.id, ABSENT)["status"] != "absent"
