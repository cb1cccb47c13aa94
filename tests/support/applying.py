"""Small plans for a LocalHost, and what applying them leaves: only the calls of their changes are harmless ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, cast

from kprov.events import Event
from kprov.host.connection import Connection
from kprov.kinds.base import Action, Call, Change
from kprov.kinds.file import FileEntry
from kprov.node.apply import apply
from kprov.plan import Plan
from kprov.receipt import Receipt, State
from support.local_host import LocalHost

OWNED = ("root", "root", "0644")  # owner, group and mode of each file


def order(host: LocalHost) -> list[str]:
    """What the calls ``note`` and ``bad`` wrote down, in order."""
    path = host.folder / "order"
    return path.read_text().splitlines() if path.exists() else []


def connection(host: LocalHost) -> Connection:
    """The host as what takes a connection wants it."""
    return cast(Connection, host)


def change(name: str, *calls: Call, gate: str = "", **options: Any) -> Change:
    """The creation of a file; its call writes the name down unless others are given."""
    entry = FileEntry(name, *OWNED, "new")
    return Change(
        Action.CREATE, entry.id, f"file {name}", "new", calls or (("note", name),), entry=entry, gate=gate, **options
    )


def plan(*changes: Change, before: Receipt | None = None, after: Receipt | None = None) -> Plan:
    """A plan of these changes; unless given, the receipt after it lists what they make."""
    result = Receipt(
        {item.id: item.entry for item in changes if item.entry}, State.DONE, {"kafka": {}}, {"kafka": "1.0.0"}
    )
    return Plan("box", changes, before=before or Receipt(), after=after or result)


def receipt(host: LocalHost) -> dict[str, Any]:
    """The receipt on the host."""
    found: dict[str, Any] = json.loads((host.state / "receipt.json").read_text())
    return found


def run(host: LocalHost, what: Plan, gate: Callable[[str], None] | None = None) -> list[Event]:
    """Apply the plan; the events."""
    events: list[Event] = []
    apply(connection(host), what, "install", events.append, gate or (lambda unit: None))
    return events
