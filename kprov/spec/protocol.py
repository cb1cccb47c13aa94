"""inter.broker.protocol.version during an upgrade: it keeps the version of the previous release until --finish.

A broker that has used a later protocol, or written a later message format, cannot go back to a release that does not
know it. Therefore upstream's upgrade notes raise both in a separate step (docs/upgrade.html of each release: "set
inter.broker.protocol.version=CURRENT_KAFKA_VERSION"). Before 3.0 the message format is raised together with it.
"""

from __future__ import annotations

from dataclasses import dataclass

from packaging.version import Version

from kprov.errors import Problem
from kprov.spec.broker import broker_config
from kprov.spec.broker_keys import PROTOCOL
from kprov.spec.broker_values import protocol_of
from kprov.spec.model import Cluster, RoleName


def in_force(cluster: Cluster) -> Version:
    """The protocol that the brokers use; all of a cluster use the same."""
    return broker_config(cluster, cluster.playing(RoleName.BROKER)[0]).protocol


def staged(cluster: Cluster, spoken: Version, *, finish: bool = False) -> Cluster:
    """The cluster for the upgrade of a broker that has used the protocol ``spoken``; it keeps it until ``finish``."""
    held = None if finish else cluster.kafka.protocol or str(spoken)
    if held is not None and Version(held) >= protocol_of(cluster.kafka.parsed):
        held = None
    return cluster.model_copy(update={"kafka": cluster.kafka.model_copy(update={"protocol": held})})


@dataclass(frozen=True)
class Raised:
    """A protocol that will be raised: releases before ``now`` cannot run with the data that the broker then writes."""

    was: Version
    now: Version

    def __str__(self) -> str:
        after = f"after that, Kafka before {self.now} can no longer be used"
        return f"{PROTOCOL} is raised from {self.was} to {self.now}; {after}"


def raised(cluster: Cluster, before: Cluster) -> Raised | None:
    """The protocol that ``cluster`` raises, by --finish or by a property; None if it stays."""
    was, now = in_force(before), in_force(cluster)
    return Raised(was, now) if now > was else None


def downgrade_problem(cluster: Cluster, spoken: Version, version: str) -> Problem | None:
    """Why the wanted release cannot replace Kafka ``version``, which used the protocol ``spoken``; None if it can."""
    if protocol_of(cluster.kafka.parsed) >= spoken:
        return None
    return Problem(
        f"Kafka {cluster.kafka.version} does not support protocol {spoken}, which this broker has used",
        "kafka.version",
        f"Kafka {version} ran with {PROTOCOL}={spoken}; raising it cannot be undone",
        f"choose {spoken}.0 or later, or delete all messages before you install it: kprov uninstall HOST --purge",
    )
