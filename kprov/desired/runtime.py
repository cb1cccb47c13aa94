"""What somebody who talks to the installed services must know: places, ports, addresses, versions."""

from __future__ import annotations

from dataclasses import dataclass

from packaging.version import Version

from kprov.desired.common import KAFKA_UNIT, ZOOKEEPER_UNIT
from kprov.desired.kafka import kafka_log_files
from kprov.desired.zookeeper import zookeeper_logs, zookeeper_version
from kprov.spec.broker import (
    bootstrap_server,
    broker_properties,
    listener_ports,
    local_server,
    log_dirs,
    zookeeper_connect,
    zookeeper_data,
)
from kprov.spec.broker_values import parse_protocol_version
from kprov.spec.model import Cluster, Host
from kprov.spec.protocol import in_force

CODECS = ("gzip", "snappy", "lz4")
# Both in 2.1.0 and in its protocol (KIP-110), and in no message format before that of 0.11.
_ZSTD_SINCE, _ZSTD_FORMAT = Version("2.1"), Version("0.11")


@dataclass(frozen=True)
class Runtime:
    """One installed host. Addresses are host:port texts; ports by unit, the first is the one that is waited for.

    bootstrap: for clients; local: for clients on the host itself, which may need another.

    java: its version, empty where it is not known. logs: the log files of each unit, the main one first; data:
    directories of the user's data. codecs: the compression types that the broker takes.
    """

    kafka: Version
    zookeeper: str
    java: str
    java_home: str
    home: str
    broker_id: int
    bootstrap: str
    local: str
    zookeeper_connect: str
    ports: dict[str, tuple[int, ...]]
    logs: dict[str, tuple[str, ...]]
    data: tuple[str, ...]
    codecs: tuple[str, ...] = CODECS

    @property
    def classpath(self) -> str:
        """Where ZooKeeper's client classes are: Kafka brings them along in both modes."""
        return f"{self.home}/libs/*"

    @property
    def log_files(self) -> dict[str, str]:
        """The main log file of each unit."""
        return {unit: files[0] for unit, files in self.logs.items()}

    @property
    def units(self) -> tuple[str, ...]:
        """In the order in which they start."""
        return (ZOOKEEPER_UNIT, KAFKA_UNIT)


def runtime(cluster: Cluster, host: Host, java_home: str, java: str = "") -> Runtime:
    """The runtime that a specification leads to."""
    return Runtime(
        kafka=cluster.kafka.parsed,
        zookeeper=zookeeper_version(cluster),
        java=java,
        java_home=java_home,
        home=cluster.kafka.home,
        broker_id=host.broker.id,
        bootstrap=bootstrap_server(cluster, host),
        local=local_server(cluster, host),
        zookeeper_connect=zookeeper_connect(cluster),
        ports={
            ZOOKEEPER_UNIT: (cluster.zookeeper.client_port,),
            KAFKA_UNIT: tuple(listener_ports(cluster, host).values()),
        },
        logs={
            ZOOKEEPER_UNIT: (f"{zookeeper_logs(cluster)}/zookeeper.log",),
            KAFKA_UNIT: kafka_log_files(cluster),
        },
        data=(*log_dirs(cluster, host), *zookeeper_data(cluster)),
        codecs=codecs(cluster, host),
    )


def codecs(cluster: Cluster, host: Host) -> tuple[str, ...]:
    """The compression types of a broker: zstd only once an upgrade has raised its protocol."""
    message_format = broker_properties(cluster, host).get("log.message.format.version", "")
    zstd = in_force(cluster) >= _ZSTD_SINCE and (parse_protocol_version(message_format) or _ZSTD_FORMAT) >= _ZSTD_FORMAT
    return (*CODECS, "zstd") if zstd else CODECS
