"""The wanted node, once the receipt is known, and the node as the previous run wanted it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from packaging.version import Version

from kprov.errors import PreflightError, UsageError
from kprov.host.connection import Connection
from kprov.operations.kept import refusals, spoken, used_again
from kprov.operations.request import Goal, Request
from kprov.operations.session import read_receipt
from kprov.receipt import Receipt
from kprov.spec.model import Cluster
from kprov.spec.protocol import Raised, downgrade_problem, in_force, raised, staged
from kprov.topology import node_at


@dataclass(frozen=True)
class Resolved:
    """The wanted node on a host whose receipt is known; before: the one of the previous run, None for the first."""

    receipt: Receipt
    goal: Goal
    before: Goal | None

    @property
    def raised(self) -> Raised | None:
        """The protocol that it raises."""
        return raised(self.goal.node.cluster, self.before.node.cluster) if self.before else None


def resolve(connection: Connection, request: Request, goal: Goal) -> Resolved:
    """Read the receipt, and add its settings to those of the run. Raises UsageError and PreflightError."""
    receipt = read_receipt(connection)
    return resolved(receipt, request, goal, request.goal_on(goal, receipt))


def resolved(receipt: Receipt, request: Request, goal: Goal, wanted: Goal) -> Resolved:
    """The wanted node of a host with this receipt, with the protocol that its broker must keep.

    goal: as it was asked for; wanted: with the settings of the receipt. Raises UsageError and PreflightError.
    """
    before = _before(receipt, goal) if request.back is None else None
    if request.finish and before is None:
        what = "kprov has installed nothing on this host, so there is no upgrade to finish"
        raise PreflightError(what, where=goal.login.name, hint="install it: kprov install HOST")
    if before is not None:
        ran, version = before.node.cluster, wanted.node.cluster.kafka.version
        spoken_last = in_force(ran)
        if request.finish and version != ran.kafka.version:
            raise UsageError(
                f"Kafka {version} must run well before the upgrade is finished",
                where="--finish",
                hint="upgrade without --finish and see that all is well; then finish: kprov upgrade HOST --finish",
            )
        wanted = _staged(wanted, spoken_last, finish=request.finish)
        if problem := downgrade_problem(wanted.node.cluster, spoken_last, ran.kafka.version):
            raise PreflightError([problem])
    elif entries := used_again(receipt, wanted.node):
        named_here = "version" in goal.node.cluster.kafka.model_fields_set
        if problems := list(refusals(entries, wanted.node.cluster, named=named_here)):
            raise PreflightError(problems)
        if (said_last := spoken(entries)) is not None:
            wanted = _staged(wanted, said_last)
    return Resolved(receipt, wanted, before)


def _staged(wanted: Goal, spoken: Version, *, finish: bool = False) -> Goal:
    """The goal with the protocol that the broker has used; see ``staged``."""
    return replace(wanted, node=wanted.node.with_cluster(staged(wanted.node.cluster, spoken, finish=finish)))


def _before(receipt: Receipt, goal: Goal) -> Goal | None:
    """The goal of the previous run; None if nothing is installed on the host."""
    if receipt.spec is None:
        return None
    return Goal(node_at(Cluster.model_validate(receipt.spec), receipt.address), goal.login)
