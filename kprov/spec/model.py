"""What is asked for: the cluster, its hosts, versions and places. Frozen; every value has a default.

The models carry their own documentation, from which docs/configuration.md is made. Checks that need more
than one value are in ``kprov.spec.rules``; reading and merging is in ``kprov.spec.load``.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from packaging.version import Version
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from kprov.errors import Problem
from kprov.spec.target import PORT_HINT, parse_target


class Mode(StrEnum):
    """Which ZooKeeper serves the broker: one of its own, or the one inside Kafka's archive."""

    STANDALONE = "standalone"
    BUNDLED = "bundled"


def _version(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f'{value!r} is not a version: write it in quotes, for instance "1.0.0"')
    parts = value.split("-")[0].split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
        raise ValueError(f"{value!r} is not a version: write all three numbers, for instance 1.0.0")
    return value


def _directory(value: str) -> str:
    if not value.startswith("/"):
        raise ValueError(f"{value!r} is a relative path: write an absolute one, for instance /{value.lstrip('./')}")
    if any(character.isspace() or character in "\"'\\$%:,;`" for character in value):
        raise ValueError(f"{value!r} has a character that start scripts cannot carry: use letters, digits, . _ - /")
    parts = value.strip("/").split("/")
    if any(part in {"", ".", ".."} for part in parts):
        raise ValueError(f"{value!r} is not a plain path: leave out '.', '..' and doubled slashes")
    if len(parts) < 2:
        raise ValueError(f"{value!r} is a directory of the system: choose one below it")
    return "/" + "/".join(parts)


def _text(value: Any) -> Any:
    """A property as text: YAML's numbers and booleans are written as Kafka reads them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def _properties(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _text(item) for name, item in value.items()}
    return value


def _host_name(value: str) -> str:
    parsed = parse_target(value)
    if isinstance(parsed, Problem):
        raise ValueError(f"{parsed.what}: {parsed.hint}")
    if parsed.user or parsed.port:
        raise ValueError(f"{value!r} is more than an address: write user and port under ssh")
    return value


VersionText = Annotated[str, BeforeValidator(_version)]
Directory = Annotated[str, AfterValidator(_directory)]
Port = Annotated[int, Field(ge=1, le=65535, json_schema_extra={"hint": PORT_HINT})]
Heap = Annotated[
    str, Field(pattern=r"^[1-9][0-9]*[kmgKMG]?$", json_schema_extra={"hint": "as for java -Xmx: 512m, 1g"})
]
HostName = Annotated[str, AfterValidator(_host_name)]
Properties = Annotated[Mapping[str, str], BeforeValidator(_properties)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Kafka(_Model):
    """The broker: which release, where, and with which settings."""

    version: VersionText = Field("1.0.0", description="Kafka release, 1.0.0 to 3.9.x")
    scala: str | None = Field(None, pattern=r"^2\.1[1-3]$", description="Scala build of the release; follows from it")
    archive: str | None = Field(None, description="path or address of the archive; found by its name otherwise")
    home: Directory = Field("/usr/local/single_kafka", description="Kafka home: bin, config, libs, logs")
    port: Port = Field(9092, description="port of the PLAINTEXT listener")
    heap: Heap = Field("1g", description="heap of the broker, minimum and maximum")
    properties: Properties = Field(
        default_factory=dict, description="broker properties, checked by name, type and range"
    )

    @property
    def parsed(self) -> Version:
        return Version(self.version)


class ZooKeeper(_Model):
    """ZooKeeper: its own release, or the one that Kafka's archive brings."""

    mode: Mode = Field(
        Mode.STANDALONE, description="standalone: its own release; bundled: the one inside Kafka's archive"
    )
    version: VersionText = Field("3.5.3-beta", description="ZooKeeper release, where mode is standalone")
    archive: str | None = Field(None, description="path or address of the archive; found by its name otherwise")
    home: Directory = Field("/usr/local/zookeeper", description="ZooKeeper home: bin, conf, logs")
    data_dir: Directory | None = Field(
        None, description="snapshots and myid; /var/lib/zookeeper/data, or zk_dir/zk_data in Kafka's home"
    )
    data_log_dir: Directory | None = Field(
        None, description="transaction logs; /var/lib/zookeeper/logs, or zk_dir/zk_logs in Kafka's home"
    )
    client_port: Port = Field(2181, description="port for clients")
    heap: Heap = Field("512m", description="heap of ZooKeeper, minimum and maximum")


class Java(_Model):
    """Java: pushed, or one that is on the host already."""

    release: str = Field(
        "temurin-8",
        pattern=r"^temurin-[0-9]+$",
        description="Java release to push: temurin-8, temurin-11 or temurin-17",
    )
    archive: str | None = Field(None, description="path or address of the archive; found by its name otherwise")
    home: Directory | None = Field(None, description="JAVA_HOME on the host; nothing is pushed then")

    @model_validator(mode="after")
    def _one_source(self) -> Java:
        if self.home is not None and (self.archive is not None or "release" in self.model_fields_set):
            raise ValueError("home and release or archive exclude each other: keep the one that you mean")
        return self


class Ssh(_Model):
    """How to log in, where ssh_config does not say it."""

    user: str | None = Field(None, pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.\-]*$", description="login name")
    port: Port | None = Field(None, description="port of sshd")
    identity: Path | None = Field(None, description="private key file")


class Broker(_Model):
    """What differs from broker to broker."""

    id: Annotated[int, Field(ge=0)] = Field(0, description="broker.id, unique in the cluster")
    properties: Properties = Field(default_factory=dict, description="broker properties of this host alone")


class Server(_Model):
    """What differs from ZooKeeper server to ZooKeeper server."""

    id: Annotated[int, Field(ge=1, le=254)] = Field(1, description="myid, unique in the ensemble")


class Host(_Model):
    """One machine."""

    address: HostName = Field(description="name, address or ssh_config alias of the host")
    advertised: HostName | None = Field(None, description="name or address that clients use; the address otherwise")
    ssh: Ssh = Field(default_factory=Ssh, description="how to log in")
    broker: Broker = Field(default_factory=Broker, description="the broker of this host")
    zookeeper: Server = Field(default_factory=Server, description="the ZooKeeper server of this host")


class Cluster(_Model):
    """All that is asked for."""

    kafka: Kafka = Field(default_factory=Kafka)
    zookeeper: ZooKeeper = Field(default_factory=ZooKeeper)
    java: Java = Field(default_factory=Java)
    hosts: Annotated[tuple[Host, ...], Field(min_length=1)] = Field(description="the machines")
