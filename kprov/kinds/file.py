"""Files that kprov renders."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

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
    of_kind,
    reload_for,
    remove,
    unknown,
    unreadable,
    why_absent,
)
from kprov.kinds.path import (
    CopyEntry,
    PathSeen,
    attributes_differ,
    in_the_way,
    kept_name,
    not_taken_over_yet,
    removed_but_kept,
    set_aside,
    unfinished,
)
from kprov.spec.broker_keys import is_secret


@dataclass(frozen=True)
class File:
    """A file that kprov writes.

    secret: its content is compared by its hash alone, never fetched back and never shown. Of other files a diff shows
    no value of a key that holds a secret.
    """

    path: str
    content: bytes
    owner: str = "root"
    group: str = "root"
    mode: str = "0644"
    secret: bool = False

    @property
    def id(self) -> str:
        return f"file:{self.path}"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    def query(self) -> Call:
        return ("probe_path", self.id, self.path, *(() if self.secret else ("content",)))

    def entry(self) -> FileEntry:
        return FileEntry(self.path, self.owner, self.group, self.mode, self.sha256)

    def compare(self, answer: Answer, was: Entry | None) -> Verdict:
        title = f"file {self.path}"
        if obstacle := unknown(self.id, title, answer):
            return obstacle
        seen, made = PathSeen.of(answer), of_kind(was, FileEntry)
        put: Call = ("put_file", self.sha256, self.path, self.owner, self.group, self.mode)
        create = self._change(Action.CREATE, title, why_absent(was), (put,), self._diff("", "/dev/null"))
        if seen.presence is Presence.ABSENT:
            return create
        diff = self._diff(seen.content, self.path)
        if verdict := in_the_way(replace(create, diff=diff), self.path, title, seen, was):
            return verdict
        if made is None or not seen.is_file:
            return set_aside(create, self.path, mtime=seen.mtime, sha256=seen.sha256)
        if seen.sha256 == self.sha256:
            differ = attributes_differ(seen, self.owner, self.group, self.mode)
            if not differ:
                return None
            call = ("set_mode", self.path, self.owner, self.group, self.mode)
            return replace(self._change(Action.UPDATE, title, differ, (call,), ""), quiet=True)
        if seen.sha256 in made.contents:
            return self._change(Action.UPDATE, title, "settings changed", (put,), diff)
        # Somebody edited it: what they wrote is not lost.
        backup = kept_name(self.path, seen.mtime, seen.sha256)
        reason = f"it was edited; the edited file is kept as {backup}"
        update = self._change(Action.UPDATE, title, reason, (("back_up", self.path, backup), put), diff)
        return replace(update, copies=(CopyEntry(backup, self.path),))

    def _change(self, action: Action, title: str, reason: str, calls: tuple[Call, ...], diff: str) -> Change:
        return Change(action, self.id, title, reason, calls, diff, content=self.content, entry=self.entry())

    def _diff(self, old: str, name: str) -> str:
        if self.secret:
            return ""
        new = self.content.decode("utf-8", "replace")
        lines = difflib.unified_diff(
            old.splitlines(), new.splitlines(), fromfile=name, tofile=self.path, lineterm="", n=2
        )
        return "\n".join(_masked(line) for line in lines)


def _masked(line: str) -> str:
    """A line of a diff with the value of a secret key replaced."""
    name, separator, _ = line.partition("=")
    return f"{name}=***" if separator and is_secret(name.lstrip("+- ").strip()) else line


@dataclass(frozen=True)
class FileEntry(PathEntry):
    """A file as kprov left it."""

    kind = "file"
    owner: str
    group: str
    mode: str
    sha256: str

    @property
    def content(self) -> str:
        return self.sha256

    def identity(self) -> dict[str, str]:
        return {
            "path": self.path,
            "owner": self.owner,
            "group": self.group,
            "mode": self.mode,
            "sha256": self.sha256,
        }

    def drift(self, answer: Answer) -> Iterator[str]:
        if lost := missing(answer):
            yield lost
            return
        seen = PathSeen.of(answer)
        if not seen.is_file:
            yield f"is a {seen.kind}, not a file"
        else:
            if seen.sha256 != self.sha256:
                when = f" at {datetime.fromtimestamp(seen.mtime, UTC):%Y-%m-%d %H:%M:%S} UTC" if seen.mtime else ""
                yield f"was edited{when}"
            if differ := attributes_differ(seen, self.owner, self.group, self.mode):
                yield f"has {differ}"

    def edited(self, answer: Answer) -> bool:
        """Whether a file that is there is not as kprov wrote it."""
        seen = PathSeen.of(answer)
        return seen.presence is Presence.PRESENT and seen.sha256 not in self.contents

    def removal(self, answer: Answer, *, purge: bool, force: bool) -> Removal:
        if not_taken_over_yet(self, answer):
            return Removal()
        seen, title, reload = PathSeen.of(answer), f"file {self.path}", reload_for(self.path)
        if seen.presence is Presence.ABSENT:
            return unfinished(self) if self.pending else Removal()
        if stop := unreadable(self, answer):
            return stop
        if not self.edited(answer):
            return remove(self, title, ("remove_file", self.path), *reload)
        if not force:
            return changed_since(self, f"{self.path} was edited since kprov wrote it")
        if purge:
            return remove(self, title, ("remove_tree", self.path), *reload)
        return removed_but_kept(self, title, "edited", seen, *reload)
