"""Which paths an installation uses: where it writes, what it reads, and whose services go there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kprov.desired.common import KAFKA_USER, RELEASES, ZOOKEEPER_USER
from kprov.desired.java import java_program
from kprov.desired.kafka import kafka_logs, kafka_temporary
from kprov.desired.zookeeper import zookeeper_logs, zookeeper_temporary
from kprov.spec.broker import log_dirs, zookeeper_data
from kprov.spec.model import Cluster, Host, Mode

STATE = "/var/lib/kprov"
UNIT_FILES = "/etc/systemd/system"
_PROFILE = "/etc/profile.d"


@dataclass(frozen=True)
class UsedPath:
    """users: whose services go there; data: whether the user's data are in it."""

    path: str
    purpose: str
    users: tuple[str, ...] = ()
    data: bool = False


def used_paths(cluster: Cluster, host: Host, java_home: str) -> Iterator[UsedPath]:
    """Every path that somebody must be able to reach."""
    kafka, zookeeper, both = (KAFKA_USER,), (ZOOKEEPER_USER,), (KAFKA_USER, ZOOKEEPER_USER)
    standalone = cluster.zookeeper.mode is Mode.STANDALONE
    for path in log_dirs(cluster, host):
        yield UsedPath(path, "the messages", kafka, data=True)
    for path in zookeeper_data(cluster):
        yield UsedPath(path, "ZooKeeper's data", zookeeper, data=True)
    yield UsedPath(cluster.kafka.home, "Kafka's home", kafka if standalone else both)
    yield UsedPath(kafka_logs(cluster), "Kafka's logs", kafka)
    if standalone:
        yield UsedPath(cluster.zookeeper.home, "ZooKeeper's home", zookeeper)
    yield UsedPath(zookeeper_logs(cluster), "ZooKeeper's logs", zookeeper)
    yield UsedPath(java_home, "Java", both)
    yield UsedPath(java_program(java_home), "Java", both)
    yield UsedPath(RELEASES, "the releases", both)
    for path in (STATE, UNIT_FILES, _PROFILE):
        yield UsedPath(path, "what kprov writes")


def written_directories(cluster: Cluster, host: Host) -> tuple[str, ...]:
    """Directories that the services write to and that stay."""
    places = (*log_dirs(cluster, host), *zookeeper_data(cluster), kafka_logs(cluster), zookeeper_logs(cluster))
    return tuple(dict.fromkeys(places))


def temporary_directories(cluster: Cluster) -> dict[str, str]:
    """Whose temporary files are where: the product's label by path."""
    return {kafka_temporary(cluster): "Kafka", zookeeper_temporary(cluster): "ZooKeeper"}
