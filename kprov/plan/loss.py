"""What an uninstall removes for good, in words, for the question before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from kprov.kinds.base import ABSENT, Action, Answer, Change, Entry
from kprov.kinds.data import DataEntry, DataSeen, Holds
from kprov.kinds.file import FileEntry
from kprov.kinds.path import CopyEntry
from kprov.sizes import human_size


def losses(entries: Sequence[Entry], changes: Sequence[Change], seen: Mapping[str, Answer]) -> Iterator[str]:
    """One text for each kind of thing that the changes remove and nobody can create again.

    entries: of the receipt. seen: the probe's answers by id. A size that the probe could not determine is called
    unknown, not left out.
    """
    removed = {change.id: change for change in changes if change.action is Action.REMOVE}
    gone = [entry for entry in entries if entry.id in removed]
    data = [(entry, DataSeen.of(seen[entry.id])) for entry in gone if isinstance(entry, DataEntry)]
    if kafka := [found for entry, found in data if entry.holds is Holds.KAFKA]:
        yield f"{_size(kafka)} of messages{_topics(kafka)}"
    if others := [found for entry, found in data if entry.holds is not Holds.KAFKA]:
        yield f"{_size(others)} of ZooKeeper's data"
    if copies := [entry for entry in gone if isinstance(entry, CopyEntry)]:
        yield f"{_counted(len(copies), 'copy', 'copies')} of edited files"
    files = [entry for entry in gone if isinstance(entry, FileEntry) and not removed[entry.id].copies]
    if edited := [entry for entry in files if entry.edited(seen.get(entry.id, ABSENT))]:
        yield _counted(len(edited), "edited file", "edited files")


def _size(data: Sequence[DataSeen]) -> str:
    known = [found.kib for found in data if found.kib is not None]
    if not known:
        return "an unknown amount"
    return f"{'' if len(known) == len(data) else 'at least '}{human_size(sum(known) * 1024)}"


def _topics(data: Sequence[DataSeen]) -> str:
    """The number of topics and partitions; empty if the probe did not count all of them."""
    topics = [found.topics for found in data if found.topics is not None]
    partitions = [found.partitions for found in data if found.partitions is not None]
    if not len(topics) == len(partitions) == len(data):
        return ""
    return f" ({_counted(sum(topics), 'topic', 'topics')}, {_counted(sum(partitions), 'partition', 'partitions')})"


def _counted(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"
