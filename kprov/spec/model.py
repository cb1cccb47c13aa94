"""The specification: the cluster, its hosts, versions and directories. Frozen; every value has a default.

docs/configuration.md is generated from the descriptions of the fields. Checks of more than one value are in
``kprov.spec.rules``; reading and merging is in ``kprov.spec.load``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from packaging.version import Version
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from kprov.errors import Problem
from kprov.spec.directory import directory_problem, path_problem, plain_path
from kprov.spec.heap import heap_kib
from kprov.spec.target import PORT_HINT, USER_HINT, Target, is_host, is_user, parse_target
from kprov.spec.value import WrongValueError, shown, wrong


class Mode(StrEnum):
    """Which ZooKeeper the broker uses: a separate release, or the one inside Kafka's archive."""

    STANDALONE = "standalone"
    BUNDLED = "bundled"


class RoleName(StrEnum):
    """What a host can do in a cluster. In the order in which the services of one host start."""

    ZOOKEEPER = "zookeeper"
    BROKER = "broker"


_KAFKA_VERSION = re.compile(r"(?:0|[1-9][0-9]{0,3})(?:\.(?:0|[1-9][0-9]{0,3})){2}")
_ZOOKEEPER_VERSION = re.compile(rf"{_KAFKA_VERSION.pattern}(?:-(?:alpha|beta))?")
# Java itself refuses less than 2 MiB (arguments.cpp, "Too small maximum heap").
_SMALLEST_HEAP_KIB = 2048


def _kafka_version(value: object) -> str:
    if not isinstance(value, str) or not _KAFKA_VERSION.fullmatch(value):
        raise wrong(f"{shown(value)} is not a version of Kafka", "write all three numbers, for instance 1.0.0")
    return value


def _zookeeper_version(value: object) -> str:
    if not isinstance(value, str) or not _ZOOKEEPER_VERSION.fullmatch(value):
        raise wrong(
            f"{shown(value)} is not a version of ZooKeeper", "write the full version, for instance 3.4.14 or 3.5.3-beta"
        )
    return value


def _directory(value: str) -> str:
    if problem := directory_problem(value):
        raise WrongValueError(problem)
    return plain_path(value)


def _existing_directory(value: str) -> str:
    if problem := path_problem(value):
        raise WrongValueError(problem)
    return plain_path(value)


