"""The desired state of one node: the resources of Java and of the node's roles, in the order in which they are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kprov.kinds.base import Resource, fingerprint
from kprov.kinds.file import File
from kprov.kinds.service import Service
from kprov.roles.base import Role
from kprov.roles.common import unique
from kprov.roles.inputs import Inputs
from kprov.roles.java import java
from kprov.roles.of_node import roles_of
from kprov.topology import Node


@dataclass(frozen=True)
class Desired:
    """resources: in the order in which they are made; services: in the order in which they start."""

    resources: tuple[Resource, ...]
    services: tuple[Service, ...]

    def files(self) -> list[File]:
        """The rendered files."""
        return [resource for resource in self.resources if isinstance(resource, File)]


def desired(node: Node, inputs: Inputs) -> Desired:
    """The article as resources, A1 to A9, A16 and A17."""
    roles = roles_of(node)
    java_part = java(node.java_home, inputs)
    foundations = [item for role in roles for item in role.foundation(inputs)]
    own = [item for role in roles for item in role.resources(inputs)]
    extras = [item for role in roles for item in role.extras(inputs)]
    # Kafka's own tools need JAVA_HOME for login shells, the services do not read it.
    read_by_all = [item for item in java_part if not isinstance(item, File)]
    return Desired(
        tuple(unique([*java_part, *foundations, *own, *extras])),
        tuple(_service(role, read_by_all, inputs) for role in roles),
    )


def _service(role: Role, read_by_all: Sequence[Resource], inputs: Inputs) -> Service:
    reads = unique([*read_by_all, *role.foundation(inputs), *role.resources(inputs)])
    ids = frozenset(item.id for item in reads)
    return Service(role.unit, role.user, ids, fingerprint(reads), role.starts_after, role.once(inputs))
