"""Directories, and who had them before kprov."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from kprov.kinds.base import (
    Action,
    Answer,
    Call,
    Change,
    Entry,
    Obstacle,
    PathEntry,
    Presence,
    Removal,
    Verdict,
    foreign,
    give_back,
    missing,
    of_kind,
    remove,
    unknown,
    unreadable,
    why_absent,
)
from kprov.kinds.path import PathSeen, attributes_differ, in_the_way, not_taken_over_yet, set_aside

NOT_A_DIRECTORY = "is there and is not a directory"


@dataclass(frozen=True)
class Owner:
    """Whose a directory was before kprov: by number, since the owner of a file need not have a name."""

    uid: str
    gid: str
    mode: str

    @classmethod
    def of(cls, seen: PathSeen) -> Owner:
        return cls(seen.uid, seen.gid, seen.mode)


class Purpose(StrEnum):
    """What a service writes to a directory that goes with all that is in it."""

    LOGS = "logs"
    TEMPORARY = "temporary files"


@dataclass(frozen=True)
class Directory:
    """A directory.

    shared: others may have made it; then it is used as it is and left to them. purpose: None for one that is removed
    only when it is empty.
    """

    path: str
    owner: str = "root"
    group: str = "root"
    mode: str = "0755"
    shared: bool = False
    purpose: Purpose | None = None

    @property
    def id(self) -> str:
        return f"directory:{self.path}"

    def query(self) -> Call:
        return ("probe_path", self.id, self.path)

    def entry(self) -> DirectoryEntry:
        return DirectoryEntry(self.path, self.owner, self.group, self.mode, self.purpose)

    def compare(self, answer: Answer, was: Entry | None) -> Verdict:
        title = f"directory {self.path}"
        if obstacle := unknown(self.id, title, answer):
            return obstacle
        seen = PathSeen.of(answer)
        make: Call = ("make_directory", self.path, self.owner, self.group, self.mode)
        if seen.presence is Presence.ABSENT:
            return Change(Action.CREATE, self.id, title, why_absent(was), (make,), entry=self.entry())
        if self.shared and was is None:
            # A link to a directory, as /home may be, will do as well: the host's owner put it there.
            if seen.is_directory or seen.is_link:
                return None
            return Obstacle(
                self.id, f"{self.path} {NOT_A_DIRECTORY}", "move it away, or choose another place in kprov.yaml"
            )
        if not seen.is_directory:
            create = Change(Action.CREATE, self.id, title, "", (make,), entry=self.entry(), disruptive=True)
            verdict = in_the_way(create, self.path, title, seen, was)
            return verdict or set_aside(create, self.path, mtime=seen.mtime, sha256=seen.sha256)
        if was is None:
            entry = replace(self.entry(), adopted=Owner.of(seen))
            return foreign(self.id, title, taken_in(self.id, title, entry, seen, (make,)))
        if differ := attributes_differ(seen, self.owner, self.group, self.mode):
            entry = self.entry().staying(was, answer)
            return Change(Action.UPDATE, self.id, title, differ, (make,), entry=entry, quiet=True)
        return None


def taken_in(id_: str, title: str, entry: Entry, seen: PathSeen, calls: tuple[Call, ...]) -> Change:
    """A directory is adopted with its content; uninstall gives it back to its owner."""
    who = f"{seen.owner}:{seen.group}, mode {seen.mode}"
    reason = f"it is adopted from {who}, with its content; uninstall gives it back"
    return Change(Action.ADOPT, id_, title, reason, calls, entry=entry, disruptive=True)


@dataclass(frozen=True)
class DirectoryEntry(PathEntry):
    """A directory as kprov left it; adopted: whose it was before, None if kprov made it."""

    kind = "directory"
    owner: str
    group: str
    mode: str
    purpose: Purpose | None = None
    adopted: Owner | None = None

    @property
    def adopted_as_it_was(self) -> bool:
        return self.adopted is not None

    def identity(self) -> dict[str, str]:
        own = {"path": self.path, "owner": self.owner, "group": self.group, "mode": self.mode}
        return own | ({"holds": self.purpose.value} if self.purpose else {})

    def staying(self, was: Entry | None, answer: Answer) -> DirectoryEntry:
        del answer
        made = of_kind(was, DirectoryEntry)
        return replace(self, adopted=made.adopted) if made and made.adopted else self

    def resource(self) -> Directory:
        return Directory(self.path, self.owner, self.group, self.mode, purpose=self.purpose)

    def drift(self, answer: Answer) -> Iterator[str]:
        yield from directory_drift(self, answer, self.owner, self.group, self.mode)

    def removal(self, answer: Answer, *, purge: bool, force: bool) -> Removal:
        del purge, force
        if not_taken_over_yet(self, answer) or Presence.of(answer) is Presence.ABSENT:
            return Removal()
        if stop := unreadable(self, answer):
            return stop
        title = f"directory {self.path}"
        if self.adopted:
            was = self.adopted
            return give_back(self, title, ("set_mode", self.path, was.uid, was.gid, was.mode))
        if self._drop_ins_of_others(PathSeen.of(answer)):
            return Removal(kept=f"{self.path} (drop-ins that kprov did not write)")
        return remove(self, title, ("remove_tree" if self.purpose else "remove_empty", self.path))

    def _drop_ins_of_others(self, seen: PathSeen) -> bool:
        """Whether somebody put drop-ins beside kprov's own: the units say that local changes belong there."""
        return self.path.endswith(".service.d") and seen.entries > (0 if self.kept else 1)


def directory_drift(entry: Entry, answer: Answer, owner: str, group: str, mode: str) -> Iterator[str]:
    """What differs of a directory from how it should be."""
    if lost := missing(answer):
        yield lost
        return
    seen = PathSeen.of(answer)
    if not seen.is_directory:
        yield f"is a {seen.kind}, not a directory"
    elif not entry.kept and (differ := attributes_differ(seen, owner, group, mode)):
        yield f"has {differ}"
