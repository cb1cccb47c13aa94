"""Other Java, Kafka and ZooKeeper on the host: they are left alone, and get in the way all the same."""

from __future__ import annotations

from collections.abc import Iterator

from kprov.checks.result import Finding, advice, good, unseen
from kprov.checks.subject import Subject


def other_java(host: Subject) -> Iterator[Finding]:
    """A Java in the PATH, which the services do not use unless that was asked for."""
    if host.seen_java:
        yield good(f"{host.seen_java} is there and stays as it is; the services have a JAVA_HOME of their own")
    else:
        yield good("no other Java in the PATH")


def other_kafka(host: Subject) -> Iterator[Finding]:
    """A Kafka that kprov did not make: running, as a unit, or in one of the usual places."""
    yield _other(host, "kafka", "Kafka")


def other_zookeeper(host: Subject) -> Iterator[Finding]:
    """Likewise, a ZooKeeper."""
    yield _other(host, "zookeeper", "ZooKeeper")


def drop_ins(host: Subject) -> Iterator[Finding]:
    """Drop-ins of others change what the units do: a start that fails may be theirs."""
    for unit, paths in host.drop_ins.items():
        if paths is None:
            yield unseen(f"which drop-ins {unit} has could not be seen", f"look with systemctl cat {unit}")
        elif paths:
            what = f"{unit} has drop-ins that kprov did not write: {', '.join(paths)}"
            yield advice(what, f"see with systemctl cat {unit} that they still fit")
    if not any(paths is None or paths for paths in host.drop_ins.values()):
        yield good("the units have no drop-ins of others")


def _other(host: Subject, kind: str, label: str) -> Finding:
    seen = [f"process {item.pid} ({item.command})" for item in host.neighbours if item.kind == kind]
    seen += [f"unit {unit}" for unit in host.seen_units if kind in unit]
    seen += [home for home in host.seen_homes if kind in home.lower()]
    if not seen:
        return good(f"no other {label}")
    fix = "it is left alone: see that ports, users and data differ, or stop and remove it first"
    return advice(f"another {label} is there: {', '.join(seen)}", fix)
