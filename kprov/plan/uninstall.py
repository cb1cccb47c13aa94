"""The plan of an uninstall: what the receipt lists, taken back in reverse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from kprov.plan.plan import Plan, above, expectations, holds
from kprov.plan.services import helpers
from kprov.receipt import Receipt, index
from kprov.resources.base import ABSENT, Action, Change, Made, Obstacle, Seen
from kprov.resources.data import gone, with_memory
from kprov.resources.removal import human_size, kib_of, query_of, removal
from kprov.resources.system import UnitState

_USERS = frozenset({"data", "copy", "original"})
# A unit that was started for another's sake, as the probe would see it.
_STARTED = "ActiveState=active\nUnitFileState=enabled"


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
            entry = replace(made, fields={**made.fields, "kept": "yes"})
            if made.kind == "data":
                entry = with_memory(entry, made, seen.get(made.id, ABSENT))
            left.append(entry)
            if made.kind == "data" and not made["kept"] and not gone(made, seen.get(made.id, ABSENT)):
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
