"""Preflight: what a host must be before anything is changed on it. Pure: what was seen in, results out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain

from kprov.checks import (
    clock,
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

# Theme by theme, in the order in which results are shown; the names are stable.
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
NAMES = tuple(name for name, _, _ in _CHECKS)


def run(host: Subject) -> tuple[Result, ...]:
    """Every check's findings, in order; of a host that is not Linux nothing more is told than that."""
    checks: Iterable[tuple[str, str, Callable[[Subject], Iterator[Finding]]]] = _CHECKS
    if host.system != "Linux":
        checks = _CHECKS[:1]
    found = tuple(chain.from_iterable(_results(name, theme, check(host)) for name, theme, check in checks))
    domain = tools.confined(host)
    return tuple(_behind(item, domain) for item in found) if domain else found


def _behind(result: Result, domain: str) -> Result:
    """What a confined root could not see or do may be nothing else than that."""
    if result.check == "privileges" or result.status not in {Outcome.FAIL, Outcome.UNKNOWN}:
        return result
    return replace(result, fix=f"fix privileges first, root in {domain} may be why; if it stays: {result.fix}")


def _results(name: str, theme: str, findings: Iterable[Finding]) -> Iterator[Result]:
    for item in findings:
        yield Result(name, theme, item.status, item.evidence, item.fix)
