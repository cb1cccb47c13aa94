"""What every kind of resource has in common: changes, obstacles, and the entries of the receipt.

A kind is one module. It has the resource as it is wanted (``query``, ``compare``, ``entry``), its entry in the receipt
(``query``, ``drift``, ``removal``), and what the probe's answer means. All of it is pure: a change carries the calls of
the remote library that apply it, as argument lists; nothing here builds shell text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, TypeVar

from pydantic import ConfigDict, TypeAdapter

Call = tuple[str, ...]
Answer = Mapping[str, str]  # the fields of a probe's answer, as text; each kind has a class that reads them

ABSENT: Answer = {"status": "absent"}
RELOAD: Call = ("reload_units",)  # what systemd needs after a change to its unit files


class Presence(StrEnum):
    """Whether something is there; unknown is a third state, on which nothing may be built."""

    ABSENT = "absent"
    PRESENT = "present"
    UNKNOWN = "unknown"

    @classmethod
    def of(cls, answer: Answer) -> Presence:
        return cls(answer.get("status", cls.UNKNOWN))


class Action(StrEnum):
    """What a change does to a resource."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    ADOPT = "adopt"
    REMOVE = "remove"
    RESTORE = "restore"
    START = "start"
    RESTART = "restart"
    STOP = "stop"


# ------------------------------------------------------------------ entries of the receipt


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry of the receipt: a resource that kprov made, as it left it.

    pending: a run that has not ended was going to make it. previous: what may still be there then, as sums, targets or
    sources. foreign: it was going to replace something that kprov did not create. kept: an uninstall left it.
    """

    kind: ClassVar[str]
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    pending: bool = False
    previous: tuple[str, ...] = ()
    foreign: bool = False
    kept: bool = False

    @property
    def id(self) -> str:
        """Its name among all entries: ``kind:path`` or ``kind:name``."""
        raise NotImplementedError

    @property
    def content(self) -> str:
        """What tells one version of it from another, a sum, a target or a source; empty if nothing does."""
        return ""

    @property
    def contents(self) -> frozenset[str]:
        """Every version of it that may be there, where an interrupted run has left several."""
        return frozenset({self.content, *self.previous})

    @property
    def adopted_as_it_was(self) -> bool:
        """Whether it was there before kprov, and is given back and not removed."""
        return False

    def query(self) -> Call:
        """The probe's call, its first argument the id."""
        raise NotImplementedError

    def drift(self, answer: Answer) -> Iterator[str]:
        """What differs from the entry, in words, without a full stop."""
        raise NotImplementedError

    def removal(self, answer: Answer, *, purge: bool, force: bool) -> Removal:
        """What uninstall does about it.

        purge: the user's data go, too. force: what was changed since does not stop it, and is kept as a copy. Both
        together leave neither copies nor what was edited.
        """
        raise NotImplementedError

    def identity(self) -> Mapping[str, str]:
        """What a service that reads it is started with, beside its id, as text.

        Receipts hold a hash of it: another text would restart every service that reads such an entry.
        """
        return {}

    def intended(self, before: Entry | None, *, gated: bool, takes_over: bool) -> Entry:
        """The entry while the change that makes it is under way; before: the entry that it replaces.

        gated: a service waits behind the change. takes_over: it replaces something that kprov did not
            create, which is kept.
        """
        del gated
        entry = replace(self, pending=True)
        if before is None:
            return replace(entry, foreign=True) if takes_over else entry
        # What is there may be what any of several interrupted runs found, but not what this one is going to make.
        found = dict.fromkeys((*before.previous, *([before.content] if before.content else [])))
        found.pop(entry.content, None)
        return replace(entry, previous=tuple(found), kept=before.kept, foreign=before.foreign)

    def staying(self, was: Entry | None, answer: Answer) -> Entry:
        """The entry of a resource that stays as it is, with what only the entry before or the host knows."""
        del was, answer
        return self

    def resource(self) -> Resource | None:
        """The resource as the last run made it; None if the entry does not say enough.

        A file's entry has no content and a release's no archive: only ``install`` can make those.
        """
        return None

    def to_json(self) -> dict[str, Any]:
        """The entry as the receipt's file has it; what has its default is left out."""
        return {"kind": self.kind, **_adapter(type(self)).dump_python(self, mode="json", exclude_defaults=True)}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """Read ``to_json``'s fields without ``kind``; raises ValueError for what does not belong there."""
        entry: Self = _adapter(cls).validate_python(dict(fields))
        return entry


