"""inter.broker.protocol.version across an upgrade: held at that of the release before until it is finished.

A broker that has once spoken a later protocol, or written a later message format, cannot go back to a release that
does not know it; upstream's upgrade notes therefore raise both in a step of their own (docs/upgrade.html of each
release: "set inter.broker.protocol.version=CURRENT_KAFKA_VERSION"). Below 3.0 the message format goes with it.
"""

from __future__ import annotations

from dataclasses import dataclass

from packaging.version import Version

from kprov.errors import Problem
from kprov.spec.broker import broker_properties
from kprov.spec.broker_keys import PROTOCOL
from kprov.spec.broker_values import parse_protocol_version
from kprov.spec.model import Cluster


def protocol_of(version: Version) -> Version:
    """The protocol of a release, its major and minor number: 2.8 for 2.8.2."""
    return Version(f"{version.major}.{version.minor}")


def in_force(cluster: Cluster) -> Version:
    """The protocol that the broker of the first host speaks."""
    text = broker_properties(cluster, cluster.hosts[0]).get(PROTOCOL, "")
    return protocol_of(parse_protocol_version(text.strip()) or cluster.kafka.parsed)


def staged(cluster: Cluster, spoken: Version, *, finish: bool = False) -> Cluster:
    """The cluster as an upgrade of a broker asks for it that has ``spoken`` a protocol: this stays until ``finish``."""
    held = None if finish else cluster.kafka.protocol or str(spoken)
    if held is not None and Version(held) >= protocol_of(cluster.kafka.parsed):
        held = None
    return cluster.model_copy(update={"kafka": cluster.kafka.model_copy(update={"protocol": held})})


@dataclass(frozen=True)
class Raised:
    """A protocol that is going to be raised: no release before ``now`` can run with what the broker writes then."""

    was: Version
    now: Version

    def __str__(self) -> str:
        after = f"after that there is no way back to a Kafka before {self.now}"
        return f"{PROTOCOL} is raised from {self.was} to {self.now}: {after}"


def raised(cluster: Cluster, before: Cluster) -> Raised | None:
    """The protocol that ``cluster`` raises, by --finish or by a property of its own; None where it stays."""
    was, now = in_force(before), in_force(cluster)
    return Raised(was, now) if now > was else None


def way_back(cluster: Cluster, spoken: Version, version: str) -> Problem | None:
    """Why the release that is asked for cannot follow Kafka ``version``, which has ``spoken`` a protocol.

    None if it can.
    """
    if protocol_of(cluster.kafka.parsed) >= spoken:
        return None
    return Problem(
        f"Kafka {cluster.kafka.version} does not know the protocol {spoken} that this broker speaks",
        "kafka.version",
        f"Kafka {version} ran with {PROTOCOL}={spoken}; the step up to it was final",
        f"choose {spoken}.0 or later; or lose all messages, and install it then: kprov uninstall HOST --purge",
    )
