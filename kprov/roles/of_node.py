"""The roles of a node. A new role is a module here, a row in the table, and its configuration in the topology."""

from __future__ import annotations

from collections.abc import Mapping

from kprov.roles.base import Role
from kprov.roles.broker import BrokerRole
from kprov.roles.zookeeper import ZooKeeperRole
from kprov.spec.model import RoleName
from kprov.topology import Node

_ROLES: Mapping[RoleName, type[Role]] = {RoleName.ZOOKEEPER: ZooKeeperRole, RoleName.BROKER: BrokerRole}


def roles_of(node: Node) -> tuple[Role, ...]:
    """The roles that a node plays, in the order in which their services start."""
    return tuple(_ROLES[name](node) for name in node.roles)


def role_of(node: Node, unit: str) -> Role:
    """The role that a unit of the node runs. Raises LookupError for another unit."""
    for role in roles_of(node):
        if role.unit == unit:
            return role
    raise LookupError(f"{node.host.address} has no unit {unit}")
