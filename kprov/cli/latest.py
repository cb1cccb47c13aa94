"""``--kafka-version latest``: the newest catalogued Kafka, with the ZooKeeper and the Java that go with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kprov.releases.catalogue import newest
from kprov.releases.product import Product

LATEST = "latest"
_OF_JAVA = ("java", "java_archive", "java_home")


def with_latest(values: dict[str, Any], given: Callable[[str], bool]) -> dict[str, Any]:
    """The values of a command's options with the versions that ``latest`` stands for.

    given: whether an option was given, by the name of its parameter: what is named stays as it is.
    """
    if values["kafka_version"] != LATEST:
        return values
    found = newest()
    chosen = {**values, "kafka_version": found[Product.KAFKA]}
    if values["zookeeper"] != "bundled" and not any(map(given, ("zookeeper_version", "zookeeper_archive"))):
        chosen["zookeeper_version"] = found[Product.ZOOKEEPER]
    if not any(map(given, _OF_JAVA)):
        chosen["java"] = found[Product.JAVA]
    return chosen
