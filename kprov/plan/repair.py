"""What start and restart put right before a service comes up: the same that install would, from the receipt alone."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass

from kprov.plan.install import chosen
from kprov.receipt import Receipt
from kprov.resources.base import ABSENT, Action, Change, Made, Obstacle, Seen, attributes_differ
from kprov.resources.data import without_counterpart
from kprov.resources.recorded import recorded


@dataclass(frozen=True)
class Repair:
    """changes: in the receipt's order. obstacles: what stops the start. notes: what only install can put right."""

    changes: tuple[Change, ...]
    obstacles: tuple[Obstacle, ...]
    notes: tuple[str, ...]


def repair(receipt: Receipt, seen: Mapping[str, Seen], where: str, accepted: Set[str] = frozenset()) -> Repair:
    """What must be put right before a service of this receipt starts; where: the host as ``kprov install`` takes it.

    What an interrupted run was going to make is left to install. accepted: data directories that are used as they are,
    whatever the receipt remembers of them; one that is missing is not made.
    """
    changes: list[Change] = []
    obstacles: list[Obstacle] = []
    notes: list[str] = []
    entries = [made for made in receipt.made.values() if not made["pending"] and not made["kept"]]
    for made in entries:
        answer = seen.get(made.id, ABSENT)
        match made.kind:
            case "file" | "release" if answer["status"] == "absent":
                notes.append(f"{made.kind} {made['path']} is missing; restore it: kprov install HOST")
                continue
            case "file":
                verdict = _of_file(made, answer)
                if answer.get("sha256", made["sha256"]) != made["sha256"]:
                    notes.append(f"{made['path']} was edited and is used as it is; replace it: kprov install HOST")
            case "firewall" if answer["status"] == "unknown":
                verdict = None  # firewalld is not running: there is nothing to open
            case "data" if made["path"] in accepted and answer["status"] in {"absent", "unknown"}:
                verdict = None
            case _:
                resource = recorded(made)
                verdict = resource.compare(answer, made) if resource else None
        if isinstance(verdict, Obstacle):
            verdict = chosen(verdict, adopt=False, accepted=accepted)
        if isinstance(verdict, Change):
            changes.append(verdict)
        if isinstance(verdict, Obstacle):
            obstacles.append(verdict)
    lost = {obstacle.id for obstacle in obstacles}
    obstacles += [item for item in without_counterpart(entries, seen, accepted) if item.id not in lost]
    return Repair(tuple(changes), tuple(obstacles), tuple(notes))


def _of_file(made: Made, seen: Seen) -> Change | Obstacle | None:
    """A file's owner and mode are put right; its content only install can write."""
    if seen["status"] == "unknown":
        return Obstacle(made.id, f"file {made['path']} cannot be read: {seen.get('why', '')}", "fix that and try again")
    if differ := attributes_differ(seen, made["owner"], made["group"], made["mode"]):
        call = ("set_mode", made["path"], made["owner"], made["group"], made["mode"])
        return Change(Action.UPDATE, made.id, f"file {made['path']}", differ, (call,), made=made, quiet=True)
    return None
