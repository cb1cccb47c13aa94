"""Folders of links into a release."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

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
    foreign,
    missing,
    of_kind,
    relabelled,
    remove,
    unknown,
    unreadable,
    why_absent,
)
from kprov.kinds.path import PathSeen, in_the_way, not_taken_over_yet, set_aside, taken_over, unfinished


@dataclass(frozen=True)
class LinksSeen:
    """What ``probe_links`` saw.

    right: every link is there and leads where it should. replaced: name and time of change (seconds since the epoch) of
    each file that is where a link should be. label: what is wrong with their SELinux labels, empty if nothing.
    """

    presence: Presence
    right: bool
    replaced: tuple[tuple[str, int], ...]
    label: str

    @classmethod
    def of(cls, answer: Answer) -> LinksSeen:
        lines = [line.rpartition(" ")[::2] for line in answer.get("replaced", "").splitlines()]
        replaced = tuple((name, int(changed) if changed.isdigit() else 0) for name, changed in lines)
        right, label = answer.get("links") == "right", answer.get("label", "")
        return cls(Presence.of(answer), right, replaced, label)


@dataclass(frozen=True)
class Links:
    """A folder with one link for each entry of ``source`` that matches ``pattern``.

    A folder of links and not a link to a folder: the launchers find config and logs by ``$(dirname $0)/..``.
    ``own_folder``: whether the folder is made and removed with the links.
    """

    folder: str
    source: str
    pattern: str = "*"
    own_folder: bool = True

    @property
    def id(self) -> str:
        return f"links:{self.folder}/{self.pattern}"

    def query(self) -> Call:
        return ("probe_links", self.id, self.folder, self.source, self.pattern)

    def entry(self) -> LinksEntry:
        return LinksEntry(self.folder, self.source, self.pattern, self.own_folder)

    def compare(self, answer: Answer, was: Entry | None) -> Verdict:
        title = f"links {self.folder}/{self.pattern}"
        if obstacle := unknown(self.id, title, answer):
            return obstacle
        seen, made = LinksSeen.of(answer), of_kind(was, LinksEntry)
        # Links into what these were made from before go; any others in the folder are somebody else's.
        put: Call = ("put_links", self.folder, self.source, self.pattern, *(made.sources if made else ()))
        absent = seen.presence is Presence.ABSENT
        reason = why_absent(was) if made and absent else f"to {self.source}"
        create = Change(Action.CREATE, self.id, title, reason, (put,), entry=self.entry(), disruptive=True)
        if absent:
            return create
        if self.own_folder and (verdict := in_the_way(create, self.folder, title, PathSeen.of(answer), was)):
            return verdict
        if seen.replaced:
            return self._replaced(create, seen, made)
        if made is None and not self.own_folder and seen.right:
            entry = replace(self.entry(), adopted=True)
            reason = "they exist and are correct; uninstall leaves them"
            return foreign(self.id, title, replace(create, action=Action.ADOPT, reason=reason, entry=entry))
        others = made is not None and made.identity() != self.entry().identity()
        if made is not None and others and seen.right and made.pending and self.source in made.previous:
            # A run that was going to make others ended early: it may have made some, but has changed none of these.
            reason = "a run that was interrupted may have left others there"
            return replace(create, action=Action.UPDATE, reason=reason, disruptive=False, quiet=True)
        if not seen.right or made is None or others:
            return replace(create, action=Action.UPDATE if made else Action.CREATE)
        return relabelled(self.id, title, seen.label, ("label_links", self.folder, self.pattern))

    def _replaced(self, create: Change, seen: LinksSeen, made: LinksEntry | None) -> Verdict:
        """Somebody put files where links should be."""
        paths = [f"{self.folder}/{name}" for name, _ in seen.replaced]
        if made is None or made.foreign:
            change = taken_over(create, *paths)
            return change if made is not None else foreign(self.id, paths[0], change)
        return set_aside(create, *paths, mtime=max(changed for _, changed in seen.replaced))


@dataclass(frozen=True)
class LinksEntry(PathEntry):
    """A folder of links as kprov left it. adopted: whether the links were there and right before kprov."""

    kind = "links"
    source: str
    pattern: str
    own_folder: bool
    adopted: bool = False

    @property
    def id(self) -> str:
        return f"{self.kind}:{self.path}/{self.pattern}"

    @property
    def content(self) -> str:
        return self.source

    @property
    def sources(self) -> tuple[str, ...]:
        """Every folder that its links may lead into."""
        return tuple(dict.fromkeys((self.source, *self.previous)))

    @property
    def adopted_as_it_was(self) -> bool:
        return self.adopted

    def query(self) -> Call:
        return ("probe_links", self.id, self.path, self.source, self.pattern)

    def identity(self) -> dict[str, str]:
        folder = "own" if self.own_folder else "keep"
        return {"path": self.path, "source": self.source, "pattern": self.pattern, "folder": folder}

    def resource(self) -> Links:
        return Links(self.path, self.source, self.pattern, self.own_folder)

    def staying(self, was: Entry | None, answer: Answer) -> LinksEntry:
        del answer
        made = of_kind(was, LinksEntry)
        return replace(self, adopted=True) if made and made.adopted else self

    def drift(self, answer: Answer) -> Iterator[str]:
        if lost := missing(answer):
            yield lost
            return
        seen = LinksSeen.of(answer)
        if not seen.right:
            names = ", ".join(name for name, _ in seen.replaced)
            yield f"{names}: a file, not a link" if names else "lacks links, or some lead elsewhere"
        if seen.label:
            yield f"has {seen.label}"

    def removal(self, answer: Answer, *, purge: bool, force: bool) -> Removal:
        del purge, force
        if not_taken_over_yet(self, answer):
            return Removal()
        if Presence.of(answer) is Presence.ABSENT:
            return unfinished(self) if self.pending else Removal()
        if stop := unreadable(self, answer):
            return stop
        if self.adopted:
            return Removal()
        folder = "own" if self.own_folder else "keep"
        call = ("remove_links", self.path, self.pattern, folder, *self.sources)
        return remove(self, f"links {self.path}/{self.pattern}", call)
