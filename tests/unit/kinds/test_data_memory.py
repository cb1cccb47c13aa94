"""What the receipt remembers of data directories, and what is held against it. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kprov.kinds.base import ABSENT, Answer, Change, Obstacle, Removal
from kprov.kinds.data import DataDirectory, DataEntry, Holds, without_counterpart
from kprov.kinds.data_memory import FileSystem
from kprov.plan import uninstall_plan
from kprov.receipt import Receipt

KAFKA = DataDirectory("/data/kafka", "kafka", "kafka", Holds.KAFKA, "0")
ZOOKEEPER = DataDirectory("/data/zookeeper", "zookeeper", "zookeeper", Holds.ZOOKEEPER)
DISK = {"mount": "/data", "inside": "/kafka", "fstype": "xfs", "device": "/dev/sdb1", "uuid": "aaaa"}
ROOT = {"mount": "/", "inside": "/data/kafka", "fstype": "xfs", "device": "/dev/sda1", "uuid": "rrrr"}
FILLED: Answer = {
    "status": "present",
    "type": "directory",
    "owner": "kafka",
    "group": "kafka",
    "mode": "750",
    "entries": "4",
    "holds": "kafka",
    "broker": "0",
    "cluster": "cccc",
    **DISK,
}
WAS = KAFKA.entry().remembering(None, FILLED)


def seen(**changes: str) -> Answer:
    return {**FILLED, **changes}


def old(entry: DataEntry) -> DataEntry:
    """The entry as a kprov wrote it that remembered nothing."""
    return DataEntry(entry.path, entry.owner, entry.group, entry.mode, entry.holds)


# ------------------------------------------------------------------ the file system


@pytest.mark.parametrize(
    "now",
    [
        DISK,
        DISK | {"device": "/dev/sdc1"},  # another name after a reboot
        DISK | {"device": "/dev/mapper/vg-kafka"},  # a renamed logical volume
        DISK | {"mount": "/mnt/disk1"},  # mounted elsewhere
        DISK | {"mount": "/data/kafka", "inside": "/kafka"},  # a bind mount of the same directory
        DISK | {"uuid": ""},  # udev does not tell, as in a container
        DISK | {"uuid": "", "device": "/dev/sdc1"},
        dict.fromkeys(DISK, ""),  # nothing is known
    ],
    ids=str,
)
def test_the_same_file_system_raises_no_alarm(now: dict[str, str]) -> None:
    assert FileSystem(**DISK).same_as(FileSystem(**now))
    assert WAS.gone(seen(**now)) == ""


@pytest.mark.parametrize(
    "now",
    [
        ROOT,
        ROOT | {"uuid": ""},
        DISK | {"uuid": "bbbb"},  # another disk on the same mount point
        DISK | {"uuid": "", "fstype": "ext4"},
        ROOT | {"uuid": "aaaa"},  # the bind mount is gone: another directory of the same file system
        DISK | {"mount": "/data/kafka", "inside": "", "uuid": "bbbb"},  # mounted over
    ],
    ids=str,
)
def test_another_file_system_raises_an_alarm(now: dict[str, str]) -> None:
    assert not FileSystem(**DISK).same_as(FileSystem(**now))
    assert WAS.gone(seen(**now)) != ""


@pytest.mark.parametrize(("device", "same"), [("nas:/one", True), ("nas:/two", False)])
def test_a_network_file_system_is_known_by_its_device(device: str, same: bool) -> None:
    was = FileSystem("/data", "/kafka", "nfs4", "nas:/one", "")
    assert was.same_as(replace(was, device=device)) is same


def test_the_missing_mount_is_named_with_what_to_do() -> None:
    absent: Answer = {**ABSENT, **ROOT}
    told = KAFKA.compare(absent, WAS)
    assert isinstance(told, Obstacle)
    assert told.what == "/data (xfs, UUID aaaa) is not mounted, and /data/kafka on it holds Kafka's data"
    assert (
        told.hint == "mount /data and run this again; or begin with an empty directory with --accept-data /data/kafka"
    )


# ------------------------------------------------------------------ absent, empty, another


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ({**ABSENT, **DISK}, "/data/kafka is missing, and it held Kafka's data"),
        (seen(entries="0", holds="other"), "/data/kafka is empty, and it held Kafka's data"),
        (seen(**ROOT), "/data (xfs, UUID aaaa) is not mounted, and /data/kafka on it holds Kafka's data"),
        (seen(entries="0", **ROOT), "/data (xfs, UUID aaaa) is not mounted, and"),
        (seen(uuid="bbbb"), "on another file system than its data: on /data (xfs, UUID bbbb), not on /data (xfs, UUID"),
        (seen(cluster="dddd"), "/data/kafka holds the messages of cluster dddd, not of cccc"),
    ],
)
def test_what_is_not_the_data_stops_the_plan_also_with_adopt(now: Answer, told: str) -> None:
    verdict = KAFKA.compare(now, WAS)
    assert isinstance(verdict, Obstacle)
    assert told in verdict.what
    assert "--accept-data /data/kafka" in verdict.hint
    assert verdict.adopt is None


@pytest.mark.parametrize("now", [{**ABSENT, **ROOT}, seen(entries="0", **ROOT), seen(**ROOT)])
def test_accepted_data_are_used_and_recorded(now: Answer) -> None:
    verdict = KAFKA.compare(now, WAS)
    assert isinstance(verdict, Obstacle)
    assert isinstance(verdict.accept, Change)
    entry = verdict.accept.entry
    assert isinstance(entry, DataEntry)
    assert entry.accepted.startswith("/data (xfs, UUID aaaa) is not mounted")
    later = entry.remembering(entry, seen(**ROOT))
    assert (later.filled, later.lies.uuid) == (True, "rrrr")
    assert KAFKA.compare(seen(**ROOT), later) is None


def test_data_that_are_there_change_nothing() -> None:
    assert KAFKA.compare(FILLED, WAS) is None
    assert KAFKA.compare(seen(entries="9", device="/dev/sdz1"), WAS) is None


def test_the_owner_is_put_right_and_the_memory_stays() -> None:
    """A run that is killed in between leaves an entry that still knows of the data."""
    verdict = KAFKA.compare(seen(owner="root"), WAS)
    assert isinstance(verdict, Change)
    assert verdict.entry == WAS
    pending = replace(WAS, pending=True)
    assert isinstance(KAFKA.compare({**ABSENT, **ROOT}, pending), Obstacle)


def test_kept_data_are_remembered() -> None:
    kept = replace(WAS, kept=True)
    assert isinstance(KAFKA.compare({**ABSENT, **ROOT}, kept), Obstacle)
    again = KAFKA.compare(seen(owner="root"), kept)
    assert isinstance(again, Change)
    assert again.entry == WAS


def test_an_interrupted_first_install_continues() -> None:
    pending = replace(KAFKA.entry(), pending=True)
    assert isinstance(KAFKA.compare({**ABSENT, **ROOT}, pending), Change)
    assert not isinstance(KAFKA.compare(seen(entries="0", **ROOT), pending), Obstacle)


def test_an_entry_of_an_earlier_kprov_learns() -> None:
    """It stops at a missing directory, and takes what is there for the data."""
    assert isinstance(KAFKA.compare({**ABSENT, **ROOT}, old(WAS)), Obstacle)
    assert KAFKA.compare(FILLED, old(WAS)) is None
    assert KAFKA.entry().remembering(old(WAS), FILLED) == WAS


def test_what_is_not_the_data_is_not_remembered() -> None:
    for now in ({**ABSENT, **ROOT}, seen(entries="0"), seen(**ROOT), {"status": "unknown", "why": "I/O error"}):
        assert KAFKA.entry().remembering(WAS, now) == WAS


def test_unknown_is_neither_there_nor_gone() -> None:
    verdict = KAFKA.compare({"status": "unknown", "why": "Input/output error"}, WAS)
    assert isinstance(verdict, Obstacle)
    assert "cannot be read: Input/output error" in verdict.what
    assert verdict.accept is None


# ------------------------------------------------------------------ lost+found


def test_the_top_of_a_file_system_is_named_as_that() -> None:
    for was in (None, WAS):
        verdict = KAFKA.compare(seen(lost_found="yes"), was)
        assert isinstance(verdict, Obstacle)
        assert "is the top of a file system: Kafka takes lost+found in it for a partition" in verdict.what
        assert "a directory below it, such as /data/kafka/data" in verdict.hint


def test_zookeeper_does_not_mind_lost_and_found() -> None:
    """The probe leaves it out of the entries, so that such a directory is an empty one."""
    fresh = {**FILLED, "entries": "0", "holds": "other", "lost_found": "yes", "owner": "root"}
    assert isinstance(ZOOKEEPER.compare(fresh, None), Change)


# ------------------------------------------------------------------ ZooKeeper and Kafka together


def both(kafka: dict[str, Any], zookeeper: dict[str, Any]) -> dict[str, Answer]:
    return {KAFKA.id: {**FILLED, **kafka}, ZOOKEEPER.id: {**FILLED, "holds": "zookeeper", **zookeeper}}


KNOWS = {"snapshot": "yes", "log": "yes", "knows_topics": "yes"}
EMPTY = {"entries": "0", "holds": "other", "snapshot": "no", "log": "no", "knows_topics": "no"}


@pytest.mark.parametrize(
    ("kafka", "zookeeper", "told"),
    [
        ({}, KNOWS, ""),
        (EMPTY, EMPTY, ""),
        (EMPTY, {**KNOWS, "knows_topics": "no"}, ""),  # a first install that was interrupted
        ({}, EMPTY, "/data/zookeeper holds no ZooKeeper data, while /data/kafka holds Kafka's messages"),
        (EMPTY, KNOWS, "/data/kafka holds no messages, while ZooKeeper in /data/zookeeper has topics"),
        (EMPTY, {**KNOWS, "knows_topics": "unknown"}, "may have topics"),
        (ABSENT, KNOWS, "/data/kafka holds no messages"),
        ({"status": "unknown"}, EMPTY, ""),  # said elsewhere
    ],
)
def test_one_without_the_other_is_never_started(kafka: dict[str, Any], zookeeper: dict[str, Any], told: str) -> None:
    entries = [KAFKA.entry(), ZOOKEEPER.entry()]
    found = without_counterpart(entries, both(kafka, zookeeper))
    assert (told in found[0].what) if told else found == []
    assert without_counterpart(entries, both(kafka, zookeeper), {"/data/kafka", "/data/zookeeper"}) == []


# ------------------------------------------------------------------ uninstall


def test_uninstall_keeps_the_entry_of_data_that_are_not_mounted() -> None:
    """Nothing was removed, and nothing is forgotten."""
    for now in ({**ABSENT, **ROOT}, seen(entries="0", **ROOT)):
        kept = WAS.removal(now, purge=False, force=False)
        assert (kept.change, kept.obstacle) == (None, None)
        assert kept.kept.startswith("/data/kafka (/data (xfs, UUID aaaa) is not mounted")
        plan = uninstall_plan("box", {WAS.id: now}, Receipt({WAS.id: WAS}), purge=False, force=False)
        assert plan.changes == ()
        entry = plan.after.made[WAS.id]
        assert isinstance(entry, DataEntry)
        assert entry.filled


def test_purge_does_not_say_that_it_removed_data_that_are_not_mounted() -> None:
    now = seen(entries="0", **ROOT)
    stopped = WAS.removal(now, purge=True, force=False)
    assert stopped.obstacle is not None
    assert "is not mounted" in stopped.obstacle.what
    forced = WAS.removal(now, purge=True, force=True)
    assert forced.change is not None
    assert forced.change.calls == (("remove_data", "/data/kafka"),)


def test_uninstall_of_data_that_are_there_is_as_always() -> None:
    assert WAS.removal(FILLED, purge=False, force=False).kept == "/data/kafka (unknown size of kafka data)"
    assert old(WAS).removal({**ABSENT, **ROOT}, purge=True, force=False) == Removal()
