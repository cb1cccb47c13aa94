"""The receipt: what kprov made on a host, kept on that host. Any operator's machine can go on from it.

It is JSON in /var/lib/kprov/receipt.json (root only); docs/receipt.md describes format 2. Older formats are read
and written anew as this one by the next run that changes anything.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from kprov import __version__
from kprov.errors import PreflightError
from kprov.resources.base import Made

FORMAT = 2
# In ``spec``, before a directory, in the place of an archive's path: the release that was unpacked from it lies there.
ON_HOST = "release:"
PATH = "/var/lib/kprov/receipt.json"
# How the probe asks for it.
QUESTION = ("probe_receipt", "receipt")


@dataclass(frozen=True)
class Receipt:
    """state: ``applying`` from before the first change until the last has ended, then ``unproven`` until a smoke
    test has passed, then ``done``.

    spec: what was asked, as kprov.yaml's tree; None after an uninstall that kept data: the receipt then lists
    only what was kept. releases: versions by product. ignored: names of checks that were told not to stop a run.
    last: ``spec`` and ``releases`` with which the services last ran, where these are not the ones above: while a run is
    under way, after one that failed, and after an uninstall that kept data; ``archives`` then has the names and SHA-256
    of archives that were given by hand, by the directory of their release.
    kprov, written, by: which version of kprov wrote it, when (UTC, ISO 8601) and who from where; empty for one
    that is not written yet. restored: whether it is the copy of the one before, since that itself was cut off.
    """

    made: Mapping[str, Made] = field(default_factory=dict)
    state: str = "done"
    spec: Mapping[str, Any] | None = None
    releases: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    last: Mapping[str, Any] | None = None
    kprov: str = field(default="", compare=False)
    written: str = field(default="", compare=False)
    by: str = field(default="", compare=False)
    restored: bool = field(default=False, compare=False)

    @property
    def ran(self) -> Mapping[str, Any] | None:
        """``spec`` and ``releases`` with which the services last ran; None where none have run yet."""
        if self.spec is None or self.state == "applying":
            return self.last
        return self.installed

    @property
    def installed(self) -> Mapping[str, Any] | None:
        """``spec`` and ``releases`` of what was asked for, with the archives that were given by hand."""
        if self.spec is None:
            return None
        parts = [self.spec.get(part, {}).get("archive", "") for part in ("kafka", "zookeeper", "java")]
        paths = [path.removeprefix(ON_HOST) for path in parts if path.startswith(ON_HOST)]
        known = {path: self.made[f"release:{path}"] for path in paths if f"release:{path}" in self.made}
        archives = {path: {"name": made["name"], "sha256": made["sha256"]} for path, made in known.items()}
        return {"spec": self.spec, "releases": dict(self.releases), **({"archives": archives} if archives else {})}

    def to_json(self, by: str = "") -> str:
        """The file's text, as written now; by: who writes it, as ``user@machine``."""
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
            "made": [{"kind": made.kind, "id": made.id, **made.fields} for made in self.made.values()],
        }
        return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def parse(text: str, host: str) -> Receipt:
    """Read a receipt of this format or an older one.

    Raises PreflightError where it is damaged or from a newer kprov.
    """
    hint = f"look at {PATH} on the host; a copy of a good one may be put in its place"
    try:
        document = json.loads(text)
        number = document["format"]
        if number not in {FORMAT, *_MIGRATIONS}:
            raise PreflightError(
                f"the receipt has format {number}, this kprov knows {FORMAT}",
                where=host,
                cause=f"written by kprov {document.get('kprov')}",
                hint="use that version of kprov, or a newer one",
            )
        for step in range(number, FORMAT):
            document = _MIGRATIONS[step](document)
        entries = [
            Made(entry["kind"], entry["id"], {key: value for key, value in entry.items() if key not in {"kind", "id"}})
            for entry in document["made"]
        ]
        return Receipt(
            index(entries),
            document["state"],
            document["spec"],
            document["releases"],
            tuple(document["ignored"]),
            _last(document.get("last")),
            document["kprov"],
            document["written"],
            document["by"],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise PreflightError("the receipt is damaged", where=f"{host}:{PATH}", cause=repr(error), hint=hint) from None


def _last(given: Any) -> Mapping[str, Any] | None:
    """What the services last ran with; raises KeyError or TypeError where that is damaged."""
    if given is not None and not (isinstance(given["spec"], dict) and isinstance(given["releases"], dict)):
        raise TypeError("last")
    return given  # type: ignore[no-any-return]


def index(entries: Iterable[Made]) -> dict[str, Made]:
    """Entries by id, in order."""
    return {made.id: made for made in entries}


def _from_1(document: dict[str, Any]) -> dict[str, Any]:
    """Format 1 knew less of a release, named no writer, and held how one operator logs in and finds archives."""
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


# From each older format to the next one.
_MIGRATIONS: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _from_1}
