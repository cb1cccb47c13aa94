"""Directories of the user's data: kept by uninstall, and used again where they hold the same product's."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from enum import StrEnum

from kprov.kinds.base import (
    ABSENT,
    Action,
    Answer,
    Call,
    Change,
    Entry,
    Obstacle,
    PathEntry,
    Presence,
    Removal,
    Verdict,
    give_back,
    of_kind,
    unknown,
    unreadable,
    why_absent,
)
from kprov.kinds.data_memory import FileSystem
from kprov.kinds.directory import NOT_A_DIRECTORY, Owner, directory_drift, taken_in
from kprov.kinds.path import PathSeen, attributes_differ
from kprov.sizes import human_size

OPTION = "--accept-data"


class Holds(StrEnum):
    """Whose data a directory holds."""

    KAFKA = "kafka"
    ZOOKEEPER = "zookeeper"

    @property
    def words(self) -> str:
        return "Kafka's data" if self is Holds.KAFKA else "ZooKeeper's data"


@dataclass(frozen=True)
class Writer:
    """Which release wrote data that an uninstall keeps; protocol: what its broker spoke, empty for ZooKeeper."""

    version: str
    protocol: str = ""


def _number(text: str) -> int | None:
    return int(text) if text.isdigit() else None


@dataclass(frozen=True)
class DataSeen:
    """What ``probe_data`` saw.

    filled: whether it is a directory with something in it; lost+found does not count. holds: empty for data of nothing
    known. broker, cluster: of meta.properties, empty if there is none. kib: on disk; topics, partitions: counted;
    each None if the probe could not tell. logs, snapshots: ZooKeeper's, from_first: whether its logs begin with the
    first transaction; knows_topics: whether they name a topic, None if that took too long to find out.
    """

    path: PathSeen
    file_system: FileSystem
    filled: bool
    holds: str
    broker: str
    cluster: str
    kib: int | None
    topics: int | None
    partitions: int | None
    lost_found: bool
    snapshots: bool
    logs: bool
    from_first: bool
    knows_topics: bool | None

    @classmethod
    def of(cls, answer: Answer) -> DataSeen:
        path = PathSeen.of(answer)
        something = answer.get("entries", "0") not in {"", "0"}
        return cls(
            path=path,
            file_system=FileSystem.of(answer),
            filled=path.presence is Presence.PRESENT and path.is_directory and something,
            holds=answer.get("holds", ""),
            broker=answer.get("broker", ""),
            cluster=answer.get("cluster", ""),
            kib=_number(answer.get("kib", "")),
            topics=_number(answer.get("topics", "")),
            partitions=_number(answer.get("partitions", "")),
            lost_found=answer.get("lost_found") == "yes",
            snapshots=answer.get("snapshot") == "yes",
            logs=answer.get("log") == "yes",
            from_first=answer.get("first") == "yes",
            knows_topics={"yes": True, "unknown": None}.get(answer.get("knows_topics", "no"), False),
        )

    @property
    def size(self) -> str:
        """On disk, for people."""
        return "unknown size" if self.kib is None else human_size(self.kib * 1024)


@dataclass(frozen=True)
class DataDirectory:
    """A directory of data; broker: the broker.id that its meta.properties must name, for Kafka."""

    path: str
    owner: str
    group: str
    holds: Holds
    broker: str = ""
    mode: str = "0750"

    @property
    def id(self) -> str:
        return f"data:{self.path}"

    @property
    def _make(self) -> Call:
        return ("make_directory", self.path, self.owner, self.group, self.mode)

    @property
    def _own(self) -> Call:
        return ("own_tree", self.path, self.owner, self.group)

    def query(self) -> Call:
        return ("probe_data", self.id, self.path)

    def entry(self) -> DataEntry:
        return DataEntry(self.path, self.owner, self.group, self.mode, self.holds)

    def compare(self, answer: Answer, was: Entry | None) -> Verdict:
        title = f"data directory {self.path}"
        if obstacle := unknown(self.id, title, answer):
            return obstacle
        data, made = DataSeen.of(answer), of_kind(was, DataEntry)
        seen = data.path
        if made is not None and (why := made.gone(answer)):
            hint = made.remedy(data)
            return Obstacle(self.id, why, hint, accept=self._accepted(data, answer, made, why))
        if seen.presence is Presence.ABSENT:
            return Change(Action.CREATE, self.id, title, why_absent(was), (self._make,), entry=self.entry())
        if obstacle := self._unusable(data, made):
            return obstacle
        if made is None and data.filled:
            return self._of_others(data)
        entry = self.entry().staying(made, answer)
        if made is not None and made.kept:
            reason = "reuses the data kept by the last uninstall"
            return Change(Action.ADOPT, self.id, title, reason, (self._make, self._own), entry=entry.anew())
        if made is not None and made.pending and made.adopted:
            return taken_in(self.id, title, self.entry().adopting(made), seen, (self._make, self._own))
        differ = attributes_differ(seen, self.owner, self.group, self.mode)
        if differ or made is None:
            reason = differ or "it exists and is empty"
            return Change(Action.UPDATE, self.id, title, reason, (self._make,), entry=entry, quiet=True)
        return None

    def _unusable(self, data: DataSeen, made: DataEntry | None) -> Obstacle | None:
        """What is there and can hold no data of this broker or server."""
        seen = data.path
        if seen.is_link:
            target = posixpath.normpath(posixpath.join(posixpath.dirname(self.path), seen.target))
            what = f"data directory {self.path} is a symbolic link to {target}"
            return Obstacle(self.id, what, f"name the directory itself: {target}")
        if not seen.is_directory:
            return Obstacle(self.id, f"{self.path} {NOT_A_DIRECTORY}", "move it away, or choose another place")
        if self.holds is Holds.KAFKA and data.lost_found:
            what = (
                f"{self.path} is the top of a file system: Kafka takes lost+found in it for a partition and does not "
                "start"
            )
            hint = f"set log.dirs to a directory below it, such as {self.path}/data"
            return Obstacle(self.id, what, hint if made is None else f"{hint}, or remove lost+found if it is empty")
        if self.broker and data.holds == Holds.KAFKA and data.broker not in {"", self.broker}:
            return Obstacle(
                self.id,
                f"{self.path} holds the messages of broker.id {data.broker}, not of {self.broker}",
                f"set broker.id to {data.broker}, or choose another log.dirs",
            )
        return None

    def _of_others(self, data: DataSeen) -> Obstacle:
        """The obstacle of data that kprov did not make; those of the same product can be adopted."""
        fits = data.holds == self.holds
        choice = f"--adopt uses the {self.holds} data in it; or " if fits else ""
        entry = replace(self.entry(), adopted=Owner.of(data.path))
        title = f"data directory {self.path}"
        return Obstacle(
            self.id,
            f"{self.path} is not empty and was not created by kprov",
            f"{choice}choose another directory, or move what is in it away",
            taken_in(self.id, title, entry, data.path, (self._make, self._own)) if fits else None,
        )

    def _accepted(self, data: DataSeen, answer: Answer, made: DataEntry, why: str) -> Change | None:
        """The change that continues with what is there, and remembers that instead; None if that cannot be."""
        if data.path.presence is Presence.PRESENT and not data.path.is_directory:
            return None
        entry = replace(self.entry().adopting(made), accepted=why).remembering(None, answer)
        action, calls = (Action.ADOPT, (self._make, self._own)) if data.filled else (Action.CREATE, (self._make,))
        return Change(action, self.id, f"data directory {self.path}", f"{why}; {OPTION}", calls, entry=entry)


@dataclass(frozen=True)
class DataEntry(PathEntry):
    """A data directory as kprov left it.

    adopted: whose it was before, None if kprov made it. filled: whether it was seen with data in it, on which file
    system (lies), of which cluster.id (cluster, of Kafka's). accepted: why data were missing where the user said that
    this is as it should be. version, protocol: of kept data, the release that wrote them and what it spoke.
    """

    kind = "data"
    owner: str
    group: str
    mode: str
    holds: Holds
    adopted: Owner | None = None
    filled: bool = False
    lies: FileSystem = field(default_factory=FileSystem)
    cluster: str = ""
    accepted: str = ""
    version: str = ""
    protocol: str = ""

    def query(self) -> Call:
        return ("probe_data", self.id, self.path)

    @property
    def adopted_as_it_was(self) -> bool:
        return self.adopted is not None

    def identity(self) -> dict[str, str]:
        return {
            "path": self.path,
            "owner": self.owner,
            "group": self.group,
            "mode": self.mode,
            "holds": self.holds.value,
        }

    def resource(self) -> DataDirectory:
        return DataDirectory(self.path, self.owner, self.group, self.holds, mode=self.mode)

    # ------------------------------------------------------------ what is remembered

    def adopting(self, was: DataEntry | None) -> DataEntry:
        """The entry with the earlier owner of the directory, if it was adopted."""
        return replace(self, adopted=was.adopted) if was and was.adopted else self

    def staying(self, was: Entry | None, answer: Answer) -> DataEntry:
        made = of_kind(was, DataEntry)
        return self.adopting(made).remembering(made, answer)

    def anew(self) -> DataEntry:
        """The entry of data that are used again: whoever had the directory before, it is kprov's now."""
        return replace(self, adopted=None)

    def remembering(self, was: DataEntry | None, answer: Answer) -> DataEntry:
        """The entry with what is known of the data: as they are seen now if they are the same, else as they were."""
        known = self
        if was is not None:
            known = replace(self, filled=was.filled, lies=was.lies, cluster=was.cluster, accepted=was.accepted)
        data = DataSeen.of(answer)
        if data.filled and not (was is not None and was.gone(answer)):
            return replace(known, filled=True, lies=data.file_system, cluster=data.cluster)
        return known

    def gone(self, answer: Answer) -> str:
        """Why what is there now cannot be the data of this entry, in words; empty if it can.

        What cannot be read is no answer: the caller has said so before. A directory that an interrupted run was going
        to make holds nothing yet.
        """
        data = DataSeen.of(answer)
        if data.path.presence is Presence.UNKNOWN or (self.pending and not self.filled):
            return ""
        what, now = self.holds.words, data.file_system
        if not self.lies.same_as(now):
            if now.is_above(self.lies):
                return f"{self.lies} is not mounted, and {self.path} on it holds {what}"
            return f"{self.path} is on another file system than its data: on {now}, not on {self.lies}"
        if data.path.presence is Presence.ABSENT:
            return f"{self.path} is missing, and it held {what}"
        if not data.path.is_directory:
            return ""
        if self.filled and not data.filled:
            return f"{self.path} is empty, and it held {what}"
        if self.cluster and data.cluster and self.cluster != data.cluster:
            return f"{self.path} holds the messages of cluster {data.cluster}, not of {self.cluster}"
        return ""

    def remedy(self, data: DataSeen) -> str:
        """What to do where they are gone: the data first, then the explicit word."""
        if not self.lies.same_as(data.file_system) and data.file_system.is_above(self.lies):
            first = f"mount {self.lies.mount} and run this again"
        elif data.filled:
            first = "put the right file system or directory in its place"
        else:
            first = f"mount or restore {self.path} and run this again"
        choice = "use what is there now" if data.filled else "begin with an empty directory"
        return f"{first}; or {choice} with {OPTION} {self.path}"

    def in_use(self, answer: Answer) -> bool:
        """Whether the services use it now, with something in it."""
        present = Presence.of(answer) is Presence.PRESENT
        return not self.kept and present and answer.get("entries") != "0"

    # ------------------------------------------------------------ drift and removal

    def drift(self, answer: Answer) -> Iterator[str]:
        if lost := self.gone(answer):
            yield lost
        else:
            yield from directory_drift(self, answer, self.owner, self.group, self.mode)

    def removal(self, answer: Answer, *, purge: bool, force: bool) -> Removal:
        data = DataSeen.of(answer)
        if self.filled and not self.lies.same_as(data.file_system) and not force:
            return self._not_mounted(answer, purge=purge)
        if data.path.presence is Presence.ABSENT:
            return Removal()
        if stop := unreadable(self, answer):
            return stop
        title = f"data directory {self.path}"
        if self.adopted:
            was = self.adopted
            calls = (("own_tree", self.path, was.uid, was.gid), ("set_mode", self.path, was.uid, was.gid, was.mode))
            return give_back(self, title, *calls)
        size = f"{self.path} ({data.size} of {self.holds} data)"
        if not purge:
            return Removal(kept=size)
        return Removal(Change(Action.REMOVE, self.id, title, f"--purge: {size}", (("remove_data", self.path),)))

    def _not_mounted(self, answer: Answer, *, purge: bool) -> Removal:
        """Data on a file system that is not there are not forgotten, and not said to be removed."""
        what = self.gone(answer)
        if not purge:
            return Removal(kept=f"{self.path} ({what})")
        hint = "mount it and run this again; or leave them there with --force, which removes what is at that path now"
        return Removal(obstacle=Obstacle(self.id, what, hint))

    def handed_over(self) -> Change:
        """Kept data go to root: the number of a removed user is given to the next one that is made."""
        calls = (("own_tree", self.path, "root", "root"), ("set_mode", self.path, "root", "root", "0700"))
        title, reason = f"data directory {self.path}", "kept and owned by root, since its user is removed"
        return Change(Action.UPDATE, self.id, title, reason, calls, entry=self)


# ------------------------------------------------------------------ Kafka's and ZooKeeper's data together


def without_counterpart(
    wanted: Iterable[Entry], answers: Mapping[str, Answer], accepted: Set[str] = frozenset()
) -> list[Obstacle]:
    """An empty ZooKeeper beside messages, and empty log.dirs beside a ZooKeeper with topics.

    Kafka would start on either and show none of its topics, or all of them empty. wanted: the entries that the
    services will use; of a directory that cannot be read nothing is said here. accepted: paths of directories in which
    the user wants to begin anew.
    """
    entries = [entry for entry in wanted if isinstance(entry, DataEntry)]
    seen = {entry.id: DataSeen.of(answers.get(entry.id, ABSENT)) for entry in entries}
    kafka = [entry for entry in entries if entry.holds is Holds.KAFKA]
    zookeeper = [entry for entry in entries if entry.holds is Holds.ZOOKEEPER]
    if not kafka or not zookeeper or any(data.path.presence is Presence.UNKNOWN for data in seen.values()):
        return []
    messages = [entry.path for entry in kafka if seen[entry.id].filled and seen[entry.id].holds == Holds.KAFKA]
    known = any(seen[entry.id].snapshots or seen[entry.id].logs for entry in zookeeper)
    if messages and not known and not accepted >= {entry.path for entry in zookeeper}:
        what = f"{_paths(zookeeper)} holds no ZooKeeper data, while {', '.join(messages)} holds Kafka's messages"
        hint = "mount or restore ZooKeeper's data and run this again; without them Kafka does not know its topics"
        return [Obstacle(zookeeper[0].id, what, f"{hint}; or begin anew with {_options(zookeeper)}")]
    topics = [seen[entry.id].knows_topics for entry in zookeeper]
    empty = not any(seen[entry.id].filled for entry in kafka)
    if empty and any(item is not False for item in topics) and not accepted >= {entry.path for entry in kafka}:
        has = "has topics" if True in topics else "may have topics (its files took too long to search)"
        what = f"{_paths(kafka)} holds no messages, while ZooKeeper in {_paths(zookeeper)} {has}"
        hint = "mount or restore Kafka's data and run this again"
        return [Obstacle(kafka[0].id, what, f"{hint}; or begin anew with {_options(kafka)}")]
    return []


def _paths(entries: Iterable[DataEntry]) -> str:
    return ", ".join(entry.path for entry in entries)


def _options(entries: Iterable[DataEntry]) -> str:
    return " ".join(f"{OPTION} {entry.path}" for entry in entries)
