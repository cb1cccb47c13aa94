"""Data directories: what the receipt remembers of them, and whether what is there now is still the same data.

An empty directory where messages were, because a file system is not mounted, must never be taken for a new one. The
receipt's entry therefore holds on which file system the data were last seen. Device numbers and names change with a
reboot, a rename or another cable, so the UUID decides where it is known, then the mount point. All of it is pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, replace

from kprov.resources.base import ABSENT, Made, Obstacle, Seen

OPTION = "--accept-data"

# What is remembered in an entry, beside ``filled``: by the name of the probe's field.
_REMEMBERED = ("mount", "inside", "fstype", "device", "uuid", "cluster")
_NETWORK = ("nfs", "cifs", "smb", "ceph", "fuse.", "9p", "glusterfs")


@dataclass(frozen=True)
class FileSystem:
    """Where a directory lies; every field is empty where it is not known.

    mount: its mount point. inside: the directory's path within the file system, the same under a bind mount.
    fstype, device: as in /proc/self/mountinfo. uuid: as udev knows it.
    """

    mount: str
    inside: str
    fstype: str
    device: str
    uuid: str

    @classmethod
    def of(cls, field: Callable[[str], str]) -> FileSystem:
        """From the fields of an answer or of an entry."""
        return cls(field("mount"), field("inside"), field("fstype"), field("device"), field("uuid"))

    def __str__(self) -> str:
        known = f"UUID {self.uuid}" if self.uuid else self.device
        return f"{self.mount} ({', '.join(part for part in (self.fstype, known) if part)})"

    def is_above(self, other: FileSystem) -> bool:
        """Whether its mount point is above the other's: what shows where the other is not mounted."""
        return self.mount != other.mount and f"{other.mount}/".startswith(self.mount.rstrip("/") + "/")

    def same_as(self, now: FileSystem) -> bool:
        """Whether a directory that lay here and lies there now lies on the same file system.

        Nothing is known of an entry that an earlier kprov wrote: then there is nothing to compare.
        """
        if not self.mount or not now.mount:
            return True
        if self.uuid and now.uuid:
            # The same file system may be mounted elsewhere. Below a mount that is gone, though, another directory of
            # the same file system shows where that was a bind mount.
            return self.uuid == now.uuid and (not now.is_above(self) or self.inside == now.inside)
        if self.mount != now.mount:
            return (self.fstype, self.device, self.inside) == (now.fstype, now.device, now.inside)
        return self.fstype == now.fstype and (not self.fstype.startswith(_NETWORK) or self.device == now.device)


def filled(seen: Seen) -> bool:
    """Whether a directory with something in it was seen."""
    return (
        seen.get("status") == "present"
        and seen.get("type") == "directory"
        and seen.get("entries", "0") not in {"", "0"}
    )


def file_system(seen: Seen) -> FileSystem:
    """Where the directory lies, or would lie, as the probe saw it."""
    return FileSystem.of(lambda key: seen.get(key, ""))


def with_memory(made: Made, was: Made | None, seen: Seen) -> Made:
    """The entry with what is known of the data: as they are seen now if they are the same, else as they were."""
    fields = {**made.fields}
    if was is not None:
        fields |= {key: was[key] for key in ("filled", "accepted", *_REMEMBERED) if was[key]}
    if filled(seen) and not (was is not None and gone(was, seen)):
        kept = {key: value for key, value in fields.items() if key not in _REMEMBERED}
        fields = {**kept, "filled": "yes", **{key: seen[key] for key in _REMEMBERED if seen.get(key)}}
    return replace(made, fields=fields)


