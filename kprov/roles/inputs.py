"""What the desired state is made from, apart from the node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kprov.releases.archive import Archive


@dataclass(frozen=True)
class Inputs:
    """The releases of one host, and the facts about it that decide.

    zookeeper: None if it is bundled. java: None if the host's own is used. environment: variables that a known
    workaround needs. firewalld: whether it runs on the host; zone: the zone in which the host is reached; nodes: the
    addresses of the other nodes, as this host sees them.
    systemd: its version on the host. from_logs: whether ZooKeeper must begin its next start from transaction logs
    without a snapshot. real: where paths of the host lead once symbolic links are followed; a path that is not in it
    leads to itself.
    """

    kafka: Archive
    zookeeper: Archive | None
    java: Archive | None
    environment: Mapping[str, str] = field(default_factory=dict)
    firewalld: bool = False
    zone: str = ""
    systemd: int = 219
    from_logs: bool = False
    real: Mapping[str, str] = field(default_factory=dict)
    nodes: tuple[str, ...] = ()
