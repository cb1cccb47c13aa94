"""Data that an uninstall kept: what wrote them, and which release may take them up again.

The rules are those of an upgrade on an installed host: a release that does not know the protocol that the broker
last spoke cannot read what it wrote.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from packaging.version import Version

from kprov.errors import Problem
from kprov.receipt import Receipt
from kprov.resources.base import Made
from kprov.spec.broker import log_dirs, zookeeper_data
from kprov.spec.broker_keys import PROTOCOL
from kprov.spec.model import Cluster, Host
from kprov.spec.protocol import in_force, way_back


def writers(receipt: Receipt) -> dict[str, dict[str, str]]:
    """What an uninstall notes of data that stay, by what they hold: ``version``, and Kafka's ``protocol``.

    Of a run that was interrupted nobody knows whether its release had started: the later protocol counts.
    """
    known = [item for item in (receipt.last, receipt.installed) if item is not None]
    found: dict[str, dict[str, str]] = {}
    for item in known:
        protocol = in_force(Cluster.model_validate(item["spec"]))
        releases = item["releases"]
        kafka = {"version": str(releases.get("kafka", "")), "protocol": str(protocol)}
        if "kafka" not in found or Version(found["kafka"]["protocol"]) <= protocol:
            found["kafka"] = kafka
        found["zookeeper"] = {"version": str(releases.get("zookeeper", ""))}
    return found


def remembered(receipt: Receipt) -> Mapping[str, Any] | None:
    """The settings of the installation whose data were kept, which are the next one's defaults.

    None where none are known.
    """
    if receipt.spec is not None or not any(_is_kept(made) for made in receipt.made.values()):
        return None
    return receipt.last["spec"] if receipt.last else None


def used_again(receipt: Receipt, cluster: Cluster, host: Host) -> tuple[Made, ...]:
    """The entries of kept data that this specification would use."""
    paths = {*log_dirs(cluster, host), *zookeeper_data(cluster)}
    return tuple(made for made in receipt.made.values() if _is_kept(made) and made["path"] in paths)


def spoken(entries: tuple[Made, ...]) -> Version | None:
    """The latest protocol that wrote any of them; None where none is known."""
    return max((Version(made["protocol"]) for made in entries if made["protocol"]), default=None)


def refusals(entries: tuple[Made, ...], cluster: Cluster, *, named: bool) -> Iterator[Problem]:
    """Why the release cannot take these data up; named: whether this run, or its file, says which release it is."""
    latest = max(
        (made for made in entries if made["protocol"]), key=lambda made: Version(made["protocol"]), default=None
    )
    if latest is not None and (problem := way_back(cluster, Version(latest["protocol"]), latest["version"])):
        yield problem
    unknown = [made["path"] for made in entries if made["holds"] == "kafka" and not made["protocol"]]
    if unknown and not named:
        yield Problem(
            f"nobody noted which Kafka wrote the data that uninstall kept in {', '.join(unknown)}",
            "kafka.version",
            f"an earlier kprov uninstalled it; a release that does not know its {PROTOCOL} cannot read them",
            "name the release that ran here: --kafka-version VERSION; with other log.dirs these data stay untouched",
        )


def _is_kept(made: Made) -> bool:
    return made.kind == "data" and bool(made["kept"])
