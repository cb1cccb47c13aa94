"""What a run asks of a host whose receipt is known, beside what the run before it asked."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kprov.errors import PreflightError, UsageError
from kprov.host.connection import Connection
from kprov.operations.kept import refusals, spoken, used_again
from kprov.operations.request import Goal, Request
from kprov.operations.session import read_receipt
from kprov.receipt import Receipt
from kprov.spec.model import Cluster
from kprov.spec.protocol import Raised, in_force, raised, staged, way_back


@dataclass(frozen=True)
class Resolved:
    """What a run asks of a host whose receipt is known; before: what the run before asked, None for the first."""

    receipt: Receipt
    goal: Goal
    before: Goal | None

    @property
    def raised(self) -> Raised | None:
        """The protocol that it raises."""
        return raised(self.goal.cluster, self.before.cluster) if self.before else None


def resolve(connection: Connection, request: Request, goal: Goal) -> Resolved:
    """Read the receipt, and what is asked of its host. Raises UsageError, and PreflightError for no way back."""
    receipt = read_receipt(connection)
    wanted = request.goal_on(goal, receipt)
    before = _before(receipt, goal) if request.back is None else None
    if request.finish and before is None:
        what = "kprov has installed nothing on this host, so there is no upgrade to finish"
        raise PreflightError(what, where=connection.login.name, hint="install it: kprov install HOST")
    if before is not None:
        if request.finish and wanted.cluster.kafka.version != before.cluster.kafka.version:
            raise UsageError(
                f"Kafka {wanted.cluster.kafka.version} must serve before the step without a way back",
                where="--finish",
                hint="upgrade without --finish and see that all is well; then finish: kprov upgrade HOST --finish",
            )
        said = in_force(before.cluster)
        wanted = replace(wanted, cluster=staged(wanted.cluster, said, finish=request.finish))
        if problem := way_back(wanted.cluster, said, before.cluster.kafka.version):
            raise PreflightError([problem])
    elif entries := used_again(receipt, wanted.cluster, wanted.host):
        named_here = "version" in goal.cluster.kafka.model_fields_set
        if problems := list(refusals(entries, wanted.cluster, named=named_here)):
            raise PreflightError(problems)
        if (said_last := spoken(entries)) is not None:
            wanted = replace(wanted, cluster=staged(wanted.cluster, said_last))
    return Resolved(receipt, wanted, before)


def _before(receipt: Receipt, goal: Goal) -> Goal | None:
    """What was asked of the host before; None where nothing is installed there."""
    if receipt.spec is None:
        return None
    cluster = Cluster.model_validate(receipt.spec)
    return Goal(cluster, cluster.hosts[0], goal.login)
