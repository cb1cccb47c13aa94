"""The specification of the one host that a command is about."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kprov.errors import UsageError
from kprov.spec.load import Flag, load
from kprov.spec.model import Cluster, Host


def one_host(
    config: Path | None, host: str | None, flags: Sequence[Flag], *, whole: bool = True
) -> tuple[Cluster, Host]:
    """The specification of one host; whole: as for ``load``.

    Raises UsageError where it describes several and HOST names none.
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
    return cluster, cluster.hosts[0]
