"""The receipt: the record of what kprov created on a host, kept there, so that any operator's machine can continue.

It is JSON in /var/lib/kprov/receipt.json, readable by root only; docs/receipt.md describes format 4. kprov reads older
formats, and writes format 4 at the next change.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from kprov import __version__
from kprov.errors import PreflightError
from kprov.kinds import entry_of
from kprov.kinds.base import Entry
from kprov.kinds.release import ReleaseEntry

FORMAT = 4
# Before a directory that replaces an archive's path in ``spec``: the release from that archive is in this directory.
ON_HOST = "release:"
PATH = "/var/lib/kprov/receipt.json"
# The probe's question for it.
QUESTION = ("probe_receipt", "receipt")


class State(StrEnum):
    """How far the last run got: applying from before the first change until after the last, then unproven until a
    smoke test has passed, then done.
    """

    APPLYING = "applying"
    UNPROVEN = "unproven"
    DONE = "done"


@dataclass(frozen=True)
class Receipt:
    """The contents of a receipt.

    made: the entries by id, in order of creation. spec: the settings, as the tree of kprov.yaml; None after an
    uninstall that kept data, when the receipt lists only what was kept. releases: versions by product. ignored: names
    of checks that --ignore kept from stopping the run.
    last: ``spec`` and ``releases`` with which the services last ran, if they differ from the ones above: during a run,
    after one that failed, and after an uninstall that kept data. Its ``archives`` has the name and SHA-256 of each
    archive that the operator named, by the directory of its release.
    address: which of the hosts in ``spec`` this one is; empty in older receipts, which know one host.
    kprov, written, by: the version of kprov that wrote it, when (UTC, ISO 8601), and who from where; empty until it is
    written. restored: whether this is the previous receipt, because the newer one is truncated.
    """

    made: Mapping[str, Entry] = field(default_factory=dict)
    state: State = State.DONE
    spec: Mapping[str, Any] | None = None
    releases: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    last: Mapping[str, Any] | None = None
    address: str = ""
    kprov: str = field(default="", compare=False)
    written: str = field(default="", compare=False)
    by: str = field(default="", compare=False)
    restored: bool = field(default=False, compare=False)

    @property
    def ran(self) -> Mapping[str, Any] | None:
        """``spec`` and ``releases`` with which the services last ran; None if none has run yet."""
        if self.spec is None or self.state is State.APPLYING:
            return self.last
        return self.installed

    @property
    def fresh(self) -> bool:
        """Whether the next run is a first install: no run has got to its end yet, or everything was removed since."""
        return self.spec is None or self.ran is None

    @property
    def members(self) -> tuple[str, ...]:
        """The addresses of the hosts of its cluster; after an uninstall that kept data, of the one that was."""
        spec = self.spec if self.spec is not None else (self.last or {}).get("spec")
        return tuple(host["address"] for host in (spec or {}).get("hosts", ()))

    @property
    def installed(self) -> Mapping[str, Any] | None:
        """``spec`` and ``releases`` of this receipt, with the archives that the operator named."""
        if self.spec is None:
            return None
        parts = [self.spec.get(part, {}).get("archive", "") for part in ("kafka", "zookeeper", "java")]
        paths = [path.removeprefix(ON_HOST) for path in parts if path.startswith(ON_HOST)]
        releases = [entry for entry in self.made.values() if isinstance(entry, ReleaseEntry) and entry.path in paths]
        archives = {entry.path: {"name": entry.name, "sha256": entry.sha256} for entry in releases}
        return {"spec": self.spec, "releases": dict(self.releases), **({"archives": archives} if archives else {})}

    def to_json(self, by: str = "") -> str:
        """The text of the file, if it is written now; by: who writes it, as ``user@machine``."""
        document = {
            "format": FORMAT,
            "kprov": __version__,
            "written": datetime.now(UTC).isoformat(timespec="seconds"),
            "by": by,
            "state": self.state,
            "spec": self.spec,
            "releases": dict(self.releases),
            "ignored": list(self.ignored),
            **({"last": dict(self.last)} if self.last is not None else {}),
            "address": self.address,
            "made": [entry.to_json() for entry in self.made.values()],
        }
        return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def parse(text: str, host: str) -> Receipt:
    """Read a receipt of this or an older format.

    Raises PreflightError if it is damaged, or written by a newer kprov.
    """
    hint = f"fix {PATH} on the host, or replace it with a good copy"
    try:
        document = json.loads(text)
        number = document["format"]
        if number not in {FORMAT, *_MIGRATIONS}:
            raise PreflightError(
                f"the receipt has format {number}; this kprov supports formats up to {FORMAT}",
                where=host,
                cause=f"written by kprov {document.get('kprov')}",
                hint="use that version of kprov, or a newer one",
            )
        for step in range(number, FORMAT):
            document = _MIGRATIONS[step](document)
        return Receipt(
            index(entry_of(entry) for entry in document["made"]),
            State(document["state"]),
            document["spec"],
            document["releases"],
            tuple(document["ignored"]),
            _last(document.get("last")),
            document["address"],
            document["kprov"],
            document["written"],
            document["by"],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise PreflightError("the receipt is damaged", where=f"{host}:{PATH}", cause=repr(error), hint=hint) from None


def _last(given: Any) -> Mapping[str, Any] | None:
    """The value of ``last``; raises KeyError or TypeError if it is damaged."""
    if given is not None and not (isinstance(given["spec"], dict) and isinstance(given["releases"], dict)):
        raise TypeError("last")
    return given  # type: ignore[no-any-return]


def index(entries: Iterable[Entry]) -> dict[str, Entry]:
    """Entries by id, in order."""
    return {entry.id: entry for entry in entries}


def _from_1(document: dict[str, Any]) -> dict[str, Any]:
    """Format 1 had fewer fields of a release, no writer, and one operator's logins and paths of archives."""
    made = []
    for entry in document["made"]:
        if entry["kind"] == "release":
            label, _, version = entry["label"].rpartition(" ")
            top = entry["path"].rpartition("/")[2]
            entry = {**entry, "product": label.lower(), "version": version, "top": top}  # noqa: PLW2901
        made.append(entry)
    spec = document["spec"]
    if spec is not None:
        parts = {
            key: {name: value for name, value in part.items() if name != "archive"} if isinstance(part, dict) else part
            for key, part in spec.items()
        }
        hosts = [{key: value for key, value in host.items() if key != "ssh"} for host in parts.get("hosts", [])]
        spec = parts | ({"hosts": hosts} if hosts else {})
    written = {"written": document.get("written", ""), "kprov": document.get("kprov", ""), "by": ""}
    return {**document, **written, "format": 2, "spec": spec, "ignored": [], "made": made}


