"""Which questions the checks need answered, beside the facts and the state of each resource. All of them only read."""

from __future__ import annotations

from kprov.kinds.base import Call
from kprov.operations.preflight.paths import written_directories
from kprov.operations.preflight.places import disk_questions
from kprov.operations.preflight.ports import port_questions
from kprov.operations.preflight.units import running_questions
from kprov.operations.preflight.ways import way_questions
from kprov.spec.broker import public_host
from kprov.spec.model import Cluster, Host


def questions(cluster: Cluster, host: Host, java_home: str) -> list[Call]:
    """The calls for one probe."""
    return [
        *port_questions(cluster, host),
        *disk_questions(cluster, host),
        *running_questions(),
        *way_questions(cluster, host, java_home),
        ("probe_java", "java", java_home),
        ("probe_kernel", "kernel"),
        ("probe_time", "time"),
        ("probe_names", "names", *dict.fromkeys((host.address, public_host(cluster, host)))),
        ("probe_addresses", "addresses"),
        ("probe_neighbours", "neighbours"),
        ("probe_selinux", "selinux", java_home, *written_directories(cluster, host)),
        ("probe_filters", "filters"),
        ("probe_zones", "zones"),
    ]
