"""What must be right between the hosts of a cluster: that they reach each other, their names, and their clocks."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kprov.checks.names import is_loopback
from kprov.checks.result import Finding, Result, bad, good, unseen

NAMES = ("cluster-network", "cluster-names", "cluster-clocks")
_THEME = "cluster"
_APART_SECONDS = 5.0
# What a connection that was tried may end with, beside the system's own words: both show that the host is reached.
OPEN, REFUSED = "open", "refused"
# What a port that firewalld keeps closed ends with.
_PROHIBITED = "No route to host"


@dataclass(frozen=True)
class Neighbour:
    """A host of a cluster, and what it sees of the others.

    name: in messages. address: at which the others look for it. login: the port of its sshd. ports: those that the
    others connect to. firewalld: whether it runs there; kprov opens the ports in it. skew: as in ``Facts``. reach: how
    each connection that it tried ended, by address and port; None if it could not try. names: the addresses that each
    name leads to from there; None if it cannot look names up.
    """

    name: str
    address: str
    login: int
    ports: tuple[int, ...]
    firewalld: bool
    skew: float
    reach: Mapping[tuple[str, int], str] | None
    names: Mapping[str, Sequence[str]] | None


def between(hosts: Sequence[Neighbour]) -> dict[str, tuple[Result, ...]]:
    """The results for each host, by its name."""
    found: dict[str, list[Result]] = {host.name: [] for host in hosts}
    for host in hosts:
        others = [item for item in hosts if item is not host]
        for name, findings in zip(
            NAMES, (_network(host, others), _names(host, others), _clock(host, others)), strict=True
        ):
            found[host.name] += [Result(name, _THEME, item.status, item.evidence, item.fix) for item in findings]
    return {name: tuple(results) for name, results in found.items()}


def _network(host: Neighbour, others: Sequence[Neighbour]) -> Iterator[Finding]:
    """It reaches every port of the others; that nothing listens there yet is no failure."""
    if host.reach is None:
        yield unseen(
            "whether the host reaches the other hosts could not be tried: it has no bash",
            "check it yourself: from each host to the ports of the others",
        )
        return
    fine = True
    for other in others:
        ended = {port: host.reach.get((other.address, port), "it was not tried") for port in _ports(other)}
        if not any(result in {OPEN, REFUSED} for result in ended.values()):
            fine = False
            why = next(iter(ended.values()))
            yield bad(
                f"it does not reach {other.name} at {other.address}: {why}",
                "check the address, the network and the firewalls between the two; a host behind NAT needs an address "
                "for the others: hosts[].internal in kprov.yaml",
            )
            continue
        closed = {port: result for port, result in ended.items() if result not in {OPEN, REFUSED}}
        closed.pop(other.login, None)
        if other.firewalld:  # kprov opens the ports there
            closed = {port: result for port, result in closed.items() if result != _PROHIBITED}
        if closed:
            fine = False
            listed = ", ".join(f"port {port} ({result})" for port, result in closed.items())
            yield bad(f"it does not reach every port of {other.name}: {listed}", "open these ports between the hosts")
    if fine:
        yield good(f"the host reaches {', '.join(other.name for other in others)}")


def _ports(host: Neighbour) -> list[int]:
    return list(dict.fromkeys((host.login, *host.ports)))


def _names(host: Neighbour, others: Sequence[Neighbour]) -> Iterator[Finding]:
    """The names of the others lead to the same addresses as everywhere else."""
    named = [other for other in others if not is_address(other.address)]
    if not named:
        return
    if host.names is None:
        yield unseen(
            "where the names of the other hosts lead could not be looked up: the host has no getent",
            "install getent (glibc-common or libc-bin)",
        )
        return
    fine = True
    for other in named:
        here = tuple(host.names.get(other.address, ()))
        if not here:
            fine = False
            yield bad(f"{other.address} does not resolve on the host", "add it to DNS, or to /etc/hosts on every host")
        elif is_loopback(here):
            fine = False
            yield bad(
                f"{other.address} leads to {', '.join(here)} on the host, which is the host itself",
                "remove that line from /etc/hosts",
            )
        elif elsewhere := _elsewhere(other, others, here):
            fine = False
            where, addresses = elsewhere
            yield bad(
                f"{other.address} leads to {', '.join(here)} here and to {', '.join(addresses)} on {where}",
                "let the name lead to the same addresses on every host",
            )
    if fine:
        yield good("the names of the other hosts lead where they lead elsewhere")


def _elsewhere(other: Neighbour, hosts: Sequence[Neighbour], here: Sequence[str]) -> tuple[str, Sequence[str]] | None:
    """A third host on which the name of another leads to other addresses, and to which."""
    for third in hosts:
        if third is other or third.names is None:
            continue
        there = third.names.get(other.address, ())
        if there and set(there) != set(here):
            return third.name, there
    return None


def _clock(host: Neighbour, others: Sequence[Neighbour]) -> Iterator[Finding]:
    """Its clock is that of the others: they write the times of messages."""
    apart = [other for other in others if abs(host.skew - other.skew) > _APART_SECONDS]
    for other in apart:
        ahead = "ahead of" if host.skew > other.skew else "behind"
        yield bad(
            f"its clock is {abs(host.skew - other.skew):.0f} s {ahead} that of {other.name}",
            "synchronise the clocks of all hosts: chronyd or ntpd",
        )
    if not apart:
        yield good(f"its clock agrees with those of {', '.join(other.name for other in others)}")


def is_address(text: str) -> bool:
    """Whether a text is an IP address, not a name."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
