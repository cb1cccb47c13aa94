"""The receipt: what kprov made on a host, kept on that host. Any operator's machine can go on from it.

It is JSON in /var/lib/kprov/receipt.json (root only), format 1:
``format``, ``kprov`` (version), ``written`` (UTC), ``state``, ``spec`` (what was asked, as kprov.yaml's tree),
``releases`` (versions by product), ``made`` (a list of kind, id and fields).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from kprov import __version__
from kprov.errors import PreflightError
from kprov.resources.base import Made

FORMAT = 1
PATH = "/var/lib/kprov/receipt.json"


@dataclass(frozen=True)
class Receipt:
    """state: ``applying`` from before the first change until the last has ended, then ``unproven`` until a smoke
    test has passed, then ``done``.

    spec: None after an uninstall that kept data; the receipt then lists only what was kept.
    """

    made: Mapping[str, Made] = field(default_factory=dict)
    state: str = "done"
    spec: Mapping[str, Any] | None = None
    releases: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """The file's text."""
        document = {
            "format": FORMAT,
            "kprov": __version__,
            "written": datetime.now(UTC).isoformat(timespec="seconds"),
            "state": self.state,
            "spec": self.spec,
            "releases": dict(self.releases),
            "made": [{"kind": made.kind, "id": made.id, **made.fields} for made in self.made.values()],
        }
        return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def parse(text: str, host: str) -> Receipt:
    """Read a receipt; raises PreflightError where it is damaged or from a newer kprov."""
    hint = f"look at {PATH} on the host; a copy of a good one may be put in its place"
    try:
        document = json.loads(text)
        number = document["format"]
        if number != FORMAT:
            raise PreflightError(
                f"the receipt has format {number}, this kprov knows {FORMAT}",
                where=host,
                cause=f"written by kprov {document.get('kprov')}",
                hint="use that version of kprov, or a newer one",
            )
        entries = [
            Made(entry["kind"], entry["id"], {key: value for key, value in entry.items() if key not in {"kind", "id"}})
            for entry in document["made"]
        ]
        return Receipt(index(entries), document["state"], document["spec"], document["releases"])
    except (ValueError, KeyError, TypeError) as error:
        raise PreflightError("the receipt is damaged", where=f"{host}:{PATH}", cause=repr(error), hint=hint) from None


def index(entries: Iterable[Made]) -> dict[str, Made]:
    """Entries by id, in order."""
    return {made.id: made for made in entries}
