"""A host as one probe found it, and the results of the checks. Changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kprov.checks import Result
from kprov.checks import run as run_checks
from kprov.host.connection import Connection
from kprov.host.facts import Probe, probe, probe_host
from kprov.kinds import labels
from kprov.kinds.base import Call
from kprov.kinds.port import FirewallPort
from kprov.operations.address import settle
from kprov.operations.preflight.java import the_java
from kprov.operations.preflight.network import network
from kprov.operations.preflight.network import zone as zone_here
from kprov.operations.preflight.ports import port_questions
from kprov.operations.preflight.questions import questions
from kprov.operations.preflight.subject import subject
from kprov.operations.request import Goal
from kprov.operations.snapshot import missing_snapshot
from kprov.plan import writable
from kprov.receipt import QUESTION, Receipt
from kprov.releases.chosen import Releases
from kprov.roles.desired import desired
from kprov.roles.inputs import Inputs
from kprov.roles.java import java_path
from kprov.roles.of_node import roles_of

_LATEST = 1000  # of systemd: includes what any version would get


@dataclass(frozen=True)
class Survey:
    """A host as it was probed for an installation, and the results of the checks.

    goal: with the Java that will run, and with the address that the host uses for itself. zone: that of firewalld in
    which the host is reached. nodes: the addresses of the other nodes of the cluster, as this host sees them.
    """

    goal: Goal
    receipt: Receipt
    releases: Releases
    answer: Probe
    zone: str
    results: tuple[Result, ...]
    nodes: tuple[str, ...] = ()


def survey(connection: Connection, goal: Goal, receipt: Receipt, releases: Releases) -> Survey:
    """Probe the host and run the checks. Needs a second exchange only if the first answers raise new questions."""
    node = goal.node.with_java(java_path(releases.java) if releases.java else str(goal.node.cluster.java.home))
    # Ask about every possible resource; the facts decide which of them are wanted.
    widest = desired(node, Inputs(releases.kafka, releases.zookeeper, releases.java, systemd=_LATEST))
    calls: list[Call] = [QUESTION, *(item.query() for item in widest.resources)]
    calls += [item.query() for item in widest.services]
    calls += questions(node)
    known = {call[1] for call in calls}
    calls.append(writable.question(sorted(known), receipt))
    calls += [made.query() for made in receipt.made.values() if made.id not in known]
    if labels_call := labels.question(receipt.made.values()):
        calls.append(labels_call)
    answer = probe_host(connection, calls)
    answer = replace(answer, seen=labels.with_labels(answer.seen))
    node = settle(node, network(answer), receipt)
    zone = zone_here(answer)
    more = port_questions(node)
    if answer.facts.firewalld:
        more += [FirewallPort(port, zone).query() for role in roles_of(node) for port in role.public_ports]
    if more := [call for call in more if call not in calls]:
        answer = Probe(answer.facts, {**answer.seen, **probe(connection, more)})
    seen = the_java(releases, node.java_home, answer.seen, receipt=receipt)
    node = node.with_java(node.java_home, seen.version)
    results = (*run_checks(subject(node, releases, seen, answer, receipt=receipt)), *missing_snapshot(node, answer))
    return Survey(replace(goal, node=node), receipt, releases, answer, zone, results)
