"""Kafka (A4 to A9): release, home, configuration, unit. Reads like the article, top to bottom."""

from __future__ import annotations

from packaging.version import Version

from kprov.desired.common import (
    JMX_OFF,
    KAFKA_UNIT,
    KAFKA_USER,
    TEMPORARY,
    environment_file,
    parents,
    release,
    release_path,
    temporary,
    temporary_option,
)
from kprov.desired.hardening import as_written_and_real, hardening, mount_units, place, protect_home, writable
from kprov.desired.inputs import Inputs
from kprov.desired.java import java_paths
from kprov.desired.templates import PropertyLines, render
from kprov.kinds.base import Resource
from kprov.kinds.data import DataDirectory, Holds
from kprov.kinds.directory import Directory, Purpose
from kprov.kinds.file import File
from kprov.kinds.link import Link
from kprov.kinds.links import Links
from kprov.kinds.port import FirewallPort
from kprov.kinds.user import User
from kprov.spec.broker import broker_properties, listener_ports, log_dirs, public_ports, session_timeout_ms
from kprov.spec.broker_keys import BrokerKey, describe, read_keys
from kprov.spec.model import Cluster, Host

# The log files beside server.log: (appender, file, loggers that write there instead).
_APPENDERS = (
    ("server", "server.log", ()),
    ("state", "state-change.log", (("state.change.logger", "INFO"),)),
    ("controller", "controller.log", (("kafka.controller", "INFO"),)),
    ("cleaner", "log-cleaner.log", (("kafka.log.LogCleaner", "INFO"),)),
    ("authorizer", "kafka-authorizer.log", (("kafka.authorizer.logger", "INFO"),)),
    (
        "request",
        "kafka-request.log",
        (("kafka.request.logger", "WARN"), ("kafka.network.RequestChannel$", "WARN")),
    ),
)
# A controlled shutdown tries three times and flushes every partition.
_STOP_SECONDS = 300


def kafka_logs(cluster: Cluster) -> str:
    """The directory of the broker's own log files."""
    return f"{cluster.kafka.home}/logs"


def kafka_temporary(cluster: Cluster) -> str:
    """The directory of the broker's temporary files."""
    return f"{cluster.kafka.home}/{TEMPORARY}"


def kafka_log_files(cluster: Cluster) -> tuple[str, ...]:
    """The broker's own log files, server.log first."""
    return tuple(f"{kafka_logs(cluster)}/{file}" for _, file, _ in _APPENDERS)


def user() -> User:
    """The system user that the broker runs as."""
    return User(KAFKA_USER)


def kafka_home(cluster: Cluster, inputs: Inputs) -> list[Resource]:
    """The release and the home: links into the release, and what is the home's own."""
    home, path = cluster.kafka.home, release_path(inputs.kafka)
    return [
        release(inputs.kafka, path),
        *parents(home),
        Directory(home),
        # bin is a folder of links: through a link to the folder the launchers would take config from the release.
        Links(f"{home}/bin", f"{path}/bin"),
        Link(f"{home}/libs", f"{path}/libs"),
        Directory(f"{home}/config"),
        Directory(kafka_logs(cluster), KAFKA_USER, KAFKA_USER, "0750", purpose=Purpose.LOGS),
        temporary(kafka_temporary(cluster), KAFKA_USER),
    ]


def kafka(cluster: Cluster, host: Host, inputs: Inputs) -> list[Resource]:
    """Configuration, data directories and unit of the broker, in order."""
    home, spare = cluster.kafka.home, _spare(cluster, host)
    data: list[Resource] = []
    for path in log_dirs(cluster, host):
        data += [*parents(path), DataDirectory(path, KAFKA_USER, KAFKA_USER, Holds.KAFKA, str(host.broker.id))]
    return [
        File(f"{home}/config/server.properties", server_properties(cluster, host), group=KAFKA_USER, mode="0640"),
        File(f"{home}/config/log4j.properties", render("log4j.properties", appenders=_APPENDERS)),
        environment_file(f"{home}/config/kafka.env", KAFKA_UNIT, KAFKA_USER, _environment(cluster, inputs)),
        *data,
        _unit(cluster, host, inputs),
        *hardening(KAFKA_UNIT, inputs.systemd, [place(path, inputs.real, spare) for path in _written(cluster, host)]),
    ]


