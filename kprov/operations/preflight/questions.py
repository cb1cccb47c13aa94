"""The questions that the checks need, apart from the facts and the state of each resource. All are read-only."""

from __future__ import annotations

from kprov.kinds.base import Call
from kprov.operations.preflight.paths import written_directories
from kprov.operations.preflight.places import disk_questions
from kprov.operations.preflight.ports import port_questions
from kprov.operations.preflight.ways import way_questions
from kprov.roles.of_node import roles_of
from kprov.topology import Node


def questions(node: Node) -> list[Call]:
    """The calls for one probe."""
    return [
        *port_questions(node),
        *disk_questions(node),
        *(("probe_running", f"running:{role.unit}", role.unit) for role in roles_of(node)),
        *way_questions(node),
        ("probe_java", "java", node.java_home),
        ("probe_kernel", "kernel"),
        ("probe_time", "time"),
        ("probe_names", "names", *dict.fromkeys((node.host.address, node.public_host))),
        ("probe_addresses", "addresses"),
        ("probe_neighbours", "neighbours"),
        ("probe_selinux", "selinux", node.java_home, *written_directories(node)),
        ("probe_filters", "filters"),
        ("probe_zones", "zones"),
    ]