def _text(value: object) -> object:
    """A property as text: numbers, booleans and lists of YAML in the form that Kafka reads."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        items = [_text(item) for item in value]
        return ",".join(map(str, items)) if all(isinstance(item, str) for item in items) else value
    return str(value) if isinstance(value, int | float) else value


def _properties(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(name): _text(item) for name, item in value.items()}
    return _group(value)


def _group(value: object) -> object:
    """A group without keys, or with all keys commented out, is empty."""
    return {} if value is None else value


def _whole(value: object) -> object:
    if isinstance(value, bool):  # for Python, true is 1
        raise wrong(f"{shown(value)} is not a whole number", "write digits")
    return value


def _off(value: object) -> object:
    """``off`` removes an earlier value; YAML may read the word as false."""
    return None if value == "off" or value is False else value


def _heap(value: str) -> str:
    if heap_kib(value) < _SMALLEST_HEAP_KIB:
        raise wrong(f"{value!r} is too small for Java to start", _HEAP_HINT)
    return value


def _scala(value: object) -> object:
    return str(value) if isinstance(value, float) else value


def _host_name(value: str) -> str:
    parsed = parse_target(value)
    if isinstance(parsed, Problem):
        raise WrongValueError(parsed)
    if parsed.user or parsed.port:
        raise wrong(f"{value!r} has a user or a port", "write user and port under ssh")
    return parsed.name


def _roles(value: tuple[RoleName, ...]) -> tuple[RoleName, ...]:
    if not value:
        raise wrong("a host without a role has nothing to do", "give it a role, or remove it from the hosts")
    return tuple(role for role in RoleName if role in value)


def _number_as_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _rack(value: str) -> str:
    if not value.strip() or not value.isprintable():
        raise wrong(f"{shown(value)} is not the name of a rack", "write a word")
    return value.strip()


def _cluster_name(value: str) -> str:
    if not value.strip() or not value.isprintable():
        raise wrong(f"{shown(value)} is not the name of a cluster", "write a word")
    return value.strip()


def _advertised(value: str) -> str:
    if not is_host(value):
        raise wrong(
            f"{value!r} is not a host name or an address",
            "write the name or address that clients connect to, without a port",
        )
    return value


def _user(value: str) -> str:
    if not is_user(value):
        raise wrong(f"{value!r} is not a user name", USER_HINT)
    return value


def _some(value: tuple[Any, ...]) -> tuple[Any, ...]:
    if not value:
        raise wrong("the list of hosts is empty", "begin each host with '- address: '")
    return value


def _extra(kind: str, hint: str) -> dict[str, Any]:
    """For error messages about a value of the wrong type or form: what it should be, and how to write it."""
    return {"kind": kind, "hint": hint}


_A_PATH = _extra("a path", "write an absolute path")
_A_PORT = _extra("a port", PORT_HINT)
_HEAP_HINT = "write it as for java -Xmx, for instance 512m or 1g"
KafkaVersion = Annotated[str, BeforeValidator(_kafka_version)]
ZooKeeperVersion = Annotated[str, BeforeValidator(_zookeeper_version)]
Directory = Annotated[str, AfterValidator(_directory), Field(json_schema_extra=_A_PATH)]
Port = Annotated[int, BeforeValidator(_whole), Field(ge=1, le=65535, json_schema_extra=_A_PORT)]
Heap = Annotated[
    str,
    Field(pattern=r"^[1-9][0-9]{0,11}[kmgKMG]?$", json_schema_extra=_extra("the size of a heap", _HEAP_HINT)),
    AfterValidator(_heap),
]
ArchiveSource = Annotated[
    str | None, Field(json_schema_extra=_extra("a path or URL", "write the path of the archive or its URL"))
]
HostName = Annotated[
    str,
    AfterValidator(_host_name),
    Field(json_schema_extra=_extra("a host name or an address", "write it in quotes")),
]
Properties = Annotated[Mapping[str, str], BeforeValidator(_properties)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Kafka(_Model):
    """The broker: its release, directories and settings."""

    version: KafkaVersion = Field("1.0.0", description="Kafka release, 1.0.0 to 3.9.x")
    scala: Annotated[str | None, BeforeValidator(_scala)] = Field(
        None,
        pattern=r"^2\.1[1-3]$",
        description="Scala build of the release; derived from it by default",
        json_schema_extra=_extra("a Scala build", "choose 2.11, 2.12 or 2.13, or remove it"),
    )
    archive: ArchiveSource = Field(None, description="path or URL of the archive; by default found by its name")
    home: Directory = Field("/usr/local/single_kafka", description="Kafka home: bin, config, libs, logs")
    port: Port = Field(9092, description="port of the PLAINTEXT listener")
    heap: Heap = Field("1g", description="heap size of the broker, minimum and maximum")
    jmx_port: Annotated[Port | None, BeforeValidator(_off)] = Field(
        None,
        description="JMX port, reachable from the host only and without a password; or off",
        json_schema_extra=_A_PORT,
    )
    properties: Properties = Field(
        default_factory=dict, description="broker properties; kprov checks name, type and range"
    )
    plugin_properties: Properties = Field(
        default_factory=dict,
        description="properties for plugins of the broker, such as a metrics reporter; kprov cannot check them and "
        "refuses only Kafka's own keys and misspellings of these",
    )
    protocol: str | None = Field(
        None,
        pattern=r"^[0-9]\.[0-9]{1,2}$",
        description="inter.broker.protocol.version, and below 3.0 also the message format; `kprov upgrade` keeps the "
        "previous release's value until `--finish`",
        json_schema_extra=_extra("a protocol version", "write two numbers in quotes, for instance '1.0'"),
    )

    @property
    def parsed(self) -> Version:
        return Version(self.version)


class ZooKeeper(_Model):
    """ZooKeeper: a separate release, or the one inside Kafka's archive."""

    mode: Mode = Field(
        Mode.STANDALONE, description="standalone: a separate release; bundled: the one inside Kafka's archive"
    )
    version: ZooKeeperVersion = Field("3.5.3-beta", description="ZooKeeper release, if mode is standalone")
    archive: ArchiveSource = Field(None, description="path or URL of the archive; by default found by its name")
    home: Directory = Field("/usr/local/zookeeper", description="ZooKeeper home: bin, conf, logs")
    data_dir: Directory | None = Field(
        None,
        description="directory of snapshots and myid; default: /var/lib/zookeeper/data, "
        "if bundled zk_dir/zk_data in Kafka's home",
        json_schema_extra=_A_PATH,
    )
    data_log_dir: Directory | None = Field(
        None,
        description="directory of transaction logs; default: /var/lib/zookeeper/logs, "
        "if bundled zk_dir/zk_logs in Kafka's home",
        json_schema_extra=_A_PATH,
    )
    client_port: Port = Field(2181, description="port for clients")
    heap: Heap = Field("512m", description="heap size of ZooKeeper, minimum and maximum")


