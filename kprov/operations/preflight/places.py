"""Places that need room on a disk: how much an install takes there, and what the host says of the file system."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kprov.checks.subject import Place
from kprov.desired.common import RELEASES, release_path
from kprov.desired.java import java_path
from kprov.desired.kafka import kafka_logs
from kprov.desired.zookeeper import zookeeper_logs
from kprov.kinds.base import ABSENT, Answer, Call
from kprov.operations.preflight.answers import number
from kprov.operations.preflight.paths import STATE, UNIT_FILES, temporary_directories, written_directories
from kprov.releases.archive import Archive
from kprov.releases.chosen import Releases
from kprov.releases.product import Product
from kprov.spec.broker import broker_properties, log_dirs, zookeeper_data
from kprov.spec.model import Cluster, Host

_ZOOKEEPER_STARTS_WITH = 128 * 2**20  # preAllocSize of the first transaction log, 64 MiB, twice
_SETTINGS_TAKE = 2**20  # units, /etc/profile.d and the accounts
# How many files and directories a release has, generously: ZooKeeper's archives contain sources and documents.
_FILES_IN = {Product.KAFKA: 500, Product.ZOOKEEPER: 5000, Product.JAVA: 3000}
_FILES_OF_UNITS, _FILES_IN_A_PLACE = 20, 50
_LOGS_MAY_TAKE = 500 * 2**20  # ten files of 50 MB (templates/log4j.properties.j2)


def disk_questions(cluster: Cluster, host: Host) -> list[Call]:
    """What the probe is asked about the file systems."""
    paths = (RELEASES, STATE, UNIT_FILES, *written_directories(cluster, host), *temporary_directories(cluster))
    return [("probe_disk", f"disk:{path}", path) for path in dict.fromkeys(paths)]


def places(cluster: Cluster, host: Host, releases: Releases, seen: Mapping[str, Answer]) -> Iterator[Place]:
    """Each place with what an install needs there; releases that are on the host need nothing."""
    missing = [item for item in releases.every if _absent(item, seen)]
    unpacked = sum(item.unpacked or 2 * item.size for item in missing)
    files = sum(_FILES_IN[item.product] for item in missing)
    yield _place(seen, RELEASES, "unpacking the releases", needed=unpacked, runs=True, files=files)
    yield _place(seen, STATE, "the uploaded archives", needed=sum(item.size for item in missing), keeps=True)
    yield _place(seen, UNIT_FILES, "the units", needed=_SETTINGS_TAKE, keeps=True, files=_FILES_OF_UNITS)
    data, logs = zookeeper_data(cluster)
    room = _ZOOKEEPER_STARTS_WITH if seen.get(f"data:{logs}", ABSENT).get("status") == "absent" else 0
    yield _place(seen, logs, "ZooKeeper's transactions", needed=room, keeps=True)
    yield _place(seen, data, "ZooKeeper's snapshots", keeps=True)
    segment = int(broker_properties(cluster, host).get("log.segment.bytes", "0"))
    for path in log_dirs(cluster, host):
        yield _place(seen, path, "the messages", advised=segment, keeps=True)
    for path in (kafka_logs(cluster), zookeeper_logs(cluster)):
        yield _place(seen, path, "the logs", advised=_LOGS_MAY_TAKE)
    for path, whose in temporary_directories(cluster).items():
        yield _place(seen, path, f"{whose}'s temporary files and the codecs' libraries", runs=True)


def _place(
    seen: Mapping[str, Answer],
    path: str,
    purpose: str,
    *,
    needed: int = 0,
    advised: int = 0,
    runs: bool = False,
    keeps: bool = False,
    files: int = _FILES_IN_A_PLACE,
) -> Place:
    answer = seen.get(f"disk:{path}", ABSENT)
    return Place(
        purpose,
        path,
        answer.get("mount", ""),
        answer.get("type", ""),
        frozenset(answer.get("options", "").split(",")),
        answer.get("device", ""),
        number(answer, "kib"),
        number(answer, "inodes"),
        needed,
        advised,
        runs,
        keeps,
        files,
    )


def _absent(archive: Archive, seen: Mapping[str, Answer]) -> bool:
    path = java_path(archive) if archive.product is Product.JAVA else release_path(archive)
    return seen.get(f"release:{path}", ABSENT).get("status") != "present"
