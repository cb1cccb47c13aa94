"""What start and restart repair before a service starts: the same as install, but from the receipt alone."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass

from kprov.kinds.base import ABSENT, Action, Answer, Change, Entry, Obstacle, Presence, Verdict, unknown
from kprov.kinds.data import DataEntry, without_counterpart
from kprov.kinds.file import FileEntry
from kprov.kinds.path import PathSeen, attributes_differ
from kprov.kinds.port import PortEntry
from kprov.kinds.release import ReleaseEntry
from kprov.plan.install import chosen
from kprov.receipt import Receipt


@dataclass(frozen=True)
class Repair:
    """changes: in the receipt's order. obstacles: what stops the start. notes: what only install can repair."""

    changes: tuple[Change, ...]
    obstacles: tuple[Obstacle, ...]
    notes: tuple[str, ...]


def repair(receipt: Receipt, seen: Mapping[str, Answer], where: str, accepted: Set[str] = frozenset()) -> Repair:
    """What must be repaired before a service of this receipt starts; where: the host as ``kprov install`` takes it.

    What an interrupted run did not reach is left to install. accepted: data directories to use as they are, even if the
    receipt remembers something else; a missing one is not created.
    """
    changes: list[Change] = []
    obstacles: list[Obstacle] = []
    notes: list[str] = []
    entries = [entry for entry in receipt.made.values() if not entry.pending and not entry.kept]
    for entry in entries:
        answer = seen.get(entry.id, ABSENT)
        if isinstance(entry, FileEntry | ReleaseEntry) and Presence.of(answer) is Presence.ABSENT:
            notes.append(f"{entry.kind} {entry.path} is missing; restore it: kprov install HOST")
            continue
        if isinstance(entry, FileEntry) and answer.get("sha256", entry.sha256) != entry.sha256:
            notes.append(f"{entry.path} was edited and is used as it is; replace it: kprov install HOST")
        verdict = _verdict(entry, answer, accepted)
        if isinstance(verdict, Obstacle):
            verdict = chosen(verdict, adopt=False, accepted=accepted)
        if isinstance(verdict, Change):
            changes.append(verdict)
        if isinstance(verdict, Obstacle):
            obstacles.append(verdict)
    lost = {obstacle.id for obstacle in obstacles}
    obstacles += [item for item in without_counterpart(entries, seen, accepted) if item.id not in lost]
    return Repair(tuple(changes), tuple(obstacles), tuple(notes))


def _verdict(entry: Entry, answer: Answer, accepted: Set[str]) -> Verdict:
    """The change that repairs an entry, the obstacle to it, or None."""
    presence = Presence.of(answer)
    if isinstance(entry, FileEntry):
        return _of_file(entry, answer)
    if isinstance(entry, PortEntry) and presence is Presence.UNKNOWN:
        return None  # firewalld is not running: there is nothing to open
    if isinstance(entry, DataEntry) and entry.path in accepted and presence is not Presence.PRESENT:
        return None
    resource = entry.resource()
    return resource.compare(answer, entry) if resource else None


def _of_file(entry: FileEntry, answer: Answer) -> Verdict:
    """Repairs a file's owner and mode; only install can write its content."""
    title = f"file {entry.path}"
    if obstacle := unknown(entry.id, title, answer):
        return obstacle
    if differ := attributes_differ(PathSeen.of(answer), entry.owner, entry.group, entry.mode):
        call = ("set_mode", entry.path, entry.owner, entry.group, entry.mode)
        return Change(Action.UPDATE, entry.id, title, differ, (call,), entry=entry, quiet=True)
    return None
