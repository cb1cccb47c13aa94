"""The configuration of one ZooKeeper server, and of the ensemble that it belongs to."""

from __future__ import annotations

from dataclasses import dataclass

from kprov.spec.listener import endpoint
from kprov.spec.model import Cluster, Host, Mode, RoleName

# The article's places: the bundled ZooKeeper is in this folder of Kafka's home.
BUNDLED_FOLDER = "zk_dir"
_STANDALONE_DATA = "/var/lib/zookeeper"
PEER_PORT, ELECTION_PORT = 2888, 3888


@dataclass(frozen=True)
class Member:
    """A server of an ensemble as the others know it. peer: followers connect to it; election: for electing a leader."""

    id: int
    address: str
    peer: int = PEER_PORT
    election: int = ELECTION_PORT

    def __str__(self) -> str:
        """The value of ``server.ID``."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.peer}:{self.election}"


@dataclass(frozen=True)
class ZooKeeperConfig:
    """The configuration of one ZooKeeper server.

    id: its myid. version: of ZooKeeper, in bundled mode that of the one in Kafka's archive. home: the directory that
    holds its bin and its configuration, in bundled mode Kafka's home. folder: the directory of its logs and temporary
    files. heap: as for java -Xmx. data_dir, data_log_dir: dataDir with snapshots and myid, dataLogDir with transaction
    logs. members: all servers of the ensemble in the order of their ids; empty for a single server.
    """

    id: int
    version: str
    mode: Mode
    home: str
    folder: str
    heap: str
    client_port: int
    data_dir: str
    data_log_dir: str
    members: tuple[Member, ...] = ()

    @property
    def bundled(self) -> bool:
        return self.mode is Mode.BUNDLED

    @property
    def data(self) -> tuple[str, str]:
        """dataDir and dataLogDir."""
        return self.data_dir, self.data_log_dir


def zookeeper_config(cluster: Cluster, host: Host, version: str) -> ZooKeeperConfig:
    """The configuration of the server on one host of the cluster. version: of the ZooKeeper that will run."""
    zookeeper, bundled = cluster.zookeeper, cluster.zookeeper.mode is Mode.BUNDLED
    home = cluster.kafka.home if bundled else zookeeper.home
    members = tuple(Member(item.zookeeper.id, own_address(item)) for item in cluster.playing(RoleName.ZOOKEEPER))
    return ZooKeeperConfig(
        host.zookeeper.id,
        version,
        zookeeper.mode,
        home,
        f"{home}/{BUNDLED_FOLDER}" if bundled else home,
        zookeeper.heap,
        zookeeper.client_port,
        *zookeeper_data(cluster),
        members=tuple(sorted(members, key=lambda item: item.id)) if len(members) > 1 else (),
    )


def zookeeper_data(cluster: Cluster) -> tuple[str, str]:
    """dataDir and dataLogDir: the article's for the bundled ZooKeeper, otherwise below /var/lib/zookeeper."""
    if cluster.zookeeper.mode is Mode.BUNDLED:
        base = f"{cluster.kafka.home}/{BUNDLED_FOLDER}"
        data, logs = f"{base}/zk_data", f"{base}/zk_logs"
    else:
        data, logs = f"{_STANDALONE_DATA}/data", f"{_STANDALONE_DATA}/logs"
    return cluster.zookeeper.data_dir or data, cluster.zookeeper.data_log_dir or logs


def own_address(host: Host) -> str:
    """The address that the hosts of the cluster use for this host."""
    return host.internal or host.address


def zookeeper_connect(cluster: Cluster) -> str:
    """The value of ``zookeeper.connect`` for brokers and tools: every host that runs ZooKeeper (A7)."""
    servers = cluster.playing(RoleName.ZOOKEEPER)
    return ",".join(endpoint(own_address(host), cluster.zookeeper.client_port) for host in servers)
