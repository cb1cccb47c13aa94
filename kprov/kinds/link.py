"""Symbolic links."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kprov.kinds.base import (
    Action,
    Answer,
    Call,
    Change,
    Entry,
    PathEntry,
    Presence,
    Removal,
    Verdict,
    changed_since,
    missing,
    relabelled,
    remove,
    unknown,
    unreadable,
    why_absent,
)
from kprov.kinds.path import PathSeen, in_the_way, not_taken_over_yet, removed_but_kept, set_aside, unfinished


@dataclass(frozen=True)
class Link:
    """A symbolic link to one target."""

    path: str
    target: str

    @property
    def id(self) -> str:
        return f"link:{self.path}"

    def query(self) -> Call:
        return ("probe_path", self.id, self.path)

    def entry(self) -> LinkEntry:
        return LinkEntry(self.path, self.target)

    def compare(self, answer: Answer, was: Entry | None) -> Verdict:
        title = f"link {self.path}"
        if obstacle := unknown(self.id, title, answer):
            return obstacle
        seen = PathSeen.of(answer)
        put: Call = ("put_link", self.path, self.target)
        if seen.presence is Presence.ABSENT:
            reason = why_absent(was) if was else f"to {self.target}"
            return Change(Action.CREATE, self.id, title, reason, (put,), entry=self.entry(), disruptive=True)
        create = Change(Action.CREATE, self.id, title, "", (put,), entry=self.entry(), disruptive=True)
        if verdict := in_the_way(create, self.path, title, seen, was):
            return verdict
        if not seen.is_link:
            return set_aside(create, self.path, mtime=seen.mtime, sha256=seen.sha256)
        if seen.target != self.target:
            reason = f"to {self.target}, not to {seen.target}"
            return Change(Action.UPDATE, self.id, title, reason, (put,), entry=self.entry(), disruptive=True)
        return relabelled(self.id, title, seen.label, ("label", self.path))


@dataclass(frozen=True)
class LinkEntry(PathEntry):
    """A link as kprov left it."""

    kind = "link"
    target: str

    @property
    def content(self) -> str:
        return self.target

    def identity(self) -> dict[str, str]:
        return {"path": self.path, "target": self.target}

    def drift(self, answer: Answer) -> Iterator[str]:
        if lost := missing(answer):
            yield lost
            return
        seen = PathSeen.of(answer)
        if seen.target != self.target:
            now = f"a link to {seen.target}" if seen.is_link else f"a {seen.kind}"
            yield f"is {now}, not a link to {self.target}"
        if seen.label:
            yield f"has {seen.label}"

    def resource(self) -> Link:
        return Link(self.path, self.target)

    def removal(self, answer: Answer, *, purge: bool, force: bool) -> Removal:
        del purge
        if not_taken_over_yet(self, answer):
            return Removal()
        seen = PathSeen.of(answer)
        if seen.presence is Presence.ABSENT:
            return unfinished(self) if self.pending else Removal()
        if stop := unreadable(self, answer):
            return stop
        if seen.target in self.contents:
            return remove(self, f"link {self.path}", ("remove_file", self.path))
        if not force:
            return changed_since(self, f"{self.path} is no longer a link to {self.target}")
        return removed_but_kept(self, f"link {self.path}", "replaced", seen)
