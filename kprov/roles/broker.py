"""The broker (A4 to A9): release, home, configuration, unit. Reads like the article, top to bottom."""

from __future__ import annotations

from dataclasses import dataclass

from kprov.kinds.base import Resource
from kprov.kinds.data import DataDirectory, Holds
from kprov.kinds.directory import Directory, Purpose
from kprov.kinds.file import File
from kprov.kinds.link import Link
from kprov.kinds.links import Links
from kprov.queries import metadata
from kprov.releases.product import Product
from kprov.roles.base import DataPlace, ReadyQuestion, Role, UsedPath
from kprov.roles.common import (
    JMX_OFF,
    KAFKA_UNIT,
    KAFKA_USER,
    TEMPORARY,
    ZOOKEEPER_UNIT,
    environment_file,
    parents,
    release,
    release_path,
    temporary,
    temporary_option,
)
from kprov.roles.hardening import as_written_and_real, hardening, mount_units, place, protect_home, writable
from kprov.roles.inputs import Inputs
from kprov.roles.java import java_paths
from kprov.roles.templates import PropertyLines, render
from kprov.spec.broker import BrokerConfig
from kprov.spec.broker_keys import BrokerKey, describe, read_keys
from kprov.spec.model import RoleName

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


@dataclass(frozen=True)
class BrokerRole(Role):
    """A Kafka broker."""

    name = RoleName.BROKER
    product = Product.KAFKA
    unit = KAFKA_UNIT
    user = KAFKA_USER
    starts_after = (ZOOKEEPER_UNIT,)
    # A large broker recovers its logs before it binds its port.
    ready_seconds = 300.0

    @property
    def config(self) -> BrokerConfig:
        return self.node.broker

    @property
    def version(self) -> str:
        return str(self.config.version)

    @property
    def heap(self) -> str:
        return self.config.heap

    @property
    def ports(self) -> tuple[int, ...]:
        return tuple(self.config.ports.values())

    @property
    def further_ports(self) -> tuple[int, ...]:
        return (self.config.jmx_port,) if self.config.jmx_port else ()

    @property
    def public_ports(self) -> tuple[int, ...]:
        return self.config.public_ports

    @property
    def node_ports(self) -> tuple[int, ...]:
        """The listener that brokers use among themselves, where clients have another one."""
        internal = self.config.internal_port
        return (internal,) if internal and len(self.node.cluster.hosts) > 1 else ()

    @property
    def data(self) -> tuple[DataPlace, ...]:
        segment = int(self.config.properties.get("log.segment.bytes", "0"))
        return tuple(DataPlace(path, "the messages", soon=segment) for path in self.config.log_dirs)

    @property
    def spare(self) -> tuple[str, ...]:
        data = self.config.log_dirs
        return data if len(data) > 1 else ()

    @property
    def settings(self) -> str:
        return f"{self.config.home}/config/server.properties"

    @property
    def logs(self) -> str:
        return kafka_logs(self.config)

    @property
    def log_files(self) -> tuple[str, ...]:
        return tuple(f"{self.logs}/{file}" for _, file, _ in _APPENDERS)

    @property
    def temporary(self) -> str:
        return _temporary(self.config)

    @property
    def ready_question(self) -> ReadyQuestion:
        """Metadata name a broker only once it is registered and the controller has announced it."""
        local, id_ = self.config.local, self.config.id
        return ReadyQuestion(
            f"it serves no metadata at {local}, or they do not name broker {id_}",
            rf"^\S+ \(id: {id_} rack: ",
            metadata(),
            *self.config.local_endpoint,
            tool=("bin/kafka-broker-api-versions.sh", "--bootstrap-server", local),
        )

    def used_paths(self) -> tuple[UsedPath, ...]:
        own = (self.user,)
        return (
            *(UsedPath(place.path, place.purpose, own, data=True) for place in self.data),
            UsedPath(self.config.home, "Kafka's home", own),
            UsedPath(self.logs, "Kafka's logs", own),
        )

    def foundation(self, inputs: Inputs) -> list[Resource]:
        return [self.account(), *kafka_home(self.config, inputs)]

    def resources(self, inputs: Inputs) -> list[Resource]:
        """Configuration, data directories and unit."""
        home, id_ = self.config.home, str(self.config.id)
        data: list[Resource] = []
        for path in self.config.log_dirs:
            data += [*parents(path), DataDirectory(path, KAFKA_USER, KAFKA_USER, Holds.KAFKA, id_)]
        return [
            File(self.settings, server_properties(self.config), group=KAFKA_USER, mode="0640"),
            File(f"{home}/config/log4j.properties", render("log4j.properties", appenders=_APPENDERS)),
            environment_file(f"{home}/config/kafka.env", KAFKA_UNIT, KAFKA_USER, self._environment(inputs)),
            *data,
            self._unit(inputs),
            *hardening(KAFKA_UNIT, inputs.systemd, [place(path, inputs.real, self.spare) for path in self.written]),
        ]

    def extras(self, inputs: Inputs) -> list[Resource]:
        """The article's scripts (A17, A18), logging for the tools, and the listeners' ports in firewalld."""
        home = self.config.home
        values = {
            "java_home": self.node.java_home,
            "classpath": f"{home}/libs/*",
            "client_port": self.node.cluster.zookeeper.client_port,
            "port": min(self.ports),
        }
        scripts = ("kk_zk_start.sh", "kk_zk_stop.sh")
        return [
            File(f"{home}/config/tools-log4j.properties", render("tools-log4j.properties")),
            *(File(f"{home}/{name}", render(name, **values), mode="0755") for name in scripts),
            *self.opened(inputs),
        ]

    def _environment(self, inputs: Inputs) -> dict[str, str]:
        return {
            "JAVA_HOME": self.node.java_home,
            "LOG_DIR": self.logs,
            "KAFKA_HEAP_OPTS": f"-Xms{self.heap} -Xmx{self.heap}",
            "KAFKA_JMX_OPTS": _jmx(self.config.jmx_port),
            # Not in KAFKA_OPTS, which people set in a drop-in of their own: this file would override that.
            "KAFKA_LOG4J_OPTS": f"-Dlog4j.configuration=file:{self.config.home}/config/log4j.properties "
            + temporary_option(self.temporary),
            **inputs.environment,
        }

    def _unit(self, inputs: Inputs) -> File:
        config, session, spare = self.config, self.config.session_timeout_ms, self.spare
        used = [config.home, release_path(inputs.kafka), *java_paths(self.node.java_home, inputs.real)]
        required = () if spare else config.log_dirs
        text = render(
            "kafka.service",
            kafka_version=self.version,
            broker_id=config.id,
            user=KAFKA_USER,
            env_file=f"{config.home}/config/kafka.env",
            home=config.home,
            temporary=self.temporary,
            stop_seconds=_STOP_SECONDS,
            session_ms=session,
            restart_seconds=session // 1000 + 4,
            mounts=as_written_and_real([*required, *used], inputs.real),
            wanted_mounts=mount_units(as_written_and_real(spare, inputs.real)),
            protect_home=protect_home([*self.written, *used], inputs.real),
            writable=writable(self.written, inputs.real, spare),
        )
        return File(f"/etc/systemd/system/{KAFKA_UNIT}", text)


