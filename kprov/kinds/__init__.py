"""The kinds of resources, one module each; see ``kprov.kinds.base`` for what they have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kprov.kinds.base import Entry
from kprov.kinds.data import DataEntry
from kprov.kinds.directory import DirectoryEntry
from kprov.kinds.file import FileEntry
from kprov.kinds.link import LinkEntry
from kprov.kinds.links import LinksEntry
from kprov.kinds.path import CopyEntry, OriginalEntry
from kprov.kinds.port import PortEntry
from kprov.kinds.release import ReleaseEntry
from kprov.kinds.service import ServiceEntry
from kprov.kinds.user import UserEntry

KINDS: Mapping[str, type[Entry]] = {
    kind.kind: kind
    for kind in (
        FileEntry,
        DirectoryEntry,
        DataEntry,
        LinkEntry,
        LinksEntry,
        UserEntry,
        ReleaseEntry,
        ServiceEntry,
        PortEntry,
        CopyEntry,
        OriginalEntry,
    )
}


def entry_of(document: Mapping[str, Any]) -> Entry:
    """Read one entry of a receipt; raises KeyError for an unknown kind, ValueError for fields that do not belong."""
    fields = dict(document)
    return KINDS[fields.pop("kind")].from_json(fields)
