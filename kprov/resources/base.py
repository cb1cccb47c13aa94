"""What every kind of resource has in common: what was seen, what was made, what would change.

A resource says which question the probe must ask (``query``), holds what came back against what is wanted
(``compare``), and what the receipt records of it (``made``). All of it is pure. A change carries the calls of
the remote library that carry it out, as argument lists; nothing here builds shell text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

Call = tuple[str, ...]
Seen = Mapping[str, str]  # the fields of the probe's answer; "status" is absent, present or unknown

ABSENT: Seen = {"status": "absent"}


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


@dataclass(frozen=True)
class Made:
    """One entry of the receipt: a resource that kprov made, as it left it.

    kind and id name it; fields are text (path, owner, group, mode, sha256, target ...).
    """

    kind: str
    id: str
    fields: Mapping[str, str]

    def __getitem__(self, key: str) -> str:
        return self.fields.get(key, "")


@dataclass(frozen=True)
class Upload:
    """An archive that a change needs on the host; ``size`` in bytes."""

    name: str
    sha256: str
    size: int
    source: Path

    @property
    def stored(self) -> str:
        """Its name on the host: another archive of the same name is another file."""
        return f"{self.sha256[:12]}-{self.name}"


@dataclass(frozen=True)
class Change:
    """One line of a plan.

    title: what a reader sees (``file /etc/...``); reason: why; diff: a unified diff, empty where none helps.
    calls: what carries it out, in order. content: bytes to be staged under their SHA-256 before.
    made: what the receipt holds afterwards; None takes the entry out in an uninstall and leaves it in an install.
    copies: further entries, of what was there before and is kept.
    disruptive: a running service must be stopped before, not restarted after. quiet: no service need notice, such as
    an owner or a mode that is put right.
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
    made: Made | None = None
    copies: tuple[Made, ...] = ()
    disruptive: bool = False
    quiet: bool = False
    gate: str = ""


@dataclass(frozen=True)
class Obstacle:
    """Something in the way that kprov did not make, or that could not be read: the plan stops.

    adopt: the change that takes it over, where the user may choose that; None where there is no such choice.
    accept: likewise the change that goes on with a data directory that is not as the receipt remembers it.
    """

    id: str
    what: str
    hint: str
    adopt: Change | None = None
    accept: Change | None = None


Verdict = Change | Obstacle | None

# What something foreign is called while kprov's own is in its place; the probe asks for the same name.
BEFORE = ".before-kprov"

# Fields of a release that help people and later runs, and make it no other release.
_DESCRIPTIVE = frozenset({"product", "version", "name", "top", "size"})


class Resource(Protocol):
    """A part of a host as it should be."""

    @property
    def id(self) -> str: ...

    def query(self) -> Call:
        """The probe's call, its first argument the id."""
        ...

    def compare(self, seen: Seen, was: Made | None) -> Verdict:
        """What must change, what is in the way, or None. ``was`` is the receipt's entry."""
        ...

    def made(self) -> Made:
        """What the receipt records once it is as wanted."""
        ...


@dataclass(frozen=True)
class Removal:
    """How uninstall treats one entry of the receipt: removed, already gone, or kept and why."""

    change: Change | None = None
    obstacle: Obstacle | None = None
    kept: str = ""


def unknown(id_: str, title: str, seen: Seen) -> Obstacle | None:
    """Unknown is a third state: neither there nor not there, so nothing may be built on it."""
    if seen.get("status") != "unknown":
        return None
    return Obstacle(id_, f"{title} cannot be read: {seen.get('why', '')}".rstrip(": "), "mend that and run this again")


def foreign(id_: str, title: str, adopt: Change | None = None) -> Obstacle:
    """The obstacle of something that kprov did not make."""
    choice = "take it over with --adopt, which keeps a way back; or " if adopt else ""
    hint = f"look whose it is; {choice}move it away or remove it"
    return Obstacle(id_, f"{title} is there and kprov did not make it", hint, adopt)