def gone(was: Made, seen: Seen) -> str:
    """Why what is there now cannot be the data of this entry, in words; empty where it can.

    What cannot be read is no answer: the caller has said so before. A directory that an interrupted run was going to
    make holds nothing yet.
    """
    if seen.get("status") == "unknown" or (was["pending"] and not was["filled"]):
        return ""
    path, what = was["path"], "Kafka's data" if was["holds"] == "kafka" else "ZooKeeper's data"
    before, now = FileSystem.of(was.__getitem__), file_system(seen)
    if not before.same_as(now):
        if now.is_above(before):
            return f"{before} is not mounted, and {path} on it holds {what}"
        return f"{path} is on another file system than its data: on {now}, not on {before}"
    if seen.get("status") == "absent":
        return f"{path} is missing, and it held {what}"
    if seen.get("type") != "directory":
        return ""
    if was["filled"] and not filled(seen):
        return f"{path} is empty, and it held {what}"
    if was["cluster"] and seen.get("cluster") and was["cluster"] != seen["cluster"]:
        return f"{path} holds the messages of cluster {seen['cluster']}, not of {was['cluster']}"
    return ""


def remedy(was: Made, seen: Seen) -> str:
    """What to do about it: the data first, then the explicit word."""
    before, now = FileSystem.of(was.__getitem__), file_system(seen)
    if not before.same_as(now) and now.is_above(before):
        first = f"mount {before.mount} and run this again"
    elif filled(seen):
        first = "put the right file system or directory in its place"
    else:
        first = f"mount or restore {was['path']} and run this again"
    choice = "use what is there now" if filled(seen) else "begin with an empty directory"
    return f"{first}; or {choice} with {OPTION} {was['path']}"


def elsewhere(was: Made, seen: Seen) -> bool:
    """Whether the data lie on a file system that does not show now."""
    return bool(was["filled"]) and not FileSystem.of(was.__getitem__).same_as(file_system(seen))


def lost_data(was: Made, seen: Seen) -> Obstacle | None:
    """What stops a run that would start a service on other data than its own; None where all is well."""
    what = gone(was, seen)
    return Obstacle(was.id, what, remedy(was, seen)) if what else None


def without_counterpart(
    wanted: Iterable[Made], seen: Mapping[str, Seen], accepted: Set[str] = frozenset()
) -> list[Obstacle]:
    """An empty ZooKeeper beside messages, and empty log.dirs beside a ZooKeeper with topics.

    Kafka would start on either and show none of its topics, or all of them empty. wanted: the entries that the
    services will use; of a directory that cannot be read nothing is said here. accepted: paths of directories in which
    the user wants to begin anew.
    """
    entries = [made for made in wanted if made.kind == "data"]
    kafka = [made for made in entries if made["holds"] == "kafka"]
    zookeeper = [made for made in entries if made["holds"] == "zookeeper"]
    answers = {made.id: seen.get(made.id, ABSENT) for made in entries}
    if not kafka or not zookeeper or any(answer.get("status") == "unknown" for answer in answers.values()):
        return []
    messages = [made["path"] for made in kafka if _holds_messages(answers[made.id])]
    known = any("yes" in {answers[made.id].get("snapshot"), answers[made.id].get("log")} for made in zookeeper)
    if messages and not known and not accepted >= {made["path"] for made in zookeeper}:
        what = f"{_paths(zookeeper)} holds no ZooKeeper data, while {', '.join(messages)} holds Kafka's messages"
        hint = "mount or restore ZooKeeper's data and run this again; without them Kafka does not know its topics"
        return [Obstacle(made.id, what, f"{hint}; or begin anew with {_options(zookeeper)}") for made in zookeeper[:1]]
    topics = {answers[made.id].get("knows_topics", "no") for made in zookeeper}
    empty = not any(filled(answers[made.id]) for made in kafka)
    if empty and topics & {"yes", "unknown"} and not accepted >= {made["path"] for made in kafka}:
        has = "has topics" if "yes" in topics else "may have topics (its files took too long to search)"
        what = f"{_paths(kafka)} holds no messages, while ZooKeeper in {_paths(zookeeper)} {has}"
        hint = "mount or restore Kafka's data and run this again"
        return [Obstacle(made.id, what, f"{hint}; or begin anew with {_options(kafka)}") for made in kafka[:1]]
    return []


def _holds_messages(seen: Seen) -> bool:
    return filled(seen) and seen.get("holds") == "kafka"


def _paths(entries: Iterable[Made]) -> str:
    return ", ".join(made["path"] for made in entries)


def _options(entries: Iterable[Made]) -> str:
    return " ".join(f"{OPTION} {made['path']}" for made in entries)