def tools(cluster: Cluster, host: Host, inputs: Inputs) -> list[Resource]:
    """What people use and no service reads: the article's scripts (A17, A18), the tools' logging."""
    home = cluster.kafka.home
    values = {
        "java_home": inputs.java_home,
        "classpath": f"{home}/libs/*",
        "client_port": cluster.zookeeper.client_port,
        "port": min(listener_ports(cluster, host).values()),
    }
    return [
        File(f"{home}/config/tools-log4j.properties", render("tools-log4j.properties")),
        *(File(f"{home}/{name}", render(name, **values), mode="0755") for name in ("kk_zk_start.sh", "kk_zk_stop.sh")),
    ]


def firewall(cluster: Cluster, host: Host, inputs: Inputs) -> list[Resource]:
    """The listeners' ports, where firewalld runs. ZooKeeper's stays shut: its only client is on the host."""
    if not inputs.firewalld:
        return []
    return [FirewallPort(port, inputs.zone) for port in public_ports(cluster, host)]


def server_properties(cluster: Cluster, host: Host) -> bytes:
    """config/server.properties (A5 to A7)."""
    values = broker_properties(cluster, host)
    lines = PropertyLines(values)
    keys = read_keys(cluster.kafka.parsed)

    def rest() -> list[tuple[str, str]]:
        return [(_comment(keys.get(name)), line) for name, line in lines.rest()]

    return render(
        "server.properties",
        line=lines.line,
        rest=rest,
        kafka_version=cluster.kafka.version,
        broker_id=host.broker.id,
    )


def _comment(key: BrokerKey | None) -> str:
    """What Kafka's own table says of a key that the user set; a listener's or a plugin's key is in no table."""
    if key is None:
        return "Read by a listener or a plugin."
    valid = f", {describe(key.valid)}" if key.valid else ""
    default = {"": "empty", "null": "none"}.get(key.default, key.default)
    return f"{key.type.capitalize()}{valid}; Kafka's default is {default}."


def _environment(cluster: Cluster, inputs: Inputs) -> dict[str, str]:
    return {
        "JAVA_HOME": inputs.java_home,
        "LOG_DIR": kafka_logs(cluster),
        "KAFKA_HEAP_OPTS": f"-Xms{cluster.kafka.heap} -Xmx{cluster.kafka.heap}",
        "KAFKA_JMX_OPTS": _jmx(cluster.kafka.jmx_port),
        # Not in KAFKA_OPTS, which people set in a drop-in of their own: this file would override that.
        "KAFKA_LOG4J_OPTS": f"-Dlog4j.configuration=file:{cluster.kafka.home}/config/log4j.properties "
        + temporary_option(kafka_temporary(cluster)),
        **inputs.environment,
    }


def _jmx(port: int | None) -> str:
    """JMX for the host itself alone, where it is asked for: neither of its two ports is bound elsewhere."""
    if port is None:
        return JMX_OFF
    remote = "-Dcom.sun.management.jmxremote"
    values = (
        "authenticate=false",
        "ssl=false",
        "local.only=true",
        "host=127.0.0.1",
        f"port={port}",
        f"rmi.port={port}",
    )
    return " ".join((*(f"{remote}.{value}" for value in values), "-Djava.rmi.server.hostname=127.0.0.1"))


def _written(cluster: Cluster, host: Host) -> list[str]:
    """The directories that the broker writes to."""
    return [kafka_logs(cluster), kafka_temporary(cluster), *log_dirs(cluster, host)]


def _spare(cluster: Cluster, host: Host) -> tuple[str, ...]:
    """The data directories that may be missing: of several, the broker runs without one."""
    data = log_dirs(cluster, host)
    return data if len(data) > 1 else ()


def _unit(cluster: Cluster, host: Host, inputs: Inputs) -> File:
    session = session_timeout_ms(cluster, host)
    used = [cluster.kafka.home, release_path(inputs.kafka), *java_paths(inputs)]
    spare = _spare(cluster, host)
    required = () if spare else log_dirs(cluster, host)
    text = render(
        "kafka.service",
        kafka_version=str(Version(cluster.kafka.version)),
        broker_id=host.broker.id,
        user=KAFKA_USER,
        env_file=f"{cluster.kafka.home}/config/kafka.env",
        home=cluster.kafka.home,
        temporary=kafka_temporary(cluster),
        stop_seconds=_STOP_SECONDS,
        session_ms=session,
        restart_seconds=session // 1000 + 4,
        mounts=as_written_and_real([*required, *used], inputs.real),
        wanted_mounts=mount_units(as_written_and_real(spare, inputs.real)),
        protect_home=protect_home([*_written(cluster, host), *used], inputs.real),
        writable=writable(_written(cluster, host), inputs.real, spare),
    )
    return File(f"/etc/systemd/system/{KAFKA_UNIT}", text)
