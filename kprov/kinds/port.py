"""Ports that firewalld lets through."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kprov.kinds.base import Action, Answer, Call, Change, Entry, Presence, Removal, Verdict, of_kind, remove, unknown

# How the remote library writes which halves of a rule are meant.
_PERMANENT, _NOW = "permanent", "now"


@dataclass(frozen=True)
class Halves:
    """Of an opened port: whether it is let through from the next reload on (permanent), and at once (now)."""

    permanent: bool = True
    now: bool = True

    def __bool__(self) -> bool:
        return self.permanent or self.now

    @property
    def word(self) -> str:
        """As the remote library takes it."""
        return (_PERMANENT if self.permanent else "") + (_NOW if self.now else "")


BOTH = Halves()


@dataclass(frozen=True)
class PortSeen:
    """What ``probe_firewall`` saw; closed: the halves that are not open. running: False where firewalld is stopped."""

    presence: Presence
    why: str
    running: bool
    closed: Halves

    @classmethod
    def of(cls, answer: Answer) -> PortSeen:
        presence = Presence.of(answer)
        absent = presence is Presence.ABSENT
        closed = Halves(absent or answer.get("permanent") == "no", absent or answer.get("now") == "no")
        return cls(presence, answer.get("why", ""), answer.get("running") != "no", closed)


def _from(source: str) -> str:
    return f" from {source}" if source else ""


def _words(source: str) -> tuple[str, ...]:
    """The source as a further argument; none for a rule for everybody."""
    return (source,) if source else ()


@dataclass(frozen=True)
class FirewallPort:
    """A port that firewalld lets through in one zone; one that was open there before stays its owner's.

    zone: empty for the default one, as an earlier kprov recorded it. Where the owner had opened it now or
    permanently, but not both, only the other half is opened, and closed later. source: the only address that may
    connect; empty for all.
    """

    port: int
    zone: str = ""
    protocol: str = "tcp"
    source: str = ""

    @property
    def id(self) -> str:
        return f"firewall:{self.name}{_from(self.source)}"

    @property
    def name(self) -> str:
        return f"{self.port}/{self.protocol}"

    def query(self) -> Call:
        return ("probe_firewall", self.id, self.name, self.zone, *_words(self.source))

    def entry(self) -> PortEntry:
        return self._entry(BOTH)

    def _entry(self, opened: Halves) -> PortEntry:
        return PortEntry(self.name, self.zone, opened, self.source)

    def compare(self, answer: Answer, was: Entry | None) -> Verdict:
        title = f"firewall port {self.name}{_from(self.source)}" + (f" in zone {self.zone}" if self.zone else "")
        source = _words(self.source)
        if obstacle := unknown(self.id, title, answer):
            return obstacle
        made, missing = of_kind(was, PortEntry), PortSeen.of(answer).closed
        if made is not None and made.zone != self.zone and made.zone:
            close: Call = ("close_port", made.port, made.zone, made.opened.word, *source)
            reason = f"the host is reached through that zone now, not through {made.zone}"
            calls = (close, ("open_port", self.name, self.zone, missing.word, *source)) if missing else (close,)
            return Change(Action.UPDATE, self.id, title, reason, calls, entry=self._entry(missing))
        if not missing:
            return None
        reason = "it was closed" if made else f"{'that node' if self.source else 'clients'} must reach it"
        call: Call = ("open_port", self.name, self.zone, missing.word, *source)
        entry = self._entry(BOTH if made else missing)
        return Change(Action.CREATE, self.id, title, reason, (call,), entry=entry)


@dataclass(frozen=True)
class PortEntry(Entry):
    """A port that kprov opened, in which zone, and which halves of its rule: none where it was open already.

    source: as in ``FirewallPort``.
    """

    kind = "firewall"
    port: str
    zone: str
    opened: Halves = BOTH
    source: str = ""

    @property
    def id(self) -> str:
        return f"{self.kind}:{self.port}{_from(self.source)}"

    def query(self) -> Call:
        return ("probe_firewall", self.id, self.port, self.zone, *_words(self.source))

    def resource(self) -> FirewallPort:
        number, _, protocol = self.port.partition("/")
        return FirewallPort(int(number), self.zone, protocol, self.source)

    def staying(self, was: Entry | None, answer: Answer) -> PortEntry:
        del answer
        # Only the entry before knows in which zone it was opened, and how much of it was closed.
        return of_kind(was, PortEntry) or self

    def drift(self, answer: Answer) -> Iterator[str]:
        seen = PortSeen.of(answer)
        if seen.presence is Presence.UNKNOWN:
            if seen.running:
                yield f"cannot be read: {seen.why}"
        elif seen.closed:
            yield "was closed"

    def removal(self, answer: Answer, *, purge: bool, force: bool) -> Removal:
        del purge, force
        presence = Presence.of(answer)
        if presence is Presence.ABSENT:
            return Removal()
        if presence is Presence.UNKNOWN:
            return Removal(kept="firewalld is not running, so its port stays as it is")
        title = f"firewall port {self.port}{_from(self.source)}" + (f" in zone {self.zone}" if self.zone else "")
        return remove(self, title, ("close_port", self.port, self.zone, self.opened.word, *_words(self.source)))
