"""Drift: what differs on a host from what its receipt says kprov made. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from kprov.receipt import Receipt
from kprov.resources import labels
from kprov.resources.base import ABSENT, Made, Seen, attributes_differ
from kprov.resources.data import gone
from kprov.resources.system import UnitState


@dataclass(frozen=True)
class Drift:
    """One difference. id: of the entry in the receipt; what: in words, without a full stop."""

    id: str
    what: str


def drift(receipt: Receipt, seen: Mapping[str, Seen]) -> tuple[Drift, ...]:
    """Every difference, in the receipt's order.

    What an interrupted run had not come to is none: the receipt's state tells of that. SELinux labels that could not
    be compared are named, since nobody knows whether they are right.
    """
    why = labels.uncompared(seen)
    unread = (Drift(labels.ID, f"cannot be compared with SELinux's policy: {why}"),) if why else ()
    return unread + tuple(
        Drift(made.id, what)
        for made in receipt.made.values()
        if not made["pending"] and made.kind != "copy"  # a copy is the user's own
        for what in _differences(made, seen.get(made.id, ABSENT))
    )


def _differences(made: Made, seen: Seen) -> Iterator[str]:
    status = seen.get("status")
    if made.kind == "firewall":
        yield from _of_port(seen)
        return
    if status == "unknown":
        yield f"cannot be read: {seen.get('why', '')}"
        return
    if made.kind == "service":
        yield from _of_service(UnitState.of(seen))
        return
    lost = gone(made, seen) if made.kind == "data" else ""
    if lost or status == "absent":
        yield lost or "was removed"
        return
    match made.kind:
        case "file":
            yield from _of_file(made, seen)
        case "directory" | "data":
            yield from _of_directory(made, seen)
        case "link":
            yield from _of_link(made, seen)
            yield from _of_label(seen)
        case "links":
            yield from _of_links(seen)
            yield from _of_label(seen)
        case "user":
            if seen.get("group", "kept") == "":
                yield f"its group {made['name']} was removed"
        case "release":
            if seen.get("type") != "directory":
                yield f"is a {seen.get('type')}, not the release"
            yield from _of_label(seen)


def _of_label(seen: Seen) -> Iterator[str]:
    """Of what has no owner and mode to be compared with it."""
    if "label" in seen:
        yield f"has {seen['label']}"


def _of_port(seen: Seen) -> Iterator[str]:
    if seen["status"] == "unknown" and "not running" not in seen.get("why", ""):
        yield f"cannot be read: {seen.get('why', '')}"
    elif seen["status"] == "absent" or "no" in {seen.get("now"), seen.get("permanent")}:
        yield "was closed"


def _of_file(made: Made, seen: Seen) -> Iterator[str]:
    if not seen.get("type", "").startswith("regular"):
        yield f"is a {seen.get('type')}, not a file"
        return
    if seen.get("sha256") != made["sha256"]:
        changed = seen.get("mtime", "")
        when = f" at {datetime.fromtimestamp(int(changed), UTC):%Y-%m-%d %H:%M:%S} UTC" if changed.isdigit() else ""
        yield f"was edited{when}"
    if differ := attributes_differ(seen, made["owner"], made["group"], made["mode"]):
        yield f"has {differ}"


def _of_directory(made: Made, seen: Seen) -> Iterator[str]:
    if seen.get("type") != "directory":
        yield f"is a {seen.get('type')}, not a directory"
    elif not made["kept"] and (differ := attributes_differ(seen, made["owner"], made["group"], made["mode"])):
        yield f"has {differ}"


def _of_link(made: Made, seen: Seen) -> Iterator[str]:
    if seen.get("target") != made["target"]:
        kind = seen.get("type", "")
        now = f"a link to {seen.get('target')}" if kind == "symbolic link" else f"a {kind}"
        yield f"is {now}, not a link to {made['target']}"


def _of_links(seen: Seen) -> Iterator[str]:
    if seen.get("links") != "right":
        replaced = [line.rpartition(" ")[0] for line in seen.get("replaced", "").splitlines()]
        yield f"{', '.join(replaced)}: a file, not a link" if replaced else "lacks links, or some lead elsewhere"


def _of_service(state: UnitState) -> Iterator[str]:
    """A service that is stopped is none: somebody may have stopped it, and status says so before anything else."""
    if not state.enabled:
        yield "is not enabled"
    if state.needs_reload:
        yield "has a unit file or drop-in that was changed without a daemon-reload"
