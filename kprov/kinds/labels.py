"""SELinux's labels of what kprov made: which ones are not what the policy gives to their paths. Pure.

``restorecon -n -v`` is the judge: what it would change is what an install repairs. So a context that the administrator
has set with ``semanage fcontext`` is the right one, and a type that the policy lists as customizable stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch

from kprov.kinds.base import ABSENT, Answer, Call, Entry, PathEntry
from kprov.kinds.path import CopyEntry, OriginalEntry

ID = "labels"
# policycoreutils 2.5 of EL7, which names no context of a file that has none; then 2.7 and later.
_FORMATS = (
    re.compile(r"\S*restorecon reset (?P<path>/.*) context (?P<old>\S*)->(?P<new>\S+)"),
    re.compile(r"Would relabel (?P<path>/.*) from (?P<old>\S+|<no context>) to (?P<new>\S+)"),
)


@dataclass(frozen=True)
class WrongLabel:
    """A path as restorecon names it, its context, empty for none, and the one that the policy gives to it."""

    path: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"label {context_type(self.old) or 'none'} instead of {context_type(self.new)}"


def question(entries: Iterable[Entry]) -> Call | None:
    """The probe's call for these entries of a receipt; None if no label of theirs is kprov's to look at.

    Data that an uninstall kept are their owner's.
    """
    ids = [entry.id for entry in entries if is_own(entry) and not entry.kept]
    return ("probe_labels", ID, *ids) if ids else None


def is_own(entry: Entry) -> bool:
    """Whether it lies at a path and is kprov's own: what is kept of others has their labels."""
    return isinstance(entry, PathEntry) and not isinstance(entry, CopyEntry | OriginalEntry)


def wrong_labels(said: str) -> Iterator[WrongLabel]:
    """What ``restorecon -n -v`` would change; its other lines are left out."""
    for line in said.splitlines():
        match = next((found for found in (form.fullmatch(line) for form in _FORMATS) if found), None)
        if match:
            old = match["old"]
            yield WrongLabel(match["path"], "" if old == "<no context>" else old, match["new"])


def with_labels(seen: Mapping[str, Answer]) -> dict[str, Answer]:
    """The answers of a probe, those about resources with a wrong label with a ``label`` that says so in words."""
    answer = seen.get(ID, ABSENT)
    real = dict(line.split("\t", 1) for line in answer.get("real", "").splitlines())
    found: dict[str, list[WrongLabel]] = {}
    for wrong in dict.fromkeys(wrong_labels(answer.get("said", ""))):  # EL7 names the target of a link again
        if owner := _owner(wrong.path, real):
            found.setdefault(owner, []).append(wrong)
    words = {id_: _words(wrong, real[id_]) for id_, wrong in found.items()}
    return {id_: {**fields, "label": words[id_]} if id_ in words else fields for id_, fields in seen.items()}


def uncompared(seen: Mapping[str, Answer]) -> str:
    """Why the labels could not be compared, where SELinux is on; empty if they were, or if it is off."""
    answer = seen.get(ID, ABSENT)
    return answer.get("why", "no answer") if answer["status"] == "unknown" else ""


def _owner(path: str, real: Mapping[str, str]) -> str:
    """The resource that a path belongs to; empty for somebody else's: EL7's restorecon follows links, too."""
    exact = (id_ for id_, place in real.items() if path == place)
    around = (id_ for id_, place in real.items() if _inside(path, id_.partition(":")[0], place))
    return next(exact, "") or next(around, "")


def _inside(path: str, kind: str, place: str) -> bool:
    """Whether a path is in a release, or is a folder of links or one of its links; ``place`` ends in their pattern."""
    if kind == "links":
        return f"{path}/" == _folder(place) or ("/" not in path.removeprefix(_folder(place)) and fnmatch(path, place))
    return kind == "release" and path.startswith(f"{place}/")


def _folder(place: str) -> str:
    return f"{place.rpartition('/')[0]}/"


def _words(wrong: Sequence[WrongLabel], place: str) -> str:
    first = wrong[0]
    where = "" if first.path == place else f" at {first.path}"
    return f"{first}{where}" + (f" and {len(wrong) - 1} more" if len(wrong) > 1 else "")


def context_type(context: str) -> str:
    """The type in a context, USER:ROLE:TYPE[:RANGE]."""
    return [*context.split(":"), "", "", ""][2]