class Java(_Model):
    """Java: from an archive, or one that is already on the host."""

    release: str = Field(
        "temurin-8",
        pattern=r"^temurin-[0-9]+$",
        description="Java release to push: temurin-8, temurin-11 or temurin-17",
        json_schema_extra=_extra("a Java release", "choose temurin-8, temurin-11 or temurin-17"),
    )
    archive: ArchiveSource = Field(None, description="path or URL of the archive; by default found by its name")
    home: Annotated[str, AfterValidator(_existing_directory)] | None = Field(
        None,
        description="JAVA_HOME of a Java that is already on the host; kprov then pushes none",
        json_schema_extra=_A_PATH,
    )

    @model_validator(mode="after")
    def _one_source(self) -> Java:
        if self.home is not None and (self.archive is not None or "release" in self.model_fields_set):
            other = "archive" if self.archive is not None else "release"
            raise wrong(
                f"home={self.home} and {other}={getattr(self, other)} cannot be set together", "keep one of the two"
            )
        return self


class Ssh(_Model):
    """How to log in, if ssh_config does not say it."""

    user: Annotated[str, AfterValidator(_user)] | None = Field(
        None, description="login name", json_schema_extra=_extra("a user name", USER_HINT)
    )
    port: Port | None = Field(None, description="port of sshd", json_schema_extra=_A_PORT)
    identity: Annotated[Path, AfterValidator(Path.expanduser)] | None = Field(
        None,
        description="private key file",
        json_schema_extra=_extra("a path", "write the path of a private key"),
    )


class Broker(_Model):
    """Settings of a single broker."""

    id: Annotated[int, BeforeValidator(_whole)] = Field(
        0,
        ge=0,
        description="broker.id, unique in the cluster; by default one more than that of the broker before",
        json_schema_extra=_extra("a broker id", "choose one from 0 to 1000"),
    )
    rack: Annotated[str, BeforeValidator(_number_as_text), AfterValidator(_rack)] | None = Field(
        None,
        description="broker.rack: where the host stands; replicas of a partition are spread over the racks",
        json_schema_extra=_extra("the name of a rack", "write a word"),
    )
    properties: Properties = Field(default_factory=dict, description="broker properties of this host only")
    plugin_properties: Properties = Field(default_factory=dict, description="plugin properties of this host only")


class Server(_Model):
    """Settings of a single ZooKeeper server."""

    id: Annotated[int, BeforeValidator(_whole)] = Field(
        1,
        ge=1,
        le=254,
        description="myid, unique in the ensemble; by default one more than that of the server before",
        json_schema_extra=_extra("the id of a ZooKeeper server", "choose one from 1 to 254"),
    )


