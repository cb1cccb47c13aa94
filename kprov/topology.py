"""From the settings of a cluster to its nodes: which roles each host plays, and what follows from that. Pure.

A ``Node`` is made once and carries every value that depends on the cluster as a whole: ids, addresses, the connect
string, the broker's properties. Whatever runs later reads them there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from kprov.releases.catalogue import bundled_zookeeper
from kprov.spec.broker import BrokerConfig, broker_config
from kprov.spec.model import Cluster, Host, Mode, RoleName
from kprov.spec.zookeeper import ZooKeeperConfig, zookeeper_config, zookeeper_connect


@dataclass(frozen=True)
class Node:
    """One host of a cluster.

    cluster, host: the settings that it was made from. zookeeper_connect: the addresses of all ZooKeeper servers, for
    brokers and tools. zookeeper_config, broker_config: the configuration of its roles, None for a role that it does not
    play. java_home: JAVA_HOME on the host; java_version: the version of that Java. Both are empty until the releases
    have been found, and the version also if the host's own Java does not tell it.
    """

    cluster: Cluster
    host: Host
    zookeeper_connect: str
    zookeeper_config: ZooKeeperConfig | None
    broker_config: BrokerConfig | None
    java_home: str = ""
    java_version: str = ""

    @property
    def roles(self) -> tuple[RoleName, ...]:
        """The roles that it plays, in the order in which their services start."""
        configs = {RoleName.ZOOKEEPER: self.zookeeper_config, RoleName.BROKER: self.broker_config}
        return tuple(name for name in RoleName if configs[name] is not None)

    @property
    def zookeeper(self) -> ZooKeeperConfig:
        """The configuration of its ZooKeeper server. Raises LookupError if it runs none."""
        if self.zookeeper_config is None:
            raise LookupError(f"{self.host.address} runs no ZooKeeper server")
        return self.zookeeper_config

    @property
    def broker(self) -> BrokerConfig:
        """The configuration of its broker. Raises LookupError if it runs none."""
        if self.broker_config is None:
            raise LookupError(f"{self.host.address} runs no broker")
        return self.broker_config

    @property
    def public_host(self) -> str:
        """The name or address that clients connect to; of a node without a broker, the one that nodes connect to."""
        return self.broker_config.public_host if self.broker_config is not None else self.host.address

    def with_java(self, home: str, version: str = "") -> Node:
        """The node with the Java that its services run on."""
        return replace(self, java_home=home, java_version=version)

    def with_host(self, host: Host) -> Node:
        """The node after a change of its host's settings, with everything that follows from them."""
        hosts = tuple(host if item == self.host else item for item in self.cluster.hosts)
        cluster = self.cluster.model_copy(update={"hosts": hosts})
        return _node(cluster, host).with_java(self.java_home, self.java_version)

    def with_cluster(self, cluster: Cluster) -> Node:
        """The same host in a cluster with other settings."""
        index = self.cluster.hosts.index(self.host)
        return _node(cluster, cluster.hosts[index]).with_java(self.java_home, self.java_version)


def topology(cluster: Cluster) -> tuple[Node, ...]:
    """The nodes of a cluster, in the order of its hosts."""
    return tuple(_node(cluster, host) for host in cluster.hosts)


def node_at(cluster: Cluster, address: str) -> Node:
    """The node of the host with this address; of a cluster of one host, that host. Raises LookupError for others."""
    for host in cluster.hosts:
        if host.address == address or len(cluster.hosts) == 1:
            return _node(cluster, host)
    raise LookupError(f"the cluster has no host {address}")


def _node(cluster: Cluster, host: Host) -> Node:
    server = zookeeper_config(cluster, host, zookeeper_version(cluster)) if host.plays(RoleName.ZOOKEEPER) else None
    broker = broker_config(cluster, host) if host.plays(RoleName.BROKER) else None
    return Node(cluster, host, zookeeper_connect(cluster), server, broker)


def zookeeper_version(cluster: Cluster) -> str:
    """The version of the ZooKeeper that will run."""
    if cluster.zookeeper.mode is Mode.BUNDLED:
        return bundled_zookeeper(cluster.kafka.version)
    return cluster.zookeeper.version