def kafka_logs(config: BrokerConfig) -> str:
    """The directory of the broker's own log files."""
    return f"{config.home}/logs"


def _temporary(config: BrokerConfig) -> str:
    return f"{config.home}/{TEMPORARY}"


def kafka_home(config: BrokerConfig, inputs: Inputs) -> list[Resource]:
    """The release and the home: links into the release, and the directories of the home itself."""
    home, path = config.home, release_path(inputs.kafka)
    return [
        release(inputs.kafka, path),
        *parents(home),
        Directory(home),
        # bin is a folder of links: through a link to the folder the launchers would take config from the release.
        Links(f"{home}/bin", f"{path}/bin"),
        Link(f"{home}/libs", f"{path}/libs"),
        Directory(f"{home}/config"),
        Directory(kafka_logs(config), KAFKA_USER, KAFKA_USER, "0750", purpose=Purpose.LOGS),
        temporary(_temporary(config), KAFKA_USER),
    ]


def server_properties(config: BrokerConfig) -> bytes:
    """config/server.properties (A5 to A7)."""
    lines = PropertyLines(config.properties)
    keys = read_keys(config.version)

    def rest() -> list[tuple[str, str]]:
        return [(_comment(keys.get(name)), line) for name, line in lines.rest()]

    return render(
        "server.properties", line=lines.line, rest=rest, kafka_version=str(config.version), broker_id=config.id
    )


def _comment(key: BrokerKey | None) -> str:
    """What Kafka's own table says of a key that the user set; a listener's or a plugin's key is in no table."""
    if key is None:
        return "Read by a listener or a plugin."
    valid = f", {describe(key.valid)}" if key.valid else ""
    default = {"": "empty", "null": "none"}.get(key.default, key.default)
    return f"{key.type.capitalize()}{valid}; Kafka's default is {default}."


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
