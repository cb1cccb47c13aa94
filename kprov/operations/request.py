"""The settings of a run: from the command line, a kprov.yaml, and the host's receipt.

A kprov.yaml is complete. Without one, settings without an option come from the receipt: any operator can run the same
short command, and it undoes nothing that another operator configured.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kprov.errors import Problem, UsageError
from kprov.host.ssh_config import Login
from kprov.operations.fleet import Fleet, Whom
from kprov.operations.kept import remembered
from kprov.operations.named import all_nodes
from kprov.operations.preflight.outcome import require_names
from kprov.operations.session import Access
from kprov.receipt import Receipt
from kprov.spec.load import Flag, load
from kprov.spec.target import parse_target
from kprov.topology import Node, topology


@dataclass(frozen=True)
class Goal:
    """A node as it is wanted, and how to log in there."""

    node: Node
    login: Login


@dataclass(frozen=True)
class Request:
    """The options of one run.

    config: a kprov.yaml. hosts: each HOST as it was typed. archives: a folder that is searched first. adopt: whether
    existing files are adopted. ignored: checks that do not stop the run. finish: whether a protocol that an upgrade
    keeps is raised. accepted: data directories that are used as they are, whatever the receipt says about them.
    back: for a rollback, what the host goes back to; drop: ids of releases that are then removed. ready: seconds
    until a service must be ready. in_sync: seconds until replicas must be in sync, before and after a broker of a
    cluster restarts. downtime: whether partitions may be unavailable that no order of restarts can spare.
    """

    config: Path | None
    hosts: tuple[str, ...]
    flags: tuple[Flag, ...]
    access: Access
    archives: Path | None = None
    adopt: bool = False
    ignored: tuple[str, ...] = ()
    accepted: tuple[str, ...] = ()
    finish: bool = False
    back: Goal | None = None
    drop: frozenset[str] = frozenset()
    ready: int | None = None
    in_sync: int | None = None
    downtime: bool = False

    @property
    def host(self) -> str | None:
        """HOST, if it is one; None if the file names it."""
        return self.hosts[0] if len(self.hosts) == 1 else None

    def goals(self) -> list[Goal]:
        """All wanted nodes of the cluster, as far as they are known without the hosts; one for a single host.

        Raises UsageError with every mistake. Without a kprov.yaml the options add to the settings in the receipts, so
        rules that depend on these are checked later.
        """
        require_names(self.ignored)
        nodes = all_nodes(self.config, self.hosts, self.flags, whole=self.config is not None)
        if len(nodes) == 1:
            return [Goal(*self.access.reach(nodes[0]))]
        return [Goal(*reached) for reached in self.access.reach_all(nodes)]

    @property
    def whom(self) -> Whom:
        """The hosts that it names."""
        return Whom(self.access, self.config, self.hosts)

    def goals_on(self, found: Fleet, goals: Sequence[Goal]) -> list[Goal]:
        """A goal for each connection: the receipt of a single HOST may have added the others of its cluster."""
        more = [connection.login for connection in found.connections[len(goals) :]]
        first = goals[0]
        beside = (first.node.host.model_copy(update={"address": login.hostname}) for login in more)
        others = [Goal(first.node.with_host(host), login) for host, login in zip(beside, more, strict=True)]
        return [*goals, *others]

    def goal_on(self, goal: Goal, receipt: Receipt) -> Goal:
        """The wanted node on a host with this receipt. Raises UsageError."""
        if self.back is not None:
            return self.back
        if self.config is not None:
            return goal
        spec = receipt.spec if receipt.spec is not None else remembered(receipt)
        if spec is None:
            load(None, [self.host or ""], self.flags)  # the receipt adds nothing, so every rule can be checked
            return goal
        cluster = load(None, [self.host or ""], [*_login_flags(self.host or ""), *self.flags], base_of(spec))
        return Goal(topology(cluster)[0], goal.login)

    def notes(self, goal: Goal, receipt: Receipt) -> Iterator[str]:
        """Notes about where the settings come from."""
        if receipt.restored:
            yield "the receipt on the host was cut off: the one before it is used, and all is looked at again"
        if self.config is not None or self.back is not None:
            return
        if receipt.spec is None:
            if remembered(receipt) is not None:
                yield "options you did not give have the values of the installation whose data uninstall kept"
            return
        several = len(goal.node.cluster.hosts) > 1
        yield f"what no option names is as it was asked of {'these hosts' if several else 'this host'} before"
        host = goal.node.host
        if host.address != goal.login.hostname and host.advertised is None:
            yield (
                f"the host is reached at {goal.login.hostname} and stays known as {host.address}; "
                "--advertised changes what clients are told"
            )


def base_of(spec: Any) -> dict[str, Any]:
    """A receipt's settings as a file would contain them, without defaults that would look like settings."""
    tree: dict[str, Any] = copy.deepcopy(dict(spec))
    own = {*tree.get("kafka", {}).get("properties", {})}
    own |= {name for host in tree["hosts"] for name in host.get("broker", {}).get("properties", {})}
    if own & {"listeners", "port"}:
        tree["kafka"].pop("port", None)  # a default that these would contradict
    return tree


def _login_flags(host: str) -> Iterator[Flag]:
    target = parse_target(host)
    if isinstance(target, Problem):
        raise UsageError(target.what, where="HOST", hint=target.hint)
    for key, value in (("user", target.user), ("port", target.port)):
        if value is not None:
            yield Flag("HOST", ("hosts", 0, "ssh", key), value)
