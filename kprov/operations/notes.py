"""Notes of a plan: what it does not change, what it postpones, and what cannot be undone."""

from __future__ import annotations

from collections.abc import Iterator

from kprov.checks import Outcome
from kprov.kinds.labels import uncompared
from kprov.operations.address import reasons
from kprov.operations.preflight.network import network
from kprov.operations.request import Request
from kprov.operations.resolve import Resolved
from kprov.operations.snapshot import begins_from_logs
from kprov.operations.survey import Survey
from kprov.spec.broker import explained
from kprov.spec.broker_keys import PROTOCOL
from kprov.spec.model import Cluster
from kprov.spec.protocol import in_force


def notes(request: Request, found: Survey) -> Iterator[str]:
    """The notes of the plan for a surveyed host."""
    node = found.goal.node
    yield from request.notes(found.goal, found.receipt)
    yield from reasons(node, network(found.answer))
    if node.broker_config is not None:
        yield from explained(node.broker, node.zookeeper_connect)
    yield from _held(node.cluster)
    yield from _left_alone(found)
    yield from _begins_from_logs(found)


def finishing_notes(request: Request, run: Resolved) -> Iterator[str]:
    """That this plan cannot be undone, or that there is nothing to finish."""
    if run.raised:
        yield str(run.raised)
    elif request.finish:
        yield f"{PROTOCOL} is {in_force(run.goal.node.cluster)} already: there is nothing to finish"


def _held(cluster: Cluster) -> Iterator[str]:
    """That an upgrade is not finished yet."""
    if cluster.kafka.protocol is not None:
        yield (
            f"{PROTOCOL} is held at {cluster.kafka.protocol}, so that you can go back to the previous release; "
            "raise it: kprov upgrade HOST --finish"
        )


def _left_alone(found: Survey) -> Iterator[str]:
    """What kprov found on the host and does not change, or does along with the changes."""
    for item in found.results:
        if item.check == "firewall" and item.status is not Outcome.PASS:
            yield f"{item.evidence}; {item.fix}"
    mode = found.answer.facts.selinux
    if mode in {"Enforcing", "Permissive"}:
        yield f"SELinux is {mode.lower()}: each path gets its default label with restorecon"
    if why := uncompared(found.answer.seen):
        yield f"SELinux labels were not compared: {why}"


def _begins_from_logs(found: Survey) -> Iterator[str]:
    """That ZooKeeper gets an option for its next start."""
    if begins_from_logs(found.goal.node, found.answer):
        yield (
            "ZooKeeper finds logs from the first transaction on and no snapshot yet: its next start is told to trust "
            "them (snapshot.trust.empty), and writes one"
        )