def in_the_way(create: Change, path: str, title: str, seen: Seen, was: Made | None) -> Verdict:
    """What to do about something foreign where a resource belongs; None if what is there is kprov's own.

    A run that was told to take it over and was interrupted has left an entry that says so: until the backup is
    there, what is seen is still the foreign thing.
    """
    aside = seen.get("backup") == "yes"
    if was is not None and (not was["foreign"] or aside):
        return None
    if aside:
        what = f"{path}{BEFORE} is there already, and {title} would be kept under that name"
        return Obstacle(create.id, what, "move it away or remove it")
    change = taken_over(create, path)
    return change if was is not None else foreign(create.id, title, change)


def taken_over(change: Change, *paths: str) -> Change:
    """The change that makes a resource where something foreign is: that is set aside, and uninstall puts it back."""
    backups = {path: f"{path}{BEFORE}" for path in paths}
    calls = tuple(("set_aside", path, backup) for path, backup in backups.items())
    copies = tuple(
        Made("original", f"original:{path}", {"path": backup, "of": path}) for path, backup in backups.items()
    )
    reason = f"what is there is kept as {', '.join(backups.values())}, and uninstall puts it back"
    return replace(
        change, action=Action.ADOPT, reason=reason, calls=(*calls, *change.calls), copies=copies, disruptive=True
    )


def kept_name(path: str, seen: Seen) -> str:
    """Where what somebody put in the place of kprov's own is kept: beside it, named by when it was changed (UTC)."""
    changed = datetime.fromtimestamp(int(seen.get("mtime") or 0), UTC)
    digest = f"-{seen['sha256'][:8]}" if "sha256" in seen else ""
    return f"{path}.edited-{changed:%Y%m%dT%H%M%SZ}{digest}"


def set_aside(change: Change, *paths: str, seen: Seen) -> Change:
    """The change that mends a resource in whose place somebody put something else: that is kept as a dated copy."""
    backups = {path: kept_name(path, seen) for path in paths}
    calls = tuple(("set_aside", path, backup) for path, backup in backups.items())
    copies = tuple(Made("copy", f"copy:{backup}", {"path": backup, "of": path}) for path, backup in backups.items())
    reason = f"it was replaced; what is there is kept as {', '.join(backups.values())}"
    return replace(change, action=Action.REPLACE, reason=reason, calls=(*calls, *change.calls), copies=copies)


def why_absent(was: Made | None) -> str:
    """Why something must be made that is not there."""
    if was is None:
        return "new"
    return "an interrupted run had not come to it" if was["pending"] else "it was removed"


def mode_of(seen: Seen) -> str:
    """The permission bits as four octal digits."""
    return seen.get("mode", "").rjust(4, "0")


def attributes_differ(seen: Seen, owner: str, group: str, mode: str) -> str:
    """What differs among owner, group, mode and SELinux label, in words; empty if nothing does."""
    parts = []
    if (seen.get("owner"), seen.get("group")) != (owner, group):
        parts.append(f"owner {seen.get('owner')}:{seen.get('group')} instead of {owner}:{group}")
    if mode_of(seen) != mode:
        parts.append(f"mode {mode_of(seen)} instead of {mode}")
    if "label" in seen:
        parts.append(seen["label"])
    return ", ".join(parts)


def relabelled(id_: str, title: str, seen: Seen, *calls: Call) -> Change | None:
    """The change that gives a resource its SELinux label again; None if it has it. The receipt's entry stays."""
    if "label" not in seen:
        return None
    return Change(Action.UPDATE, id_, title, seen["label"], calls, quiet=True)


def fingerprint(resources: Iterable[Resource]) -> str:
    """A hash of what these resources are wanted to be: what a service is started with."""
    digest = hashlib.sha256()
    for resource in sorted(resources, key=lambda item: item.id):
        made = resource.made()
        fields = {key: value for key, value in made.fields.items() if key not in _DESCRIPTIVE}
        digest.update(repr((made.kind, made.id, sorted(fields.items()))).encode())
    return digest.hexdigest()
