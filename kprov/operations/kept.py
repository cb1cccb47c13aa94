"""Data that an uninstall kept: which release wrote them, and which release may use them again.

The rules are those of an upgrade: a release that does not know the protocol that the broker last used cannot read
its data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from packaging.version import Version

from kprov.errors import Problem
from kprov.kinds.data import DataEntry, Holds, Writer
from kprov.receipt import Receipt
from kprov.roles.of_node import roles_of
from kprov.spec.broker_keys import PROTOCOL
from kprov.spec.model import Cluster
from kprov.spec.protocol import downgrade_problem, in_force
from kprov.topology import Node


def writers(receipt: Receipt) -> dict[Holds, Writer]:
    """What an uninstall records about data that it keeps, by what they hold.

    After an interrupted run it is unknown whether its release had started, so the later protocol counts.
    """
    known = [item for item in (receipt.last, receipt.installed) if item is not None]
    found: dict[Holds, Writer] = {}
    for item in known:
        protocol = in_force(Cluster.model_validate(item["spec"]))
        releases = item["releases"]
        if Holds.KAFKA not in found or Version(found[Holds.KAFKA].protocol) <= protocol:
            found[Holds.KAFKA] = Writer(str(releases.get("kafka", "")), str(protocol))
        found[Holds.ZOOKEEPER] = Writer(str(releases.get("zookeeper", "")))
    return found


def remembered(receipt: Receipt) -> Mapping[str, Any] | None:
    """The settings of the installation whose data were kept; the next install begins with them.

    None if they are unknown.
    """
    if receipt.spec is not None or not any(_kept(receipt)):
        return None
    return receipt.last["spec"] if receipt.last else None


def used_again(receipt: Receipt, node: Node) -> tuple[DataEntry, ...]:
    """The entries of kept data that this node would use."""
    paths = {place.path for role in roles_of(node) for place in role.data}
    return tuple(entry for entry in _kept(receipt) if entry.path in paths)


def spoken(entries: tuple[DataEntry, ...]) -> Version | None:
    """The latest protocol that wrote any of them; None if unknown."""
    return max((Version(entry.protocol) for entry in entries if entry.protocol), default=None)


def refusals(entries: tuple[DataEntry, ...], cluster: Cluster, *, named: bool) -> Iterator[Problem]:
    """Why the release cannot use these data; named: whether the options or the file of this run name the release."""
    known = [entry for entry in entries if entry.protocol]
    latest = max(known, key=lambda entry: Version(entry.protocol), default=None)
    if latest is not None and (problem := downgrade_problem(cluster, Version(latest.protocol), latest.version)):
        yield problem
    unknown = [entry.path for entry in entries if entry.holds is Holds.KAFKA and not entry.protocol]
    if unknown and not named:
        yield Problem(
            f"nobody noted which Kafka wrote the data that uninstall kept in {', '.join(unknown)}",
            "kafka.version",
            f"an earlier kprov uninstalled it; a release that does not know its {PROTOCOL} cannot read them",
            "name the release that ran here: --kafka-version VERSION; with other log.dirs these data stay untouched",
        )


def _kept(receipt: Receipt) -> Iterator[DataEntry]:
    """The entries of data that an uninstall kept."""
    for entry in receipt.made.values():
        if isinstance(entry, DataEntry) and entry.kept:
            yield entry
