"""What one node of a cluster does in which stage: its plan, cut into one act for each role. Pure.

A plan has the changes of a host in an order that is right for that host alone. In a cluster, other nodes come between
its services: all ZooKeeper servers before the first broker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from kprov.kinds.base import RELOAD, Action, Change
from kprov.kinds.service import Service
from kprov.roles.of_node import roles_of
from kprov.rollout.stages import Due, Work
from kprov.spec.model import RoleName
from kprov.topology import Node

_UNITS = "file:/etc/systemd/system/"
_FIREWALL = "firewall:"


@dataclass(frozen=True)
class Acts:
    """The changes of one node. first: needs no stage. of: by role, with the stop and the start of its service."""

    first: tuple[Change, ...]
    of: Mapping[RoleName, tuple[Change, ...]]

    def due(self, host: str) -> Due:
        """The work of each role."""
        return Due(host, *(_work(self.of.get(role, ())) for role in RoleName))


def services_of(node: Node, reads: frozenset[str] = frozenset()) -> dict[RoleName, Service]:
    """The services of a node, by role, for changes that do not come from its desired state.

    reads: ids of changes that come before the start of any of them.
    """
    return {role.name: Service(role.unit, role.user, reads, "") for role in roles_of(node)}


def acts(changes: Sequence[Change], services: Mapping[RoleName, Service]) -> Acts:
    """The acts of a plan's changes. services: those of the node, by role.

    A service's files change right before it restarts, so that one that is not restarted, because the roll ends before,
    keeps the files that it runs with. What two services read changes with the first of them; what none reads, such as
    files for people, comes last. The firewall comes first of all: servers of an ensemble that start must reach each
    other. The order within an act is the plan's.
    """
    ids = {service.id: role for role, service in services.items()}
    working = [role for role in RoleName if any(_touches(change, services.get(role)) for change in changes)]
    shares: dict[RoleName, list[Change]] = {role: [] for role in working}
    first: list[Change] = []
    for change in changes:
        readers = [role for role in working if change.id in services[role].reads]
        role = ids.get(change.id) or (readers[0] if readers else working[-1] if working else None)
        if change.id.startswith(_FIREWALL):
            role = None
        shares.get(role, first).append(change) if role is not None else first.append(change)
    return Acts(tuple(first), {role: tuple(_reloading(share)) for role, share in shares.items()})


def _touches(change: Change, service: Service | None) -> bool:
    """Whether a change starts, stops or restarts the service."""
    return service is not None and change.id == service.id and change.action is not Action.UPDATE


def _work(changes: Sequence[Change]) -> Work | None:
    actions = {change.action for change in changes}
    if Action.RESTART in actions or {Action.START, Action.STOP} <= actions:
        return Work.RESTART
    return Work.START if Action.START in actions else None


def _reloading(changes: Sequence[Change]) -> list[Change]:
    """The changes, with a daemon-reload after the last unit file among them: the plan has one for all roles."""
    result = list(changes)
    units = [index for index, change in enumerate(result) if change.id.startswith(_UNITS)]
    if units and RELOAD not in result[units[-1]].calls:
        last = result[units[-1]]
        result[units[-1]] = replace(last, calls=(*last.calls, RELOAD))
    return result
