"""Checks of broker properties beyond their type; each check is one function of the value.

The tables of ``kprov.spec.broker_keys`` contain what Kafka's own definition of its configuration checks. Here are the
checks that a broker makes later, when it starts, or never.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from packaging.version import Version

from kprov.errors import Problem
from kprov.spec.directory import directory_problem
from kprov.spec.listener import parse_listeners
from kprov.spec.target import PORT_HINT, is_host, port_number
from kprov.spec.value import WrongValueError

_ZOOKEEPER = re.compile(r"(?:\[[0-9A-Fa-f:.%]+\]|[A-Za-z0-9_.\-]+):(?P<port>[0-9]+)")
_PROTOCOL_VERSION = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,3}){1,3})(?:-IV[0-9]{1,2})?")
_CHROOT = re.compile(r"(?:/[A-Za-z0-9_.\-]+)+")
PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")

# Ranges and choices that KafkaConfig.validateValues or later code checks, in the tables' notation.
VALID: Mapping[str, str] = {
    "compression.type": "[uncompressed, zstd, lz4, snappy, gzip, producer]",
    "log.retention.ms": "-1 or greater than 0",
    "log.retention.minutes": "-1 or greater than 0",
    "log.retention.hours": "-1 or greater than 0",
    "log.roll.ms": "[1,...]",
    "port": "[1,...,65535]",
    "advertised.port": "[1,...,65535]",
    "security.inter.broker.protocol": f"[{', '.join(PROTOCOLS)}]",
}


def check_meaning(name: str, value: str, kafka: Version) -> Problem | None:
    """What is wrong with a value of the right type; None if nothing is."""
    check = _CHECKS.get(name)
    return check(value, kafka) if check else None


def split_list(value: str) -> list[str]:
    """The items of Kafka's LIST."""
    return [part.strip() for part in value.split(",") if part.strip()]


def parse_protocol_map(value: str) -> dict[str, str]:
    """``listener.security.protocol.map`` as listener name -> protocol; items that are not pairs are left out."""
    pairs = (item.partition(":") for item in split_list(value))
    return {name.strip().upper(): protocol.strip().upper() for name, colon, protocol in pairs if colon}


def parse_protocol_version(value: str) -> Version | None:
    """``1.0`` or ``1.0-IV0`` as a version; None if it is not one."""
    match = _PROTOCOL_VERSION.fullmatch(value)
    return Version(match[1]) if match else None


def protocol_of(version: Version) -> Version:
    """The protocol of a release, its major and minor number: 2.8 for 2.8.2."""
    return Version(f"{version.major}.{version.minor}")


def _listeners(value: str, kafka: Version) -> Problem | None:
    try:
        parse_listeners(value)
    except WrongValueError as error:
        return error.problem
    return None


def _host_name(value: str, kafka: Version) -> Problem | None:
    if not value or is_host(value):
        return None
    return Problem(
        f"{value!r} is not a host name or an address", hint="write only the name or address, without user and port"
    )


def _log_dirs(value: str, kafka: Version) -> Problem | None:
    paths = split_list(value)
    if not paths:
        return Problem("the list of directories is empty", hint="list one, for instance /home/temp/kafka_logs")
    return next((problem for path in paths if (problem := directory_problem(path))), None)


def _log_dir(value: str, kafka: Version) -> Problem | None:
    return Problem(f"log.dir={value} has no effect if log.dirs is set", hint=f"set log.dirs={value} instead")


def _broker_id(value: str, kafka: Version) -> Problem | None:
    return Problem(
        f"broker.id={value} cannot be set as a property", hint=f"use --broker-id {value}, or hosts[].broker.id"
    )


def _kraft(value: str, kafka: Version) -> Problem | None:
    return Problem(
        f"{value!r} would start Kafka without ZooKeeper", hint="remove it: kprov installs Kafka with ZooKeeper"
    )


def _zookeeper_connect(value: str, kafka: Version) -> Problem | None:
    example = "write HOST:PORT,HOST:PORT/CHROOT, for instance 192.168.78.141:2181"
    servers, slash, chroot = value.partition("/")
    for server in servers.split(","):
        match = _ZOOKEEPER.fullmatch(server.strip())
        if match is None:
            return Problem(f"{server.strip()!r} is not the address of a ZooKeeper server", hint=example)
        if port_number(match["port"]) is None:
            return Problem(f"{match['port']} is not a port", hint=PORT_HINT)
    if slash and not _CHROOT.fullmatch(f"/{chroot}"):
        return Problem(f"{'/' + chroot!r} is not a path in ZooKeeper", hint=example)
    return None


def _protocol_map(value: str, kafka: Version) -> Problem | None:
    for item in split_list(value):
        name, colon, protocol = item.partition(":")
        if not colon or not name.strip():
            return Problem(
                f"{item!r} is not a pair of name and protocol", hint="write NAME:PROTOCOL, for instance EXTERNAL:SSL"
            )
        if protocol.strip().upper() not in PROTOCOLS:
            return Problem(f"{protocol.strip()!r} is not a security protocol", hint=f"choose {', '.join(PROTOCOLS)}")
    return None


def _protocol_version(value: str, kafka: Version) -> Problem | None:
    version = parse_protocol_version(value)
    if version is None:
        return Problem(f"{value!r} is not a version", hint="write it as 1.0 or 1.0-IV0")
    if version.release[:2] > kafka.release[:2]:
        return Problem(f"{value} is newer than Kafka {kafka}", hint=f"choose {kafka.major}.{kafka.minor} or older")
    return None


_CHECKS: Mapping[str, Callable[[str, Version], Problem | None]] = {
    "advertised.host.name": _host_name,
    "advertised.listeners": _listeners,
    "broker.id": _broker_id,
    "host.name": _host_name,
    "inter.broker.protocol.version": _protocol_version,
    "listener.security.protocol.map": _protocol_map,
    "listeners": _listeners,
    "log.dir": _log_dir,
    "log.dirs": _log_dirs,
    "log.message.format.version": _protocol_version,
    "node.id": _broker_id,
    "process.roles": _kraft,
    "zookeeper.connect": _zookeeper_connect,
}
