"""Entries of a receipt for unit tests, in which only some fields matter."""

from __future__ import annotations

from typing import Any

from kprov.kinds import KINDS
from kprov.kinds.base import Entry

_REQUIRED: dict[str, dict[str, Any]] = {
    "file": {"owner": "root", "group": "root", "mode": "0644", "sha256": "0"},
    "directory": {"owner": "root", "group": "root", "mode": "0755"},
    "data": {"owner": "kafka", "group": "kafka", "mode": "0750", "holds": "kafka"},
    "link": {"target": "/"},
    "links": {"source": "/", "pattern": "*", "own_folder": True},
    "release": {"label": "", "sha256": "0"},
    "service": {"fingerprint": ""},
    "copy": {"of": "/"},
    "original": {"of": "/"},
}


def made(kind: str, **fields: Any) -> Entry:
    """An entry of this kind, with these fields as the receipt's JSON has them and any values for the others."""
    return KINDS[kind].from_json({**_REQUIRED.get(kind, {}), **fields})
