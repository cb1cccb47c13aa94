"""What the desired state is made from, apart from the specification."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kprov.releases.archive import Archive


@dataclass(frozen=True)
class Inputs:
    """The releases of one host.

    zookeeper: None where it is bundled. java: None where the host's own is used. java_home: JAVA_HOME on the
    host. environment: variables that a named workaround needs. firewalld: whether it runs on the host; zone: the one of
    its zones in which the host is reached. systemd: its version on the host. from_logs: whether ZooKeeper's next
    start is told to begin from transaction logs without a snapshot. real: where paths of the host lead once symbolic
    links are followed; one that is not in it leads to itself.
    """

    kafka: Archive
    zookeeper: Archive | None
    java: Archive | None
    java_home: str
    environment: Mapping[str, str] = field(default_factory=dict)
    firewalld: bool = False
    zone: str = ""
    systemd: int = 219
    from_logs: bool = False
    real: Mapping[str, str] = field(default_factory=dict)
