"""The plan for one host: the changes in order, the obstacles, and the state that it was made from. Pure.

The plan is the contract: kprov prints it, asks, and applies exactly this plan. Nothing that applies it reads options or
settings again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kprov.kinds.base import ABSENT, Answer, Call, Change, Entry, Obstacle
from kprov.kinds.directory import DirectoryEntry
from kprov.kinds.service import UnitState
from kprov.receipt import QUESTION, Receipt, State

# The fields of an answer that show that somebody changed something; sizes, times and counts change by themselves.
_TELLING = (
    *("status", "type", "owner", "group", "mode", "sha256", "target", "links", "replaced"),
    *("holds", "broker", "mount", "uuid"),
)
_TELLING_OF_UNITS = ("LoadState", "UnitFileState", "NeedDaemonReload", "FragmentPath")
_SETTLED = {"active", "inactive"}  # a unit that crashes passes through the other states by itself


@dataclass(frozen=True)
class Plan:
    """The plan for one host.

    changes: in order. obstacles: what stops the plan; empty if it can be applied. notes: for the operator. kept: what
    an uninstall leaves on the host, in words. lost: the operator's data and edits that an uninstall removes for good,
    in words. before, after: the receipt now, and after the last change. expects: the probe's questions and answers
    about everything that changes; the plan is valid only while the answers are the same.
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
        """Whether there is nothing to do; the receipt of an interrupted run must still be completed."""
        return not self.changes and self.before.state is not State.APPLYING


def expectations(
    changes: Sequence[Change], questions: Mapping[str, Call], seen: Mapping[str, Answer]
) -> tuple[tuple[Call, Answer], ...]:
    """The answers that the plan was made from, about everything that it changes and the data that its services use.

    An empty data directory is left out while a service runs: one that has just started fills it at any moment.
    """
    ids = dict.fromkeys(change.id for change in changes)
    if ids:
        runs = any(UnitState.of(answer).active for id_, answer in seen.items() if id_.startswith("service:"))
        ids |= dict.fromkeys(
            id_
            for id_ in questions
            if id_.startswith("data:") and not (runs and seen.get(id_, ABSENT).get("entries") == "0")
        )
    expected = [(questions[id_], seen.get(id_, ABSENT)) for id_ in ids if id_ in questions]
    if "receipt" in seen:
        expected.append((QUESTION, seen["receipt"]))
    return tuple(expected)


def differs(expected: Answer, now: Answer) -> bool:
    """Whether a plan was made from an answer that is no longer true."""
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
    """Whether an entry is a directory that contains one of these paths."""
    return isinstance(entry, DirectoryEntry) and above(entry.path, paths)


def above(folder: str, paths: Iterable[str]) -> bool:
    return any(path.startswith(f"{folder}/") for path in paths)
