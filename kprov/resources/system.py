"""Users, releases, services and firewall ports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from kprov.resources.base import (
    Action,
    Call,
    Change,
    Made,
    Seen,
    Upload,
    Verdict,
    foreign,
    in_the_way,
    relabelled,
    set_aside,
    unknown,
    why_absent,
)


@dataclass(frozen=True)
class User:
    """A system user with a group of the same name, without a home and without a login shell."""

    name: str

    @property
    def id(self) -> str:
        return f"user:{self.name}"

    def query(self) -> Call:
        return ("probe_user", self.id, self.name)

    def made(self) -> Made:
        return Made("user", self.id, {"name": self.name})

    def compare(self, seen: Seen, was: Made | None) -> Verdict:
        title = f"user {self.name}"
        if obstacle := unknown(self.id, title, seen):
            return obstacle
        if seen["status"] == "absent":
            reason = why_absent(was)
            return Change(Action.CREATE, self.id, title, reason, (("add_user", self.name),), made=self.made())
        if was is not None:
            return None
        entry = Made("user", self.id, {"name": self.name, "adopted": "yes"})
        reason = "it is there and stays as it is; uninstall leaves it"
        keep = (("keep_user", self.name),)
        return foreign(self.id, title, Change(Action.ADOPT, self.id, title, reason, keep, made=entry))


@dataclass(frozen=True)
class Release:
    """An unpacked archive: owned by root and never edited. Whole or not there, since it is renamed into place.

    label: product and version in words. top: the folder inside the archive; source: the archive on the operator's
    machine; size in bytes.
    """

    path: str
    product: str
    version: str
    label: str
    name: str
    sha256: str
    size: int
    top: str
    source: Path

    @property
    def id(self) -> str:
        return f"release:{self.path}"

    def query(self) -> Call:
        return ("probe_path", self.id, self.path)

    def made(self) -> Made:
        what = {"path": self.path, "label": self.label, "sha256": self.sha256}
        of = {"product": self.product, "version": self.version, "name": self.name, "top": self.top}
        return Made("release", self.id, {**what, **of, "size": str(self.size)})

    def compare(self, seen: Seen, was: Made | None) -> Verdict:
        title = f"release {self.path}"
        if obstacle := unknown(self.id, title, seen):
            return obstacle
        upload = Upload(self.name, self.sha256, self.size, self.source)
        change = Change(
            Action.CREATE,
            self.id,
            title,
            f"{self.label} from {self.name}",
            (("unpack_release", upload.stored, self.sha256, self.top, self.path),),
            upload=upload,
            made=self.made(),
            disruptive=True,
        )
        if seen["status"] == "absent":
            return change
        if verdict := in_the_way(change, self.path, title, seen, was):
            return verdict
        if was is None or seen.get("type") != "directory":
            return set_aside(change, self.path, seen=seen)
        # One with a "previous" was going to be replaced by a run that was interrupted, before or after it did.
        if was["sha256"] == self.sha256 and not was["previous"]:
            return relabelled(self.id, title, seen, ("label_tree", self.path))
        return replace(change, action=Action.REPLACE, reason=f"{self.name} is another archive")


@dataclass(frozen=True)
class Service:
    """A unit that is enabled and running with what it reads.

    reads: ids of the resources whose change it must be restarted for. fingerprint: a hash of these as they
    are wanted; the receipt holds the one that the service was last started with, so a run that was killed
    between a change and the restart is noticed. after: services that must be up before. once: an option of Java for
    the next start alone.
    """

    unit: str
    reads: frozenset[str]
    fingerprint: str
    after: tuple[str, ...] = ()
    once: str = ""

    @property
    def id(self) -> str:
        return f"service:{self.unit}"

    def call(self, verb: str) -> Call:
        """The call that starts or restarts it."""
        return ("with_option", self.unit, self.once, f"{verb}_unit") if self.once else (f"{verb}_unit", self.unit)

    def query(self) -> Call:
        return ("probe_unit", self.id, self.unit)

    def made(self) -> Made:
        return Made("service", self.id, {"unit": self.unit, "fingerprint": self.fingerprint})


@dataclass(frozen=True)
class UnitState:
    """What systemd says of a unit."""

    active: bool
    pid: int
    enabled: bool
    needs_reload: bool
    properties: Mapping[str, str]

    @classmethod
    def of(cls, seen: Seen) -> UnitState:
        """Read the answer of probe_unit; an absent unit is inactive and disabled."""
        shown = dict(line.partition("=")[::2] for line in seen.get("show", "").splitlines())
        pid = shown.get("MainPID", "0")
        return cls(
            active=shown.get("ActiveState") in {"active", "reloading"},
            pid=int(pid) if pid.isdigit() else 0,
            enabled=shown.get("UnitFileState", "") in {"enabled", "enabled-runtime"},
            needs_reload=shown.get("NeedDaemonReload") == "yes",
            properties=shown,
        )


# Whether a port is let through from the next reload on, and at once: what is recorded of an opened port.
PERMANENT, NOW = "permanent", "now"


@dataclass(frozen=True)
class FirewallPort:
    """A port that firewalld lets through in one zone; one that was open there before stays its owner's.

    zone: empty for the default one, as an earlier kprov recorded it. Where the owner had opened it now or
    permanently, but not both, only the other half is opened, and closed later.
    """

    port: int
    zone: str = ""
    protocol: str = "tcp"

    @property
    def id(self) -> str:
        return f"firewall:{self._port}"

    @property
    def _port(self) -> str:
        return f"{self.port}/{self.protocol}"

    def query(self) -> Call:
        return ("probe_firewall", self.id, self._port, self.zone)

    def made(self) -> Made:
        return self._made(PERMANENT + NOW)

    def _made(self, how: str) -> Made:
        return Made("firewall", self.id, {"port": self._port, "zone": self.zone, "how": how})

    def compare(self, seen: Seen, was: Made | None) -> Verdict:
        title = f"firewall port {self._port}" + (f" in zone {self.zone}" if self.zone else "")
        if obstacle := unknown(self.id, title, seen):
            return obstacle
        if was is not None and was["zone"] != self.zone and was["zone"]:
            close: Call = ("close_port", was["port"], was["zone"], was["how"] or PERMANENT + NOW)
            reason = f"the host is reached through that zone now, not through {was['zone']}"
            how = self._missing(seen)
            calls = (close, ("open_port", self._port, self.zone, how)) if how else (close,)
            return Change(Action.UPDATE, self.id, title, reason, calls, made=self._made(how))
        how = self._missing(seen)
        if not how:
            return None
        reason = "it was closed" if was else "clients must reach it"
        call: Call = ("open_port", self._port, self.zone, how)
        return Change(Action.CREATE, self.id, title, reason, (call,), made=self._made(PERMANENT + NOW if was else how))

    def _missing(self, seen: Seen) -> str:
        """What is not open yet, of the two."""
        if seen["status"] == "absent":
            return PERMANENT + NOW
        permanent = PERMANENT if seen.get("permanent") == "no" else ""
        return permanent + (NOW if seen.get("now") == "no" else "")
