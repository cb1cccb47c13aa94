"""What will be done to one host: changes in order, what is in their way, and what they were made from.

Pure. The plan is the contract: it is printed, agreed to and carried out as it stands; nothing that executes
it reads flags or specifications again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kprov.kinds.base import ABSENT, Answer, Call, Change, Entry, Obstacle
from kprov.kinds.directory import DirectoryEntry
from kprov.kinds.service import UnitState
from kprov.receipt import QUESTION, Receipt, State

# What of an answer tells that somebody changed something; sizes, times and counts change by themselves.
_TELLING = (
    *("status", "type", "owner", "group", "mode", "sha256", "target", "links", "replaced"),
    *("holds", "broker", "mount", "uuid"),
)
_TELLING_OF_UNITS = ("LoadState", "UnitFileState", "NeedDaemonReload", "FragmentPath")
_SETTLED = {"active", "inactive"}  # what a unit does not leave by itself; one that crashes goes through the others


@dataclass(frozen=True)
class Plan:
    """What will be done to one host.

    changes: in order; obstacles: what stops it, empty if it can be carried out; notes: what the user should
    know; kept: what an uninstall leaves, in words; before and after: the receipt now and when all is done.
    lost: what of the user's an uninstall removes for good, in words. expects: what was seen of everything that
    changes, by the question that was asked: the plan fits the host only while it is so.
    """

    host: str
    changes: tuple[Change, ...]
    obstacles: tuple[Obstacle, ...] = ()
    notes: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    before: Receipt = Receipt()  # noqa: RUF009 (frozen)
    after: Receipt = Receipt()  # noqa: RUF009 (frozen)
    expects: tuple[tuple[Call, Answer], ...] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing is to be done, not even to the receipt of an interrupted run."""
        return not self.changes and self.before.state is not State.APPLYING


def expectations(
    changes: Sequence[Change], questions: Mapping[str, Call], seen: Mapping[str, Answer]
) -> tuple[tuple[Call, Answer], ...]:
    """What the plan was made from, for everything that it changes, and for the data that its services will use."""
    ids = dict.fromkeys(change.id for change in changes)
    if ids:
        ids |= dict.fromkeys(id_ for id_ in questions if id_.startswith("data:"))
    expected = [(questions[id_], seen.get(id_, ABSENT)) for id_ in ids if id_ in questions]
    if "receipt" in seen:
        expected.append((QUESTION, seen["receipt"]))
    return tuple(expected)


def differs(expected: Answer, now: Answer) -> bool:
    """Whether what is there now is not what a plan was made from."""
    if [expected.get(key) for key in _TELLING] != [now.get(key) for key in _TELLING]:
        return True
    if (expected.get("entries") == "0") != (now.get("entries") == "0"):
        return True
    before, after = UnitState.of(expected), UnitState.of(now)
    if {before.word, after.word} == _SETTLED:
        return True
    return [before.properties.get(key) for key in _TELLING_OF_UNITS] != [
        after.properties.get(key) for key in _TELLING_OF_UNITS
    ]


def holds(entry: Entry, paths: Iterable[str]) -> bool:
    """Whether an entry is a directory with one of these paths in it."""
    return isinstance(entry, DirectoryEntry) and above(entry.path, paths)


def above(folder: str, paths: Iterable[str]) -> bool:
    return any(path.startswith(f"{folder}/") for path in paths)