_ADAPTERS: dict[str, TypeAdapter[Any]] = {}


def _adapter(cls: type[Entry]) -> TypeAdapter[Any]:
    """The reader and writer of a kind's fields, made once."""
    if cls.kind not in _ADAPTERS:
        _ADAPTERS[cls.kind] = TypeAdapter(cls)
    return _ADAPTERS[cls.kind]


@dataclass(frozen=True)
class PathEntry(Entry):
    """An entry that lies at a path of the host."""

    path: str

    @property
    def id(self) -> str:
        return f"{self.kind}:{self.path}"

    def query(self) -> Call:
        return ("probe_path", self.id, self.path)


def path_of(entry: Entry) -> str:
    """Where an entry lies; empty for what has no path."""
    return entry.path if isinstance(entry, PathEntry) else ""


E = TypeVar("E", bound=Entry)


def of_kind(entry: Entry | None, kind: type[E]) -> E | None:
    """The entry if it is of that kind."""
    return entry if isinstance(entry, kind) else None


# ------------------------------------------------------------------ changes


@dataclass(frozen=True)
class Upload:
    """An archive that a change needs on the host; ``size`` in bytes.

    top: what of it is needed. path: where that will be; it is unpacked beside it while it arrives.
    """

    name: str
    sha256: str
    size: int
    source: Path
    top: str
    path: str

    @property
    def stored(self) -> str:
        """Its name on the host: another archive of the same name is another file."""
        return f"{self.sha256[:12]}-{self.name}"

    def query(self) -> Call:
        """How much of it the host has."""
        return ("probe_upload", self.stored, self.stored)


@dataclass(frozen=True)
class Change:
    """One line of a plan.

    title: what a reader sees (``file /etc/...``); reason: why; diff: a unified diff, empty if none helps.
    calls: what applies it, in order. content: bytes to be staged under their SHA-256 before.
    entry: what the receipt holds afterwards; None takes the entry out in an uninstall and leaves it in an install.
    copies: further entries, of what was there before and is kept.
    disruptive: a running service must be stopped before, not restarted after. quiet: no service need notice, such as
    an owner or a mode that is corrected.
    gate: the service that must be ready before the next change.
    """

    action: Action
    id: str
    title: str
    reason: str
    calls: tuple[Call, ...]
    diff: str = ""
    content: bytes | None = None
    upload: Upload | None = None
    entry: Entry | None = None
    copies: tuple[Entry, ...] = ()
    disruptive: bool = False
    quiet: bool = False
    gate: str = ""

    @property
    def group(self) -> str:
        """What it is counted as where changes are not listed one by one: ``create file``.

        Empty for one that is always listed: it changes, replaces or keeps something that is there, or a service.
        """
        noun = _COUNTED.get(self.id.partition(":")[0], "")
        return f"{self.action} {noun}" if noun and self.action in {Action.CREATE, Action.REMOVE} else ""


_COUNTED = {
    "user": "user",
    "directory": "directory",
    "data": "data directory",
    "file": "file",
    "link": "link",
    "links": "link folder",
    "release": "release",
    "firewall": "firewall rule",
}


@dataclass(frozen=True)
class Obstacle:
    """Something in the way that kprov did not make, or that could not be read: the plan stops.

    adopt: the change that takes it over, where the user may choose that; None if there is no such choice.
    accept: likewise the change that continues with a data directory that is not as the receipt remembers it.
    """

    id: str
    what: str
    hint: str
    adopt: Change | None = None
    accept: Change | None = None


