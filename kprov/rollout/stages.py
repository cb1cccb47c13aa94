"""From what each node has to do to stages: which nodes act, together or one after the other. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from kprov.spec.model import RoleName


class Work(StrEnum):
    """What a service of a node has to do: it does not run, or runs with something old."""

    START = "start"
    RESTART = "restart"


@dataclass(frozen=True)
class Due:
    """The work that is due on one node; None for a role that has none. host: its address."""

    host: str
    zookeeper: Work | None = None
    broker: Work | None = None

    def of(self, role: RoleName) -> Work | None:
        """The work of one role."""
        return self.zookeeper if role is RoleName.ZOOKEEPER else self.broker


@dataclass(frozen=True)
class Stage:
    """One role acts on these hosts, at once if they are several. The next stage begins once all of them are ready."""

    role: RoleName
    work: Work
    hosts: tuple[str, ...]


def stages(
    due: Sequence[Due],
    *,
    serving: Collection[RoleName],
    leader: str | None = None,
    controller: str | None = None,
) -> list[Stage]:
    """The stages, in order.

    serving: the roles that serve anybody now: of the others, all that do not run start at once. That is how a new
    cluster begins, and an ensemble without a majority needs more than one server to serve again.
    leader, controller: the hosts of ZooKeeper's leader and of Kafka's controller now. Either may move to another host
    during a roll, so the order is asked for again before each stage.

    The whole ensemble comes before the first broker. Of each role, what does not run comes first, since a cluster that
    lacks a node must not lose another one; the leader and the controller come last, which costs one election instead of
    one for each stop.
    """
    found: list[Stage] = []
    for role, last in ((RoleName.ZOOKEEPER, leader), (RoleName.BROKER, controller)):
        work = {item.host: kind for item in due if (kind := item.of(role)) is not None}
        down = tuple(host for host, kind in work.items() if kind is Work.START)
        if down and role not in serving:
            found.append(Stage(role, Work.START, down))
            work = {host: kind for host, kind in work.items() if host not in down}
        order = sorted(work, key=lambda host: (work[host] is not Work.START, host == last))
        found += [Stage(role, work[host], (host,)) for host in order]
    return found
