"""Users, releases, services and firewall ports."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from kprov.resources.base import (
    Action,
    Call,
    Change,
    Made,
    Obstacle,
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
    """A system user with a group of the same name, without a home and without a login shell.

    The receipt's ``joined`` is the gid of a group that existed before the user; ``group_made`` says that kprov created
    the group of a user that existed before.
    """

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
            return self._created(seen, was)
        if was is None:
            return self._adopted(seen)
        if seen.get("group", "kept") == "":
            reason = f"its group {self.name} was removed"
            before = {key: was[key] for key in ("adopted", "joined", "group_made") if was[key]}
            call: Call = ("add_group", self.name)
            return Change(Action.UPDATE, self.id, title, reason, (call,), made=self._entry(**before))
        return None

    def _entry(self, **fields: str) -> Made:
        return Made("user", self.id, {"name": self.name, **fields})

    def _created(self, seen: Seen, was: Made | None) -> Verdict:
        """The user is made, in a group of that name which may be there already: that stays when the user goes."""
        title = f"user {self.name}"
        change = Change(Action.CREATE, self.id, title, why_absent(was), (("add_user", self.name),), made=self.made())
        gid = _field(seen.get("group", ""), 2)
        if not gid or (was is not None and not was["joined"]):
            return change
        joins = replace(change, made=self._entry(joined=was["joined"] if was else gid))
        if was is not None:
            return joins
        reason = f"it joins the group {self.name}, which exists; uninstall leaves the group"
        return foreign(self.id, f"group {self.name}", replace(joins, action=Action.ADOPT, reason=reason))

    def _adopted(self, seen: Seen) -> Obstacle:
        """The obstacle of a user that others made; the group that files and services need may be missing."""
        title = f"user {self.name}"
        if _field(seen.get("entry", ""), 2) == "0":
            what = f"user {self.name} has uid 0: the service would run as root"
            return Obstacle(self.id, what, f"give {self.name} another uid, or remove that user")
        reason = "it is there and stays as it is; uninstall leaves it"
        calls: tuple[Call, ...] = (("keep_user", self.name),)
        entry = self._entry(adopted="yes")
        if seen.get("group", "kept") == "":
            reason += f"; the group {self.name}, which does not exist, is created and removed again"
            calls, entry = (*calls, ("add_group", self.name)), self._entry(adopted="yes", group_made="yes")
        return foreign(self.id, title, Change(Action.ADOPT, self.id, title, reason, calls, made=entry))


def _field(entry: str, number: int) -> str:
    """A field of a line of passwd or group, counted from 0; empty if there is none."""
    return next(iter(entry.split(":")[number : number + 1]), "")


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

    @property
    def drop_ins(self) -> tuple[str, ...]:
        """The drop-ins in force that kprov did not write; those that a distribution gives to all units are left out."""
        # Later versions put what has a space into quotes.
        paths = re.split(r" (?=[\"']?/)", self.properties.get("DropInPaths", "").strip())
        return tuple(path for path in (item.strip("'\"") for item in paths) if path and not _USUAL_DROP_IN.match(path))

    @property
    def open_files(self) -> int | None:
        """LimitNOFILE= as systemd has read it; the host may give less. None where systemd does not say."""
        return limit(self.properties.get("LimitNOFILE", ""))


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
    """What a unit's history and its main process tell beside its state.

    restarts: how often systemd has started it again by itself since somebody last started it; at least so often where
    the journal of this boot is cut off, None where neither systemd nor the journal tells. open_files: how many the main
    process may open; None where there is none, or it is not known.
    """

    restarts: int | None
    open_files: int | None

    @classmethod
    def of(cls, seen: Seen) -> Running:
        """Read the answer of probe_running."""
        return cls(_restarts(seen), limit(seen.get("open_files", "")))


def _restarts(seen: Seen) -> int | None:
    counted, messages = seen.get("restarts", ""), seen.get("messages", "")
    if counted.isdigit():
        return int(counted)
    if not messages:
        return None
    # Restarts in a row, each with its start, up to now: a start without one before it was asked for by somebody.
    row = re.search(r"(?:r+s?)*$", messages)
    return row[0].count("r") if row else 0


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
