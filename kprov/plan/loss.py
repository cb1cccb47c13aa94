"""What an uninstall loses for good, in words, for the question that is asked before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from kprov.resources.base import ABSENT, Action, Change, Made, Seen
from kprov.resources.removal import human_size, is_edited, kib_of


def losses(entries: Sequence[Made], changes: Sequence[Change], seen: Mapping[str, Seen]) -> Iterator[str]:
    """One text for each kind of what the changes remove and nobody can make again.

    entries: of the receipt. seen: the probe's answers by id. A size that the probe could not tell is said to be
    unknown, never left out.
    """
    removed = {change.id: change for change in changes if change.action is Action.REMOVE}
    gone = [made for made in entries if made.id in removed]
    data = [made for made in gone if made.kind == "data"]
    if kafka := [made for made in data if made["holds"] == "kafka"]:
        yield f"{_size(kafka, seen)} of messages{_topics(kafka, seen)}"
    if others := [made for made in data if made["holds"] != "kafka"]:
        yield f"{_size(others, seen)} of ZooKeeper's data"
    if copies := [made for made in gone if made.kind == "copy"]:
        yield f"{_counted(len(copies), 'copy', 'copies')} of edited files"
    edited = [made for made in gone if is_edited(made, seen.get(made.id, ABSENT)) and not removed[made.id].copies]
    if edited:
        yield _counted(len(edited), "edited file", "edited files")


def _size(data: Sequence[Made], seen: Mapping[str, Seen]) -> str:
    sizes = [kib_of(seen[made.id]) for made in data]
    known = [size for size in sizes if size is not None]
    if not known:
        return "an unknown amount"
    return f"{'' if len(known) == len(sizes) else 'at least '}{human_size(sum(known))}"


def _topics(data: Sequence[Made], seen: Mapping[str, Seen]) -> str:
    """How many topics and partitions there are; empty where the probe did not count all of them."""
    numbers = []
    for key in ("topics", "partitions"):
        texts = [seen[made.id].get(key, "") for made in data]
        if not all(text.isdigit() for text in texts):
            return ""
        numbers.append(sum(map(int, texts)))
    topics, partitions = numbers
    return f" ({_counted(topics, 'topic', 'topics')}, {_counted(partitions, 'partition', 'partitions')})"


def _counted(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"