Verdict = Change | Obstacle | None


class Resource(Protocol):
    """A part of a host as it should be."""

    @property
    def id(self) -> str: ...

    def query(self) -> Call:
        """The probe's call, its first argument the id."""
        ...

    def compare(self, answer: Answer, was: Entry | None) -> Verdict:
        """What must change, what is in the way, or None. ``was`` is the receipt's entry."""
        ...

    def entry(self) -> Entry:
        """What the receipt records once it is as wanted."""
        ...


@dataclass(frozen=True)
class Removal:
    """How uninstall treats one entry of the receipt: removed, already gone, or kept and why."""

    change: Change | None = None
    obstacle: Obstacle | None = None
    kept: str = ""


def fingerprint(resources: Iterable[Resource]) -> str:
    """A hash of what these resources are wanted to be: what a service is started with."""
    digest = hashlib.sha256()
    for resource in sorted(resources, key=lambda item: item.id):
        entry = resource.entry()
        digest.update(repr((entry.kind, entry.id, sorted(entry.identity().items()))).encode())
    return digest.hexdigest()


# ------------------------------------------------------------------ what kinds say alike


REMOVED = "was removed"


def missing(answer: Answer) -> str:
    """The drift of something that was removed or cannot be read; empty if it is there."""
    match Presence.of(answer):
        case Presence.ABSENT:
            return REMOVED
        case Presence.UNKNOWN:
            return f"cannot be read: {answer.get('why', '')}"
        case Presence.PRESENT:
            return ""


def unknown(id_: str, title: str, answer: Answer) -> Obstacle | None:
    """The obstacle for something that could not be read; None if it could."""
    if Presence.of(answer) is not Presence.UNKNOWN:
        return None
    return Obstacle(id_, f"{title} cannot be read: {answer.get('why', '')}".rstrip(": "), "fix that and run this again")


def foreign(id_: str, title: str, adopt: Change | None = None) -> Obstacle:
    """The obstacle for something that kprov did not create."""
    choice = "use --adopt (uninstall restores it), or " if adopt else ""
    hint = f"find out what uses it, then {choice}move it away or remove it"
    return Obstacle(id_, f"{title} exists and was not created by kprov", hint, adopt)


def why_absent(was: Entry | None) -> str:
    """The reason to create something that is not there."""
    if was is None:
        return "new"
    return "not done: the previous run was interrupted" if was.pending else "it was removed"


def relabelled(id_: str, title: str, label: str, *calls: Call) -> Change | None:
    """The change that gives a resource its SELinux label again; None if it has it. The receipt's entry stays."""
    return Change(Action.UPDATE, id_, title, label, calls, quiet=True) if label else None


def remove(entry: Entry, title: str, *calls: Call) -> Removal:
    """The removal of something that kprov created."""
    return Removal(Change(Action.REMOVE, entry.id, title, "created by kprov", calls))


def give_back(entry: Entry, title: str, *calls: Call) -> Removal:
    """The removal that gives something back to whoever had it before kprov."""
    return Removal(Change(Action.RESTORE, entry.id, title, "it existed before kprov", calls))


def changed_since(entry: Entry, what: str) -> Removal:
    """The removal that stops because somebody changed what kprov made."""
    return Removal(obstacle=Obstacle(entry.id, what, "check it; --force removes it, and keeps a copy if it is a file"))


def unreadable(entry: Entry, answer: Answer) -> Removal | None:
    """The removal that stops because nobody knows what is there; None if that is known."""
    obstacle = unknown(entry.id, entry.id, answer)
    return Removal(obstacle=obstacle) if obstacle else None


def reload_for(path: str) -> tuple[Call, ...]:
    """What systemd must be told once a file has gone or come."""
    return (RELOAD,) if path.startswith("/etc/systemd/system/") else ()
