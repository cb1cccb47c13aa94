"""Whether a host serves, why not, and what to do next. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from kprov.drift import Drift
from kprov.kinds.base import ABSENT, Answer, Entry
from kprov.kinds.path import CopyEntry, OriginalEntry
from kprov.kinds.port import PortEntry
from kprov.kinds.service import ServiceEntry
from kprov.operations.unit_status import UnitStatus
from kprov.receipt import Receipt


class HostState(StrEnum):
    """What status says first. Serving: every unit runs, and its main process is bound to each of its ports."""

    SERVING = "serving"
    NOT_SERVING = "not serving"
    NOT_INSTALLED = "not installed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Parts:
    """How many parts of what the receipt lists are on the host."""

    there: int
    count: int


@dataclass(frozen=True)
class HostVerdict:
    """reasons: sentences without a full stop, the most important first. advice: what to do about them.

    next: the kprov command that helps most, without its host; empty if none does.
    """

    state: HostState
    reasons: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()
    next: str = ""


def parts(receipt: Receipt, seen: Mapping[str, Answer]) -> Parts:
    """The parts that kprov created or was about to create, without adopted and kept ones."""
    entries = [made for made in receipt.made.values() if _is_part(made)]
    return Parts(sum(_is_there(made, seen.get(made.id, ABSENT)) for made in entries), len(entries))


def _is_part(entry: Entry) -> bool:
    own = not isinstance(entry, CopyEntry | OriginalEntry | ServiceEntry | PortEntry)
    return own and not (entry.kept or entry.adopted_as_it_was)


def _is_there(made: Entry, seen: Answer) -> bool:
    """Whether kprov created it: a file that a run was about to replace belongs to its owner until it is set aside."""
    if made.pending and made.foreign and seen.get("backup") != "yes":
        return False
    return seen.get("status") == "present"


def verdict(
    *, interrupted: bool, busy: bool, found: Parts, units: Sequence[UnitStatus], drift: Sequence[Drift]
) -> HostVerdict:
    """The verdict on a host whose receipt lists an installation.

    interrupted: whether the last run did not finish; busy: whether a run has the lock now.
    """
    reasons = tuple(unit.reason for unit in units if unit.reason)
    advice = _advice(units)
    if interrupted:
        reasons = (_interruption(found, busy=busy), *reasons)
    if interrupted and any(unit.active == "missing" for unit in units):
        how = () if busy else ("complete it: kprov install HOST", "or remove what is there: kprov uninstall HOST")
        return HostVerdict(HostState.NOT_INSTALLED, reasons[:1], how, "" if busy else "install")
    if all(unit.serving for unit in units):
        state = HostState.SERVING
    else:
        known = any(unit.reason and unit.active != "unknown" for unit in units)
        state = HostState.NOT_SERVING if known else HostState.UNKNOWN
    following = "" if busy else "install" if interrupted else _next(units, drift)
    return HostVerdict(state, reasons, advice, following)


def _interruption(found: Parts, *, busy: bool) -> str:
    if busy:
        return f"a run of kprov is at work on the host now: {found.there} of {found.count} parts are there"
    if found.there == 0:
        return "the installation was only planned: the last run was interrupted before it made anything"
    if found.there < found.count:
        return f"the last run was interrupted: {found.there} of {found.count} parts are there"
    return "the last run was interrupted before it had checked what it made"


def _advice(units: Sequence[UnitStatus]) -> tuple[str, ...]:
    held = ["stop the process that holds the port, or choose another port"] if any(u.holders for u in units) else []
    told = [f"{unit.unit}: {unit.advice}" for unit in units if unit.advice]
    others = [
        f"{unit.unit} has drop-ins that kprov did not write: {', '.join(unit.drop_ins)}"
        for unit in units
        if unit.failing and unit.drop_ins
    ]
    return (*held, *told, *others)


def _next(units: Sequence[UnitStatus], drift: Sequence[Drift]) -> str:
    if drift or any(unit.active == "missing" for unit in units):
        return "plan"
    if any(unit.failing for unit in units):
        return "logs"
    return "start" if any(unit.stopped for unit in units) else ""
