"""The status of a cluster on one screen: the verdict, a line for each node, and what is missing."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from rich.text import Text

from kprov.commands import HostArguments
from kprov.operations.cluster.status import ClusterStatus, NodeStatus
from kprov.operations.verdict import HostState
from kprov.ui.views.status import COLOURS, document_of
from kprov.ui.views.view import Line, View

_HEAD = ("host", "zookeeper", "broker", "kafka", "state")


def view(cluster: ClusterStatus, _: HostArguments) -> View:
    """The verdict first; JSON has the status of each node as for a single host."""
    document = {
        "cluster": {
            "name": cluster.name,
            "state": cluster.state,
            "available": cluster.available,
            "troubles": list(cluster.troubles),
            "replicas": dataclasses.asdict(cluster.replicas) if cluster.replicas else None,
            "nodes": {node.host: _document(node) for node in cluster.nodes},
        }
    }
    return View(document, tuple(_lines(cluster)))


def _document(node: NodeStatus) -> dict[str, object]:
    return {
        "why": node.why,
        "roles": list(node.roles),
        "mode": node.mode,
        "broker": node.broker,
        "controller": node.controller,
        "registered": node.registered,
        "status": document_of(node.status) if node.status else None,
    }


def _lines(cluster: ClusterStatus) -> Iterator[Line]:
    serving = cluster.state is HostState.SERVING
    basis = " (every node serves, and every replica is in sync)" if serving else ""
    if not serving and cluster.available:
        basis = "; clients are served: every partition has a leader and enough replicas in sync"
    word = cluster.state.value if serving or not cluster.available else "not whole"
    yield Text.assemble(f"{cluster.name or 'cluster'}: ", (word, COLOURS[cluster.state]), basis)
    for trouble in cluster.troubles:
        yield f"  {trouble}"
    for node in cluster.nodes:
        if node.status is None:
            yield Text.assemble(f"  {node.host}: ", (node.why, "red"))
        for reason in node.status.verdict.reasons if node.status else ():
            yield f"  {node.host}: {reason}"
    rows = [_HEAD, *map(_row, cluster.nodes)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    if cluster.replicas is not None:
        yield f"{cluster.replicas.partitions} partitions, {len(cluster.replicas.behind)} not in sync"
    for node in cluster.nodes:
        if node.status and node.status.drift:
            for item in node.status.drift:
                yield Text.assemble(("drift  ", "yellow"), f"{node.host}: {item.id} {item.what}")


def _row(node: NodeStatus) -> tuple[str, str, str, str, str]:
    status = node.status
    if status is None:
        return (node.host, "?", "?", "?", "unknown")
    broker = "-" if node.broker is None else str(node.broker)
    if node.controller:
        broker += " controller"
    elif node.broker is not None and not node.registered:
        broker += " not registered"
    zookeeper = f"{node.mode or 'does not serve'} {status.zookeeper.split()[0]}" if "zookeeper" in node.roles else "-"
    return (node.host, zookeeper, broker, status.kafka or "-", status.verdict.state.value)
