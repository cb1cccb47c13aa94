"""The node that a command is about."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kprov.errors import UsageError
from kprov.spec.load import Flag, load
from kprov.topology import Node, topology


def one_host(config: Path | None, host: str | None, flags: Sequence[Flag], *, whole: bool = True) -> Node:
    """The node that the settings describe; whole: as for ``load``.

    Raises UsageError if they describe several.
    """
    if config is None and host is None:
        raise UsageError(
            "no host is named", where="HOST", hint="name HOST, or a kprov.yaml that lists it with --config FILE"
        )
    cluster = load(config, host, flags, whole=whole)
    if len(cluster.hosts) > 1:
        raise UsageError(
            f"it lists {len(cluster.hosts)} hosts, and this version of kprov installs files with one host",
            where=str(config),
            hint="leave one host in the file; clusters come with a later version",
        )
    return topology(cluster)[0]
