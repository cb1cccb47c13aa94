"""Releases: unpacked archives, owned by root and never edited."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from kprov.kinds.base import (
    Action,
    Answer,
    Call,
    Change,
    Entry,
    PathEntry,
    Presence,
    Removal,
    Upload,
    Verdict,
    missing,
    of_kind,
    relabelled,
    remove,
    unknown,
    unreadable,
)
from kprov.kinds.path import PathSeen, in_the_way, not_taken_over_yet, set_aside


@dataclass(frozen=True)
class Release:
    """An unpacked archive: whole or not there, since it is renamed into place.

    label: product and version in words. top: the folder inside the archive; source: the archive on the operator's
    machine; size in bytes.
    """

    path: str
    product: str
    version: str
    label: str
    name: str
    sha256: str
    size: int
    top: str
    source: Path

    @property
    def id(self) -> str:
        return f"release:{self.path}"

    def query(self) -> Call:
        return ("probe_path", self.id, self.path)

    def entry(self) -> ReleaseEntry:
        return ReleaseEntry(
            self.path, self.label, self.sha256, self.product, self.version, self.name, self.top, self.size
        )

    def compare(self, answer: Answer, was: Entry | None) -> Verdict:
        title = f"release {self.path}"
        if obstacle := unknown(self.id, title, answer):
            return obstacle
        seen, made = PathSeen.of(answer), of_kind(was, ReleaseEntry)
        upload = Upload(self.name, self.sha256, self.size, self.source, self.top, self.path)
        change = Change(
            Action.CREATE,
            self.id,
            title,
            f"{self.label} from {self.name}",
            (("unpack_release", upload.stored, self.sha256, self.top, self.path),),
            upload=upload,
            entry=self.entry(),
            disruptive=True,
        )
        if seen.presence is Presence.ABSENT:
            return change
        if verdict := in_the_way(change, self.path, title, seen, was):
            return verdict
        if made is None or not seen.is_directory:
            return set_aside(change, self.path, mtime=seen.mtime, sha256=seen.sha256)
        # One with a "previous" was going to be replaced by a run that was interrupted, before or after it did.
        if made.sha256 == self.sha256 and not made.previous:
            return made.relabelled(answer)
        return replace(change, action=Action.REPLACE, reason=f"{self.name} is another archive")


@dataclass(frozen=True)
class ReleaseEntry(PathEntry):
    """A release as kprov unpacked it; fields after sha256 help people and later runs, and make it no other release."""

    kind = "release"
    label: str
    sha256: str
    product: str = ""
    version: str = ""
    name: str = ""
    top: str = ""
    size: int = 0

    @property
    def content(self) -> str:
        return self.sha256

    def identity(self) -> dict[str, str]:
        return {"path": self.path, "label": self.label, "sha256": self.sha256}

    def drift(self, answer: Answer) -> Iterator[str]:
        if lost := missing(answer):
            yield lost
            return
        seen = PathSeen.of(answer)
        if not seen.is_directory:
            yield f"is a {seen.kind}, not the release"
        if seen.label:
            yield f"has {seen.label}"

    def relabelled(self, answer: Answer) -> Change | None:
        """The change that gives the release and all that is in it the labels of the policy."""
        label = PathSeen.of(answer).label
        return relabelled(self.id, f"release {self.path}", label, ("label_tree", self.path))

    def removal(self, answer: Answer, *, purge: bool, force: bool) -> Removal:
        del purge, force
        if not_taken_over_yet(self, answer):
            return Removal()
        if Presence.of(answer) is Presence.ABSENT and not self.pending:
            return Removal()
        # A run that was killed while it unpacked may have left the two beside it.
        calls = [("remove_tree", self.path + suffix) for suffix in ("", ".kprov-new", ".kprov-old")]
        return unreadable(self, answer) or remove(self, f"release {self.path}", *calls)
