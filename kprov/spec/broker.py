"""The broker properties of one host: the article's values, values derived from the hosts, and the user's settings."""

from __future__ import annotations

from collections.abc import Mapping

from packaging.version import Version

from kprov.spec.broker_keys import ADDRESS_KEYS, MESSAGE_FORMAT, PROTOCOL, broker_keys
from kprov.spec.broker_values import split_list
from kprov.spec.listener import Listener, parse_listeners, reachable
from kprov.spec.model import Cluster, Host, Mode
from kprov.spec.target import Target, parse_target

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


def advertised_address(host: Host) -> str:
    """The name or address by which clients reach the host."""
    return host.advertised or host.address


def own_properties(cluster: Cluster, host: Host) -> dict[str, str]:
    """The properties that the user set for this host's broker; the host's own override the shared ones."""
    return {**cluster.kafka.properties, **host.broker.properties}


def plugin_properties(cluster: Cluster, host: Host) -> dict[str, str]:
    """The user's properties for plugins of this host's broker; the host's own override the shared ones."""
    return {**cluster.kafka.plugin_properties, **host.broker.plugin_properties}


def endpoint(address: str, port: int) -> str:
    """``address:port``, with brackets around an IPv6 address."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def zookeeper_connect(cluster: Cluster) -> str:
    """The value of ``zookeeper.connect`` for brokers and tools: every host that runs ZooKeeper (A7)."""
    return ",".join(endpoint(host.internal or host.address, cluster.zookeeper.client_port) for host in cluster.hosts)


def internal_port(cluster: Cluster, host: Host) -> int | None:
    """The port of the internal listener, the next free one; None if there is no such listener."""
    own = own_properties(cluster, host)
    if not host.internal or any(name in own for name in _LISTENER_KEYS):
        return None
    taken = {cluster.zookeeper.client_port, cluster.kafka.jmx_port}
    port = int(own.get("port", cluster.kafka.port))
    return next(number for number in (port + 1, port + 2, port + 3) if number not in taken)


def broker_properties(cluster: Cluster, host: Host) -> dict[str, str]:
    """All properties of one host's server.properties; the template decides their order in the file."""
    own = own_properties(cluster, host)
    # A6: the broker reads host.name and port only if listeners is not set, and kprov always sets it.
    bind = own.pop("host.name", "").strip()
    port = int(own.pop("port", cluster.kafka.port))
    public = own.pop("advertised.host.name", bind if reachable(bind) else advertised_address(host)).strip()
    public_port = int(own.pop("advertised.port", port))
    internal = str(min(3, len(cluster.hosts)))
    values = {
        "broker.id": str(host.broker.id),
        "listeners": str(Listener("PLAINTEXT", bind, port)),
        "advertised.listeners": str(Listener("PLAINTEXT", public, public_port)),
        **ARTICLE,
        "offsets.topic.replication.factor": internal,
        "transaction.state.log.replication.factor": internal,
        "transaction.state.log.min.isr": "1" if len(cluster.hosts) < 3 else "2",
        "zookeeper.connect": zookeeper_connect(cluster),
    }
    if (protocol := cluster.kafka.protocol) is not None:
        values[PROTOCOL] = protocol
        # From 3.0 on the protocol determines the format; before, it must not be later (KafkaConfig.validateValues).
        if Version(protocol) < Version("3.0"):
            values[MESSAGE_FORMAT] = protocol
    if (inside := internal_port(cluster, host)) and host.internal:
        listener = Listener(INTERNAL, host.internal, inside)
        values["listeners"] += f",{listener}"
        values["advertised.listeners"] += f",{listener}"
        values["listener.security.protocol.map"] = f"PLAINTEXT:PLAINTEXT,{INTERNAL}:PLAINTEXT"
        values["inter.broker.listener.name"] = INTERNAL
    if "listeners" in own and "advertised.listeners" not in own:
        values["advertised.listeners"] = ",".join(
            str(Listener(listener.name, listener.host if reachable(listener.host) else public, listener.port))
            for listener in parse_listeners(own["listeners"])
        )
    return values | own | plugin_properties(cluster, host)


def explained(cluster: Cluster, host: Host) -> list[str]:
    """Notes about properties that kprov accepts but writes in another form (A6)."""
    own = own_properties(cluster, host)
    result = broker_properties(cluster, host)
    notes = []
    for name in ADDRESS_KEYS:
        if name in own:
            new = "advertised.listeners" if name.startswith("advertised") else "listeners"
            notes.append(
                f"{name}={own[name]} is written as {new}={result[new]}: a broker reads {name} only if "
                "listeners is not set, and not at all from 3.0 on"
            )
    if passed := sorted(plugin_properties(cluster, host)):
        notes.append(f"kprov cannot check the properties for plugins: {', '.join(passed)}")
    derived = zookeeper_connect(cluster)
    if own.get("zookeeper.connect", derived) != derived:
        notes.append(f"zookeeper.connect={own['zookeeper.connect']} is not {derived}, the ZooKeeper that kprov starts")
    return notes


def listener_ports(cluster: Cluster, host: Host) -> dict[str, int]:
    """Port by listener name on this host."""
    return {item.name: item.port for item in parse_listeners(broker_properties(cluster, host)["listeners"])}


def bootstrap_server(cluster: Cluster, host: Host) -> str:
    """``address:port`` of the first advertised listener, for clients."""
    first = parse_listeners(broker_properties(cluster, host)["advertised.listeners"])[0]
    return endpoint(first.host, first.port)


def local_server(cluster: Cluster, host: Host) -> str:
    """``address:port`` for clients on the host itself."""
    inside = internal_port(cluster, host)
    return endpoint(host.internal, inside) if inside and host.internal else bootstrap_server(cluster, host)


def public_ports(cluster: Cluster, host: Host) -> tuple[int, ...]:
    """The ports that clients on other machines connect to."""
    ports = {port for port in listener_ports(cluster, host).values() if port != internal_port(cluster, host)}
    return tuple(sorted(ports))


def public_host(cluster: Cluster, host: Host) -> str:
    """The name or address that clients connect to."""
    return parse_listeners(broker_properties(cluster, host)["advertised.listeners"])[0].host


def log_dirs(cluster: Cluster, host: Host) -> tuple[str, ...]:
    """The directories that store the messages."""
    return tuple(split_list(broker_properties(cluster, host)["log.dirs"]))


def session_timeout_ms(cluster: Cluster, host: Host) -> int:
    """The effective zookeeper.session.timeout.ms: a killed broker stays registered for that long."""
    value = broker_properties(cluster, host).get("zookeeper.session.timeout.ms")
    if value is None:
        value = broker_keys(Version(cluster.kafka.version))["zookeeper.session.timeout.ms"].default
    return int(value)


def zookeeper_data(cluster: Cluster) -> tuple[str, str]:
    """dataDir and dataLogDir: the article's for the bundled ZooKeeper, otherwise below /var/lib/zookeeper."""
    if cluster.zookeeper.mode is Mode.BUNDLED:
        base = f"{cluster.kafka.home}/zk_dir"
        data, logs = f"{base}/zk_data", f"{base}/zk_logs"
    else:
        data, logs = "/var/lib/zookeeper/data", "/var/lib/zookeeper/logs"
    return cluster.zookeeper.data_dir or data, cluster.zookeeper.data_log_dir or logs


def login(host: Host) -> Target:
    """Where to log in for this host."""
    parsed = parse_target(host.address)
    if not isinstance(parsed, Target):
        raise TypeError(f"{host.address!r} was validated but is not a target")
    return Target(parsed.name, host.ssh.user, host.ssh.port)
