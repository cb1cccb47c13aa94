"""What files, directories, links and releases have in common: what is seen at a path, and what others have there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

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
    reload_for,
    remove,
    unreadable,
)

# What something foreign is called while kprov's own is in its place; the probe asks for the same name.
BEFORE = ".before-kprov"


@dataclass(frozen=True)
class PathSeen:
    """What ``probe_path`` saw at a path.

    kind: as stat names it; mode: four octal digits; uid, gid: numbers as text. sha256 is empty for what is no regular
    file, target for what is no link. mtime: seconds since the epoch, None where unknown. entries: of a directory.
    backup: whether something foreign is kept beside it. label: what is wrong with its SELinux label, empty if nothing.
    """

    presence: Presence
    kind: str
    owner: str
    group: str
    uid: str
    gid: str
    mode: str
    sha256: str
    target: str
    content: str
    mtime: int | None
    entries: int
    backup: bool
    label: str

    @classmethod
    def of(cls, answer: Answer) -> PathSeen:
        mtime, entries = answer.get("mtime", ""), answer.get("entries", "")
        return cls(
            presence=Presence.of(answer),
            kind=answer.get("type", ""),
            owner=answer.get("owner", ""),
            group=answer.get("group", ""),
            uid=answer.get("uid", ""),
            gid=answer.get("gid", ""),
            mode=answer.get("mode", "").rjust(4, "0"),
            sha256=answer.get("sha256", ""),
            target=answer.get("target", ""),
            content=answer.get("content", ""),
            mtime=int(mtime) if mtime.isdigit() else None,
            entries=int(entries) if entries.isdigit() else 0,
            backup=answer.get("backup") == "yes",
            label=answer.get("label", ""),
        )

    @property
    def is_file(self) -> bool:
        return self.kind.startswith("regular")

    @property
    def is_directory(self) -> bool:
        return self.kind == "directory"

    @property
    def is_link(self) -> bool:
        return self.kind == "symbolic link"


def attributes_differ(seen: PathSeen, owner: str, group: str, mode: str) -> str:
    """What differs among owner, group, mode and SELinux label, in words; empty if nothing does."""
    parts = []
    if (seen.owner, seen.group) != (owner, group):
        parts.append(f"owner {seen.owner}:{seen.group} instead of {owner}:{group}")
    if seen.mode != mode:
        parts.append(f"mode {seen.mode} instead of {mode}")
    if seen.label:
        parts.append(seen.label)
    return ", ".join(parts)


def kept_name(path: str, mtime: int | None, sha256: str = "") -> str:
    """Where what somebody put in the place of kprov's own is kept: beside it, named by when it was changed (UTC)."""
    changed = datetime.fromtimestamp(mtime or 0, UTC)
    digest = f"-{sha256[:8]}" if sha256 else ""
    return f"{path}.edited-{changed:%Y%m%dT%H%M%SZ}{digest}"


# ------------------------------------------------------------------ what was there, kept


@dataclass(frozen=True)
class CopyEntry(PathEntry):
    """What somebody had put in the place of something of kprov's; of: where it was."""

    kind = "copy"
    of: str

    def drift(self, answer: Answer) -> Iterator[str]:
        del answer
        return iter(())  # it is the user's own

    def removal(self, answer: Answer, *, purge: bool, force: bool) -> Removal:
        if Presence.of(answer) is Presence.ABSENT:
            return Removal()
        if stop := unreadable(self, answer):
            return stop
        if not (purge and force):
            return Removal(kept=f"{self.path} (a copy of {self.of} as it was edited)")
        return remove(self, f"copy {self.path}", ("remove_tree", self.path))


@dataclass(frozen=True)
class OriginalEntry(PathEntry):
    """What was there before kprov and goes back there; of: where that is."""

    kind = "original"
    of: str

    @property
    def id(self) -> str:
        return f"{self.kind}:{self.of}"

    def drift(self, answer: Answer) -> Iterator[str]:
        if lost := missing(answer):
            yield lost

    def removal(self, answer: Answer, *, purge: bool, force: bool) -> Removal:
        del purge, force
        if Presence.of(answer) is Presence.ABSENT:
            return Removal()
        title = f"{self.of}, as it was before kprov"
        return unreadable(self, answer) or give_back(
            self, title, ("put_back", self.path, self.of), *reload_for(self.of)
        )


# ------------------------------------------------------------------ what others have in the way


def in_the_way(create: Change, path: str, title: str, seen: PathSeen, was: Entry | None) -> Verdict:
    """What to do about something foreign where a resource belongs; None if what is there is kprov's own.

    A run that was told to take it over and was interrupted has left an entry that says so: until the backup is
    there, what is seen is still the foreign thing.
    """
    if was is not None and (not was.foreign or seen.backup):
        return None
    if seen.backup:
        what = f"{path}{BEFORE} exists already, and {title} would be kept under that name"
        return Obstacle(create.id, what, "move it away or remove it")
    change = taken_over(create, path)
    return change if was is not None else foreign(create.id, title, change)


def taken_over(change: Change, *paths: str) -> Change:
    """The change that makes a resource where something foreign is: that is set aside, and uninstall puts it back."""
    backups = {path: f"{path}{BEFORE}" for path in paths}
    calls = tuple(("set_aside", path, backup) for path, backup in backups.items())
    copies = tuple(OriginalEntry(backup, path) for path, backup in backups.items())
    reason = f"the existing one is kept as {', '.join(backups.values())}; uninstall restores it"
    return replace(
        change, action=Action.ADOPT, reason=reason, calls=(*calls, *change.calls), copies=copies, disruptive=True
    )


def set_aside(change: Change, *paths: str, mtime: int | None, sha256: str = "") -> Change:
    """The change that repairs a resource in whose place somebody put something else: that is kept as a dated copy."""
    backups = {path: kept_name(path, mtime, sha256) for path in paths}
    calls = tuple(("set_aside", path, backup) for path, backup in backups.items())
    copies = tuple(CopyEntry(backup, path) for path, backup in backups.items())
    reason = f"it was replaced; the current one is kept as {', '.join(backups.values())}"
    return replace(change, action=Action.REPLACE, reason=reason, calls=(*calls, *change.calls), copies=copies)


def removed_but_kept(entry: PathEntry, title: str, how: str, seen: PathSeen, *then: Call) -> Removal:
    """What somebody put in the place of kprov's own goes, and a copy of it stays."""
    backup = kept_name(entry.path, seen.mtime, seen.sha256)
    copy = CopyEntry(backup, entry.path, kept=True)
    calls = (("set_aside", entry.path, backup), *then)
    reason = f"it was {how}; the current one is kept as {backup}"
    return Removal(Change(Action.REMOVE, entry.id, title, reason, calls, copies=(copy,)))


def unfinished(entry: PathEntry) -> Removal:
    """The removal of what a killed run had made beside its place and not renamed yet."""
    return remove(entry, f"unfinished {entry.kind} {entry.path}", ("remove_tree", f"{entry.path}.kprov-new"))


def not_taken_over_yet(entry: Entry, answer: Answer) -> bool:
    """Whether an interrupted run was going to adopt it, and had not reached it yet."""
    return entry.foreign and Presence.of(answer) is Presence.PRESENT and answer.get("backup") != "yes"