class Host(_Model):
    """A host of the cluster."""

    address: HostName = Field(description="name, address or ssh_config alias of the host")
    roles: Annotated[tuple[RoleName, ...], AfterValidator(_roles)] | None = Field(
        None,
        description="what runs on the host: zookeeper, broker; by default both. With more than three hosts, each needs "
        "its own",
        json_schema_extra=_extra("a list of roles", "write [zookeeper], [broker] or [zookeeper, broker]"),
    )
    advertised: Annotated[str, AfterValidator(_advertised)] | None = Field(
        None,
        description="name or address that clients connect to; default: `address`",
        json_schema_extra=_extra("a host name or an address", "write it in quotes"),
    )
    internal: Annotated[str, AfterValidator(_advertised)] | None = Field(
        None,
        description="name or address by which the host reaches itself, if the one for clients does not work from there "
        "(behind NAT); detected by default",
        json_schema_extra=_extra("a host name or an address", "write it in quotes"),
    )
    ssh: Annotated[Ssh, BeforeValidator(_group)] = Field(default_factory=Ssh, description="how to log in")
    broker: Annotated[Broker, BeforeValidator(_group)] = Field(
        default_factory=Broker, description="the broker of this host"
    )
    zookeeper: Annotated[Server, BeforeValidator(_group)] = Field(
        default_factory=Server, description="the ZooKeeper server of this host"
    )

    def plays(self, role: RoleName) -> bool:
        """Whether the host plays a role."""
        return self.roles is None or role in self.roles

    @property
    def target(self) -> Target:
        """Where to log in."""
        parsed = parse_target(self.address)
        if not isinstance(parsed, Target):
            raise TypeError(f"{self.address!r} was validated but is not a target")
        return Target(parsed.name, self.ssh.user, self.ssh.port)


def _numbered(hosts: tuple[Host, ...]) -> tuple[Host, ...]:
    """The hosts of a cluster with an id for each broker and each ZooKeeper server that was given none.

    A single host keeps the default ids.
    """
    if len(hosts) == 1:
        return hosts
    servers = _ids([host.zookeeper for host in hosts], [host.plays(RoleName.ZOOKEEPER) for host in hosts], 1, 254)
    brokers = _ids([host.broker for host in hosts], [host.plays(RoleName.BROKER) for host in hosts], 0, 1000)
    return tuple(
        host.model_copy(
            update={
                "zookeeper": host.zookeeper if server is None else host.zookeeper.model_copy(update={"id": server}),
                "broker": host.broker if broker is None else host.broker.model_copy(update={"id": broker}),
            }
        )
        for host, server, broker in zip(hosts, servers, brokers, strict=True)
    )


def _ids(parts: Sequence[Broker | Server], plays: Sequence[bool], first: int, last: int) -> Iterator[int | None]:
    """The id for each part that plays its role and was given none, otherwise None."""
    taken = {part.id for part, used in zip(parts, plays, strict=True) if used and "id" in part.model_fields_set}
    following = first
    for part, used in zip(parts, plays, strict=True):
        given = "id" in part.model_fields_set
        if given or not used:
            yield None
        else:
            free = (number for number in (*range(following, last + 1), *range(first, following)) if number not in taken)
            yield (chosen := next(free, first))  # if none is left, the rules report two hosts with one id
            taken.add(chosen)
        if used:
            following = (part.id if given else chosen) + 1


class Cluster(_Model):
    """The whole specification."""

    name: Annotated[str, AfterValidator(_cluster_name)] | None = Field(
        None,
        description="name of the cluster; a host that belongs to a cluster of another name is refused",
        json_schema_extra=_extra("the name of a cluster", "write a word"),
    )
    kafka: Annotated[Kafka, BeforeValidator(_group)] = Field(default_factory=Kafka)
    zookeeper: Annotated[ZooKeeper, BeforeValidator(_group)] = Field(default_factory=ZooKeeper)
    java: Annotated[Java, BeforeValidator(_group)] = Field(default_factory=Java)
    hosts: Annotated[tuple[Host, ...], AfterValidator(_some), AfterValidator(_numbered)] = Field(
        description="the hosts"
    )

    def playing(self, role: RoleName) -> tuple[Host, ...]:
        """The hosts that play a role, in their order."""
        return tuple(host for host in self.hosts if host.plays(role))

    @property
    def brokers(self) -> int:
        """The number of brokers."""
        return len(self.playing(RoleName.BROKER))
