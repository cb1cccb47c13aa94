"""Services: units that are enabled and running with what they read."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from kprov.kinds.base import RELOAD, Action, Answer, Call, Change, Entry, Presence, Removal, of_kind, remove, unreadable


class Before(StrEnum):
    """How somebody else's unit of that name was before kprov."""

    ENABLED = "enabled"
    DISABLED = "disabled"


def service_id(unit: str) -> str:
    """The id of a unit in plans, probes and receipts."""
    return f"service:{unit}"


@dataclass(frozen=True)
class Service:
    """A unit that is enabled and running with what it reads.

    user: the system user that it runs as. reads: ids of the resources whose change it must be restarted for.
    fingerprint: a hash of these as they are wanted; the receipt holds the one that the service was last started with,
    so a run that was killed between a change and the restart is noticed. after: services that must be up before.
    once: an option of Java for the next start alone.
    """

    unit: str
    user: str
    reads: frozenset[str]
    fingerprint: str
    after: tuple[str, ...] = ()
    once: str = ""

    @property
    def id(self) -> str:
        return service_id(self.unit)

    def call(self, verb: str) -> Call:
        """The call that starts or restarts it."""
        return ("with_option", self.unit, self.once, f"{verb}_unit") if self.once else (f"{verb}_unit", self.unit)

    def query(self) -> Call:
        return ("probe_unit", self.id, self.unit)

    def entry(self) -> ServiceEntry:
        return ServiceEntry(self.unit, self.fingerprint)


@dataclass(frozen=True)
class UnitState:
    """What systemd says of a unit; fragment: the path of its file, empty if it has none."""

    presence: Presence
    why: str
    active: bool
    pid: int
    enabled: bool
    needs_reload: bool
    properties: Mapping[str, str]

    @classmethod
    def of(cls, answer: Answer) -> UnitState:
        """Read the answer of probe_unit; an absent unit is inactive and disabled."""
        shown = dict(line.partition("=")[::2] for line in answer.get("show", "").splitlines())
        pid = shown.get("MainPID", "0")
        return cls(
            presence=Presence.of(answer),
            why=answer.get("why", ""),
            active=shown.get("ActiveState") in {"active", "reloading"},
            pid=int(pid) if pid.isdigit() else 0,
            enabled=shown.get("UnitFileState", "") in {"enabled", "enabled-runtime"},
            needs_reload=shown.get("NeedDaemonReload") == "yes",
            properties=shown,
        )

    @property
    def word(self) -> str:
        """systemd's own word for the state, such as ``failed``."""
        return self.properties.get("ActiveState", "not there")

    @property
    def fragment(self) -> str:
        return self.properties.get("FragmentPath", "")

    @property
    def drop_ins(self) -> tuple[str, ...]:
        """The drop-ins in force that kprov did not write; those that a distribution gives to all units are left out."""
        # Later versions put what has a space into quotes.
        paths = re.split(r" (?=[\"']?/)", self.properties.get("DropInPaths", "").strip())
        return tuple(path for path in (item.strip("'\"") for item in paths) if path and not _USUAL_DROP_IN.match(path))

    @property
    def open_files(self) -> int | None:
        """LimitNOFILE= as systemd has read it; the host may give less. None if systemd does not say."""
        return limit(self.properties.get("LimitNOFILE", ""))

    @property
    def down(self) -> bool:
        """Whether the unit exists and does not run."""
        return self.presence is Presence.PRESENT and not self.active


_USUAL_DROP_IN = re.compile(
    r"/(?:etc|run)/systemd/system/[^/]+\.service\.d/kprov-[^/]*\.conf$|/(?:usr/)?lib/systemd/system/service\.d/"
)


def limit(text: str) -> int | None:
    """A resource limit as systemd or /proc/PID/limits writes it; None for anything else."""
    if text in {"infinity", "unlimited", str(2**64 - 1)}:
        return sys.maxsize
    return int(text) if text.isdigit() else None


@dataclass(frozen=True)
class Running:
    """What a unit's history and its main process show beside its state.

    restarts: how often systemd has restarted it by itself since somebody last started it; a lower bound where the
    journal of this boot is cut off, None if neither systemd nor the journal shows it. open_files: how many the main
    process may open; None if there is none, or it is not known.
    """

    restarts: int | None
    open_files: int | None

    @classmethod
    def of(cls, answer: Answer) -> Running:
        """Read the answer of probe_running."""
        return cls(_restarts(answer), limit(answer.get("open_files", "")))


def _restarts(answer: Answer) -> int | None:
    counted, messages = answer.get("restarts", ""), answer.get("messages", "")
    if counted.isdigit():
        return int(counted)
    if not messages:
        return None
    # Restarts in a row, each with its start, up to now: a start without one before it came from somebody.
    row = re.search(r"(?:r+s?)*$", messages)
    return row[0].count("r") if row else 0


@dataclass(frozen=True)
class ServiceEntry(Entry):
    """A service with the fingerprint of what it was last started with, empty if it is not known to run with that.

    adopted: how somebody else's unit of that name was before kprov; None if there was none.
    """

    kind = "service"
    unit: str
    fingerprint: str
    adopted: Before | None = None

    @property
    def id(self) -> str:
        return service_id(self.unit)

    @property
    def adopted_as_it_was(self) -> bool:
        return self.adopted is not None

    def query(self) -> Call:
        return ("probe_unit", self.id, self.unit)

    def intended(self, before: Entry | None, *, gated: bool, takes_over: bool) -> Entry:
        """Not started with the new files yet.

        One that is started with the old ones is not known to be ready before its gate: it may hang, and the next run
        must not take it for right.
        """
        del takes_over
        was = of_kind(before, ServiceEntry)
        if was is None or (gated and was.fingerprint == self.fingerprint):
            return replace(self, pending=True, fingerprint="")
        return was

    def staying(self, was: Entry | None, answer: Answer) -> ServiceEntry:
        del answer
        made = of_kind(was, ServiceEntry)
        return replace(self, adopted=made.adopted) if made and made.adopted else self

    def drift(self, answer: Answer) -> Iterator[str]:
        state = UnitState.of(answer)
        if state.presence is Presence.UNKNOWN:
            yield f"cannot be read: {state.why}"
            return
        # One that is stopped has not drifted: somebody may have stopped it, and status says so before anything else.
        if not state.enabled:
            yield "is not enabled"
        if state.needs_reload:
            yield "has a unit file or drop-in that was changed without a daemon-reload"

    def removal(self, answer: Answer, *, purge: bool, force: bool) -> Removal:
        del purge, force
        if Presence.of(answer) is Presence.ABSENT:
            return Removal()
        if stop := unreadable(self, answer):
            return stop
        state = UnitState.of(answer)
        calls: list[Call] = []
        if state.active or state.word not in {"inactive", "failed"}:
            calls.append(("stop_unit", self.unit))
        if state.enabled:
            calls.append(("disable_unit", self.unit))
        if state.needs_reload:  # a killed uninstall had already removed its file
            calls.append(RELOAD)
        return remove(self, f"service {self.unit}", *calls) if calls else Removal()

    def enabled_again(self) -> Change:
        """What gives somebody else's unit back."""
        calls = (("reload_units",), ("enable_unit", self.unit))
        return Change(Action.RESTORE, self.id, f"service {self.unit}", "it was enabled before kprov", calls)
