"""The host's network, from the answers of a probe."""

from __future__ import annotations

from kprov.host.facts import Probe
from kprov.host.network import Network, network_of, zone_of


def network(answer: Probe) -> Network:
    """Addresses and names of the host."""
    return network_of(answer.seen["addresses"], answer.seen["names"], answer.facts.host_name)


def zone(answer: Probe) -> str:
    """The firewalld zone in which the host is reached; empty if there is none."""
    return zone_of(answer.seen["zones"], network(answer))