def _from_2(document: dict[str, Any]) -> dict[str, Any]:
    """In format 2 every field was a text, and each entry had its id as well."""
    return {**document, "format": 3, "made": [_typed(entry) for entry in document["made"]]}


def _from_3(document: dict[str, Any]) -> dict[str, Any]:
    """In format 3 ``spec`` had only the host itself."""
    return {**document, "format": 4, "address": ""}


def _typed(entry: Mapping[str, str]) -> dict[str, Any]:
    """An entry of format 2 with the fields of format 3 and later."""
    kind = entry["kind"]
    fields: dict[str, Any] = {key: value for key, value in entry.items() if key != "id"}
    for key in ("pending", "foreign", "kept", "filled", "group_made"):
        if key in fields:
            fields[key] = fields[key] == "yes"
    if "previous" in fields:
        fields["previous"] = fields["previous"].split()
    if not fields.get("adopted", "absent"):
        del fields["adopted"]
    match kind:
        case "directory" | "data":
            if "adopted" in fields:
                fields["adopted"] = dict(zip(("uid", "gid", "mode"), fields["adopted"].split(":"), strict=True))
            if kind == "directory" and "holds" in fields:
                fields["purpose"] = fields.pop("holds")
            lies = {key: fields.pop(key) for key in ("mount", "inside", "fstype", "device", "uuid") if key in fields}
            if lies:
                fields["lies"] = lies
        case "links":
            fields["own_folder"] = fields.pop("folder") == "own"
            fields["adopted"] = bool(fields.get("adopted"))
        case "user":
            fields["adopted"] = bool(fields.get("adopted"))
        case "release":
            fields["size"] = int(fields.get("size") or 0)
        case "firewall":
            # Earlier versions always added both halves of the rule, in the default zone.
            zone = fields.setdefault("zone", "")
            how = fields.pop("how", "") or ("" if zone else "permanent now")
            fields["opened"] = {"permanent": "permanent" in how, "now": "now" in how}
    return fields


# From each older format to the next one.
_MIGRATIONS: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] = {
    1: _from_1,
    2: _from_2,
    3: _from_3,
}
