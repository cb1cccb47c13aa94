"""Other installations of Java, Kafka and ZooKeeper on the host: kprov does not change them, but they may conflict."""

from __future__ import annotations

from collections.abc import Iterator

from kprov.checks.result import Finding, advice, good, unseen
from kprov.checks.subject import Subject


def other_java(host: Subject) -> Iterator[Finding]:
    """A Java in the PATH. The services do not use it unless --java-home names it."""
    if host.seen_java:
        yield good(f"{host.seen_java} stays unchanged; the services set their own JAVA_HOME")
    else:
        yield good("no other Java in the PATH")


def other_kafka(host: Subject) -> Iterator[Finding]:
    """A Kafka that kprov did not install: a process, a unit, or a directory in a usual place."""
    yield _other(host, "kafka", "Kafka")


def other_zookeeper(host: Subject) -> Iterator[Finding]:
    """A ZooKeeper that kprov did not install."""
    yield _other(host, "zookeeper", "ZooKeeper")


def drop_ins(host: Subject) -> Iterator[Finding]:
    """Drop-ins that kprov did not write change the units and can make a start fail."""
    for unit, paths in host.drop_ins.items():
        if paths is None:
            yield unseen(f"the drop-ins of {unit} could not be read", f"check them with systemctl cat {unit}")
        elif paths:
            what = f"{unit} has drop-ins that kprov did not write: {', '.join(paths)}"
            yield advice(what, f"check with systemctl cat {unit} that they fit the new unit")
    if not any(paths is None or paths for paths in host.drop_ins.values()):
        yield good("the units have no drop-ins that kprov did not write")


def _other(host: Subject, kind: str, label: str) -> Finding:
    seen = [f"process {item.pid} ({item.command})" for item in host.neighbours if item.kind == kind]
    seen += [f"unit {unit}" for unit in host.seen_units if kind in unit]
    seen += [home for home in host.seen_homes if kind in home.lower()]
    if not seen:
        return good(f"no other {label}")
    fix = "kprov does not change it: check that its ports, users and data differ, or stop and remove it first"
    return advice(f"another {label} is on the host: {', '.join(seen)}", fix)
