"""The configuration of one broker: the article's values, values derived from the hosts, and the user's settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from packaging.version import Version

from kprov.spec.broker_keys import ADDRESS_KEYS, MESSAGE_FORMAT, PROTOCOL, broker_keys
from kprov.spec.broker_values import parse_protocol_version, protocol_of, split_list
from kprov.spec.listener import Listener, endpoint, parse_listeners, reachable
from kprov.spec.model import Cluster, Host, RoleName
from kprov.spec.zookeeper import own_address, zookeeper_connect

# The values of the article's server.properties; the user may override any of them.
ARTICLE: Mapping[str, str] = {
    "num.network.threads": "3",
    "num.io.threads": "8",
    "socket.send.buffer.bytes": "102400",
    "socket.receive.buffer.bytes": "102400",
    "socket.request.max.bytes": "104857600",
    "log.dirs": "/home/temp/kafka_logs",
    "num.partitions": "1",
    "num.recovery.threads.per.data.dir": "1",
    "log.retention.hours": "168",
    "log.segment.bytes": "1073741824",
    "log.retention.check.interval.ms": "300000",
    "zookeeper.connection.timeout.ms": "6000",
    "group.initial.rebalance.delay.ms": "0",
}


# The listener that a host uses to reach itself if the advertised address works only from outside.
INTERNAL = "INTERNAL"
# A user who sets one of these defines the listeners, and kprov adds none.
_LISTENER_KEYS = (
    "listeners",
    "advertised.listeners",
    "listener.security.protocol.map",
    "inter.broker.listener.name",
    "security.inter.broker.protocol",
)
CODECS = ("gzip", "snappy", "lz4")
# Both in 2.1.0 and in its protocol (KIP-110), and in no message format before that of 0.11.
_ZSTD_SINCE, _ZSTD_FORMAT = Version("2.1"), Version("0.11")


@dataclass(frozen=True)
class BrokerConfig:
    """The configuration of one broker. Texts with an address are ``address:port``.

    id: broker.id. version: of Kafka. home: Kafka's home. heap: its size, as for java -Xmx. own: the properties that the
    user set for this broker, those of its host before the shared ones; plugin_properties: likewise, for its plugins.
    properties: all of server.properties; the template decides their order in the file. internal_address: the address
    that the host uses for itself, empty if the one for clients works there; internal_port: the port of the listener
    for it, None if there is no such listener.

    The values derived from listeners need valid listeners, and raise WrongValueError without.
    """

    id: int
    version: Version
    home: str
    heap: str
    jmx_port: int | None
    own: Mapping[str, str]
    plugin_properties: Mapping[str, str]
    properties: Mapping[str, str]
    internal_address: str = ""
    internal_port: int | None = None

    @cached_property
    def listeners(self) -> tuple[Listener, ...]:
        """What the broker binds to."""
        return parse_listeners(self.properties["listeners"])

    @cached_property
    def advertised(self) -> tuple[Listener, ...]:
        """What clients connect to."""
        return parse_listeners(self.properties["advertised.listeners"])

    @property
    def ports(self) -> dict[str, int]:
        """Port by listener name."""
        return {item.name: item.port for item in self.listeners}

    @property
    def public_ports(self) -> tuple[int, ...]:
        """The ports that clients on other machines connect to."""
        return tuple(sorted({port for port in self.ports.values() if port != self.internal_port}))

    @property
    def public_host(self) -> str:
        """The name or address that clients connect to."""
        return self.advertised[0].host

    @property
    def bootstrap(self) -> str:
        """The address of the first advertised listener, for clients."""
        return endpoint(self.public_host, self.advertised[0].port)

    @property
    def local(self) -> str:
        """The address for clients on the host itself."""
        return endpoint(*self.local_endpoint)

    @property
    def local_endpoint(self) -> tuple[str, int]:
        """The same as address and port."""
        if self.internal_port:
            return self.internal_address, self.internal_port
        return self.public_host, self.advertised[0].port

    @property
    def log_dirs(self) -> tuple[str, ...]:
        """The directories that store the messages."""
        return tuple(split_list(self.properties["log.dirs"]))

    @property
    def session_timeout_ms(self) -> int:
        """The effective zookeeper.session.timeout.ms: a killed broker stays registered for that long."""
        name = "zookeeper.session.timeout.ms"
        return int(self.properties.get(name, broker_keys(self.version)[name].default))

    @property
    def protocol(self) -> Version:
        """The effective inter.broker.protocol.version."""
        text = self.properties.get(PROTOCOL, "")
        return protocol_of(parse_protocol_version(text.strip()) or self.version)

    @property
    def codecs(self) -> tuple[str, ...]:
        """The compression types that it accepts: zstd only once an upgrade has raised its protocol."""
        message_format = parse_protocol_version(self.properties.get(MESSAGE_FORMAT, "")) or _ZSTD_FORMAT
        zstd = self.protocol >= _ZSTD_SINCE and message_format >= _ZSTD_FORMAT
        return (*CODECS, "zstd") if zstd else CODECS


def broker_config(cluster: Cluster, host: Host) -> BrokerConfig:
    """The configuration of the broker on one host of the cluster."""
    own = {**cluster.kafka.properties, **host.broker.properties}
    plugin_properties = {**cluster.kafka.plugin_properties, **host.broker.plugin_properties}
    inside = _internal_port(cluster, host, own)
    return BrokerConfig(
        host.broker.id,
        cluster.kafka.parsed,
        cluster.kafka.home,
        cluster.kafka.heap,
        cluster.kafka.jmx_port,
        own,
        plugin_properties,
        _properties(cluster, host, own, inside) | plugin_properties,
        own_address(host) if inside else "",
        inside,
    )


def _internal_port(cluster: Cluster, host: Host, own: Mapping[str, str]) -> int | None:
    """The next free port; None if no broker needs an internal listener, or the user defines the listeners."""
    needed = any(item.internal for item in cluster.playing(RoleName.BROKER))
    if not needed or any(name in own for name in _LISTENER_KEYS):
        return None
    taken = {cluster.zookeeper.client_port, cluster.kafka.jmx_port}
    port = int(own.get("port", cluster.kafka.port))
    return next(number for number in (port + 1, port + 2, port + 3) if number not in taken)


def _properties(cluster: Cluster, host: Host, given: Mapping[str, str], inside: int | None) -> dict[str, str]:
    """The article's values, the derived ones, and the given ones."""
    own = dict(given)
    # A6: the broker reads host.name and port only if listeners is not set, and kprov always sets it.
    bind = own.pop("host.name", "").strip()
    port = int(own.pop("port", cluster.kafka.port))
    public = own.pop("advertised.host.name", bind if reachable(bind) else host.advertised or host.address).strip()
    public_port = int(own.pop("advertised.port", port))
    replicas = str(min(3, cluster.brokers))
    in_sync = "1" if cluster.brokers < 3 else "2"
    values = {
        "broker.id": str(host.broker.id),
        "listeners": str(Listener("PLAINTEXT", bind, port)),
        "advertised.listeners": str(Listener("PLAINTEXT", public, public_port)),
        **ARTICLE,
        "offsets.topic.replication.factor": replicas,
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": in_sync,
        "zookeeper.connect": zookeeper_connect(cluster),
    }
    if (protocol := cluster.kafka.protocol) is not None:
        values[PROTOCOL] = protocol
        # From 3.0 on the protocol determines the format; before, it must not be later (KafkaConfig.validateValues).
        if Version(protocol) < Version("3.0"):
            values[MESSAGE_FORMAT] = protocol
    if cluster.brokers > 1:
        values |= {"default.replication.factor": replicas, "min.insync.replicas": in_sync}
    if host.broker.rack is not None:
        values["broker.rack"] = host.broker.rack
    if inside:
        # Brokers talk to each other through listeners of one name: if one needs it, all have it.
        listener = Listener(INTERNAL, own_address(host), inside)
        values["listeners"] += f",{listener}"
        values["advertised.listeners"] += f",{listener}"
        values["listener.security.protocol.map"] = f"PLAINTEXT:PLAINTEXT,{INTERNAL}:PLAINTEXT"
        values["inter.broker.listener.name"] = INTERNAL
    if "listeners" in own and "advertised.listeners" not in own:
        values["advertised.listeners"] = ",".join(
            str(Listener(listener.name, listener.host if reachable(listener.host) else public, listener.port))
            for listener in parse_listeners(own["listeners"])
        )
    return values | own


def explained(broker: BrokerConfig, connect: str) -> list[str]:
    """Notes about properties that kprov accepts but writes in another form (A6).

    connect: the connect string of the ZooKeeper that kprov starts.
    """
    own = broker.own
    notes = []
    for name in ADDRESS_KEYS:
        if name in own:
            new = "advertised.listeners" if name.startswith("advertised") else "listeners"
            notes.append(
                f"{name}={own[name]} is written as {new}={broker.properties[new]}: a broker reads {name} only if "
                "listeners is not set, and not at all from 3.0 on"
            )
    if passed := sorted(broker.plugin_properties):
        notes.append(f"kprov cannot check the properties for plugins: {', '.join(passed)}")
    if own.get("zookeeper.connect", connect) != connect:
        notes.append(f"zookeeper.connect={own['zookeeper.connect']} is not {connect}, the ZooKeeper that kprov starts")
    return notes
