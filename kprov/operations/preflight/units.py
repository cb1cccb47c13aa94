"""The services of an installation."""

from __future__ import annotations

from kprov.desired.common import KAFKA_UNIT, ZOOKEEPER_UNIT
from kprov.kinds.base import Call

UNITS = (ZOOKEEPER_UNIT, KAFKA_UNIT)


def running_questions() -> list[Call]:
    """What the probe is asked about their processes."""
    return [("probe_running", f"running:{unit}", unit) for unit in UNITS]
