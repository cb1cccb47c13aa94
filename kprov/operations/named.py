"""The nodes that a command is about."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kprov.errors import UsageError
from kprov.spec.load import Flag, load
from kprov.spec.model import Cluster
from kprov.spec.target import Target, parse_target
from kprov.topology import Node, topology


def all_nodes(config: Path | None, hosts: Sequence[str], flags: Sequence[Flag], *, whole: bool = True) -> list[Node]:
    """The nodes that an installation is about: all of them. whole: as for ``load``.

    Raises UsageError, also for HOSTs that are only some of those in the file: the others would not fit any more.
    """
    cluster = _load(config, hosts, flags, whole=whole)
    if hosts and len(hosts) < len(cluster.hosts):
        raise UsageError(
            f"the file lists {len(cluster.hosts)} hosts, and only some of them are named",
            where="HOST",
            hint="name no HOST to act on all hosts in the file",
        )
    return list(topology(cluster))


def named_nodes(config: Path | None, hosts: Sequence[str], flags: Sequence[Flag]) -> list[Node]:
    """The nodes that are named, or all that the file lists. Raises UsageError."""
    cluster = _load(config, hosts, flags)
    names = [target.name for host in hosts if isinstance(target := parse_target(host), Target)]
    return [node for node in topology(cluster) if not names or node.host.target.name in names]


def _load(config: Path | None, hosts: Sequence[str], flags: Sequence[Flag], *, whole: bool = True) -> Cluster:
    if config is None and not hosts:
        raise UsageError(
            "no host is named",
            where="HOST",
            hint="name HOST, or write a kprov.yaml that lists it, in this directory or named with --config FILE",
        )
    return load(config, hosts, flags, whole=whole)
