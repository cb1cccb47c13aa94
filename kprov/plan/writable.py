"""Finds what a plan would write and root cannot, before anything is pushed: immutable files, read-only file systems."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from kprov.kinds.base import Answer, Call, Change, Obstacle
from kprov.receipt import Receipt

_ID = "writable"
_STATE = "/var/lib/kprov"
_UNIT_FOLDER = "/etc/systemd/system"
_ACCOUNTS = ("/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow")
_WORDS = {
    "immutable": ("is immutable (chattr +i)", "chattr -i {place}; set it again after the install"),
    "append-only": ("is append-only (chattr +a)", "chattr -a {place}; set it again after the install"),
    "read-only": ("is on a file system that is mounted read-only", "mount it for writing"),
    "refused": ("cannot be written, not even by root", "find out why: lsattr -d {place}; mount; dmesg"),
}


def question(ids: Iterable[str], receipt: Receipt) -> Call:
    """The probe's question about every path that changes to these resources, or to the receipt's, would write."""
    paths = dict.fromkeys(path for id_ in (*ids, *receipt.made) for path in _written(id_))
    return ("probe_writable", _ID, _STATE, *paths)


def obstacles(changes: Iterable[Change], answer: Answer, ignored: Collection[str] = ()) -> list[Obstacle]:
    """One obstacle for each place that the changes would write to and cannot.

    ignored: names of checks that do not stop an install; ``file-system`` covers read-only file systems.
    """
    found: dict[tuple[str, str], dict[str, Change]] = {}
    blocked = [line.split("\t") for line in answer.get("found", "").splitlines()]
    for change in changes:
        paths = {_STATE, *_written(change.id)}
        for why, place, path in blocked:
            if why == "read-only" and "file-system" in ignored:
                continue
            if path in paths and (path != _UNIT_FOLDER or _enables(change)):
                found.setdefault((why, place), {})[change.title] = change
    return [_obstacle(*key, list(titles)) for key, titles in found.items()]


def _obstacle(why: str, place: str, titles: list[str]) -> Obstacle:
    what, hint = _WORDS[why]
    more = f" and {len(titles) - 3} more" if len(titles) > 3 else ""
    return Obstacle(
        place, f"{place} {what}, and the plan writes there: {', '.join(titles[:3])}{more}", hint.format(place=place)
    )


def _written(id_: str) -> Iterator[str]:
    kind, _, rest = id_.partition(":")
    match kind:
        case "user":
            yield from _ACCOUNTS
        case "service":
            yield _UNIT_FOLDER
        case "links":
            yield rest.rpartition("/")[0]
        case "file" | "directory" | "data" | "link" | "release" | "copy" | "original":
            yield rest


def _enables(change: Change) -> bool:
    return any(call[0] in {"enable_unit", "disable_unit"} for call in change.calls)
