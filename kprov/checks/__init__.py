"""Preflight: the requirements that a host must meet. Pure: takes what the probe saw, returns results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain

from kprov.checks import (
    clock,
    cluster,
    disk,
    kernel,
    memory,
    names,
    neighbours,
    paths,
    ports,
    releases,
    security,
    system,
    tools,
)
from kprov.checks.result import Finding, Outcome, Result
from kprov.checks.subject import Subject

__all__ = ["NAMES", "Outcome", "Result", "Subject", "run"]

# In the order in which results are shown, grouped by theme. The names are stable.
_CHECKS: tuple[tuple[str, str, Callable[[Subject], Iterator[Finding]]], ...] = (
    ("operating-system", "system", system.operating_system),
    ("architecture", "system", system.architecture),
    ("systemd", "system", system.systemd),
    ("privileges", "system", tools.privileges),
    ("tools", "system", tools.tools),
    ("java", "java", tools.java),
    ("memory", "memory and disk", memory.memory),
    ("disk-space", "memory and disk", disk.disk_space),
    ("file-system", "memory and disk", disk.file_system),
    ("paths", "memory and disk", paths.paths),
    ("access", "memory and disk", paths.access),
    ("ports", "network", ports.ports),
    ("host-name", "network", names.host_name),
    ("advertised-address", "network", names.advertised_address),
    ("firewall", "network", security.firewall),
    ("other-java", "neighbours", neighbours.other_java),
    ("other-kafka", "neighbours", neighbours.other_kafka),
    ("other-zookeeper", "neighbours", neighbours.other_zookeeper),
    ("drop-ins", "neighbours", neighbours.drop_ins),
    ("clock", "clock", clock.clock),
    ("time-sync", "clock", clock.time_sync),
    ("limits", "kernel", kernel.limits),
    ("swappiness", "kernel", kernel.swappiness),
    ("huge-pages", "kernel", kernel.huge_pages),
    ("entropy", "kernel", kernel.entropy),
    ("selinux", "security", security.selinux),
    ("end-of-life", "releases", releases.end_of_life),
)
NAMES = (*(name for name, _, _ in _CHECKS), *cluster.NAMES)


def run(host: Subject) -> tuple[Result, ...]:
    """The results of every check, in order. A host that does not run Linux gets only the first check."""
    checks: Iterable[tuple[str, str, Callable[[Subject], Iterator[Finding]]]] = _CHECKS
    if host.system != "Linux":
        checks = _CHECKS[:1]
    found = tuple(chain.from_iterable(_results(name, theme, check(host)) for name, theme, check in checks))
    domain = tools.confined(host)
    return tuple(_blame_confinement(item, domain) for item in found) if domain else found


def _blame_confinement(result: Result, domain: str) -> Result:
    """Where SELinux confines root, any other check may have failed only because of that; its fix says so."""
    if result.check == "privileges" or result.status not in {Outcome.FAIL, Outcome.UNKNOWN}:
        return result
    return replace(
        result, fix=f"fix privileges first: root runs in {domain}, which may be the cause; then: {result.fix}"
    )


def _results(name: str, theme: str, findings: Iterable[Finding]) -> Iterator[Result]:
    for item in findings:
        yield Result(name, theme, item.status, item.evidence, item.fix)
