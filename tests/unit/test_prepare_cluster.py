"""Which hosts are one cluster, and with which settings: decided from their receipts, before anything is changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from kprov.errors import KprovError, PreflightError, UsageError
from kprov.host.ssh_config import Login
from kprov.operations.cluster.prepare import foreign_data, resolve_cluster
from kprov.operations.request import Goal, Request
from kprov.operations.session import Access, recorded_spec
from kprov.receipt import Receipt
from kprov.spec.load import Flag, load
from kprov.spec.settings import OPTIONS
from kprov.topology import Node, topology

HOSTS = ("a", "b", "c")


def login(name: str) -> Login:
    return Login(name, name, "root", 22, (), identities_only=False, known_hosts=(), connect_timeout=1.0)


def prop(name: str, value: object) -> Flag:
    return Flag(f"--set {name}", ("kafka", "properties", name), value)


def flag(option: str, value: object) -> Flag:
    return Flag(option, OPTIONS[option], value)


def receipts(*flags: Flag, hosts: Sequence[str] = HOSTS, written: str = "2026-01-01") -> list[Receipt]:
    """Of hosts that were installed as one cluster."""
    return [
        Receipt({}, spec=recorded_spec(node), releases={}, address=node.host.address, written=written)
        for node in topology(load(None, hosts, flags))
    ]


def resolved(
    known: Sequence[Receipt], *flags: Flag, hosts: Sequence[str] = HOSTS, config: Path | None = None
) -> list[Node]:
    """The nodes that a run with these flags wants on hosts with these receipts."""
    request = Request(config, tuple(hosts), flags, Access())
    cluster = load(config, [] if config else hosts, flags, whole=False)
    goals = [Goal(node, login(node.host.address)) for node in topology(cluster)]
    return [run.goal.node for run in resolve_cluster(known, request, goals)]


def refused(known: Sequence[Receipt], *flags: Flag, hosts: Sequence[str] = HOSTS) -> str:
    with pytest.raises(KprovError) as caught:
        resolved(known, *flags, hosts=hosts)
    assert isinstance(caught.value, PreflightError | UsageError)
    assert all(problem.hint for problem in caught.value.problems)
    return str(caught.value)


def test_new_hosts_get_ids_by_their_order() -> None:
    nodes = resolved([Receipt()] * 3)
    assert [(node.broker.id, node.zookeeper.id) for node in nodes] == [(0, 1), (1, 2), (2, 3)]


def test_ids_and_settings_stay_whatever_the_order_of_the_hosts() -> None:
    """The ids belong to the data: they are remembered, not counted again."""
    known = receipts(prop("num.partitions", 7))
    nodes = resolved(list(reversed(known)), hosts=("c", "b", "a"))
    assert [node.host.address for node in nodes] == ["c", "b", "a"]
    assert [node.broker.id for node in nodes] == [2, 1, 0]
    assert {node.broker.properties["num.partitions"] for node in nodes} == {"7"}


def test_a_host_is_known_by_its_receipt_not_by_the_address_that_is_dialled() -> None:
    nodes = resolved(receipts(), hosts=("10.0.0.1", "10.0.0.2", "10.0.0.3"))
    assert [node.host.address for node in nodes] == list(HOSTS)


def test_options_join_the_settings_of_the_newest_receipt() -> None:
    """A run that was killed had written its intent on some hosts only."""
    old, new = receipts(written="2026-01-01"), receipts(prop("num.partitions", 7), written="2026-01-02")
    nodes = resolved([old[0], new[1], old[2]], prop("num.io.threads", 9))
    for node in nodes:
        assert node.broker.properties["num.partitions"] == "7"
        assert node.broker.properties["num.io.threads"] == "9"


def test_a_host_without_a_receipt_is_the_one_that_is_missing() -> None:
    """An uninstall that was killed had finished there."""
    known = receipts()
    nodes = resolved([known[0], Receipt(), known[2]])
    assert [node.broker.id for node in nodes] == [0, 1, 2]


def test_a_part_of_the_cluster_is_refused() -> None:
    known = receipts()
    assert "c is not named" in refused(known[:2], hosts=HOSTS[:2])


def test_a_further_host_is_refused() -> None:
    known = receipts()
    said = refused([*known, Receipt()], hosts=("a", "b", "c", "d"))
    assert "d is not one of them" in said


def test_a_host_of_another_cluster_is_refused() -> None:
    others = receipts(hosts=("c", "x", "y"))
    assert "belongs to a cluster with x, y" in refused([*receipts()[:2], others[0]])


def test_a_host_with_an_installation_of_its_own_is_refused() -> None:
    (alone,) = receipts(hosts=("b",))
    assert "installed here for this host alone" in refused([Receipt(), alone, Receipt()])


def test_a_host_with_data_of_a_single_host_is_refused() -> None:
    (alone,) = receipts(hosts=("b",))
    kept = replace(alone, spec=None, last={"spec": alone.spec, "releases": {}})
    assert "data of a single host were kept" in refused([Receipt(), kept, Receipt()])


def test_a_cluster_of_another_name_is_refused(tmp_path: Path) -> None:
    config = tmp_path / "kprov.yaml"
    config.write_text("name: orders\nhosts: [{address: a}, {address: b}, {address: c}]\n")
    known = [replace(item, spec={**(item.spec or {}), "name": "invoices"}) for item in receipts()]
    with pytest.raises(PreflightError) as caught:
        resolved(known, config=config)
    assert "it belongs to the cluster invoices, not to orders" in str(caught.value)
    assert [node.cluster.name for node in resolved(receipts(), config=config)] == ["orders"] * 3


def test_an_option_for_one_host_needs_a_file() -> None:
    assert "3 hosts are named" in refused([Receipt()] * 3, flag("--broker-id", 4))


def test_the_broker_that_speaks_the_oldest_protocol_decides_for_all() -> None:
    """The first roll of an upgrade was interrupted: the others must not speak what one does not know."""
    old, new = receipts(), receipts(flag("--kafka-version", "2.8.2"))
    held = [
        replace(item, spec={**(item.spec or {}), "kafka": {**(item.spec or {})["kafka"], "protocol": "1.0"}})
        for item in new
    ]
    nodes = resolved([held[0], old[1], old[2]], flag("--kafka-version", "2.8.2"))
    assert {node.broker.properties["inter.broker.protocol.version"] for node in nodes} == {"1.0"}
    assert {node.cluster.kafka.protocol for node in nodes} == {"1.0"}


@pytest.mark.parametrize(("ids", "refused"), [("xxx", False), ("xx-", False), ("---", False), ("xyx", True)])
def test_messages_of_different_clusters_do_not_become_one(ids: str, refused: bool) -> None:
    """Data that earlier uninstalls kept; brokers compare the id only once they have started (since 2.4)."""
    nodes = topology(load(None, HOSTS))
    path = nodes[0].broker.log_dirs[0]
    connections, surveys = [], []
    for node, id_ in zip(nodes, ids, strict=True):
        kept = {"status": "present", "type": "directory", "entries": "3", "holds": "kafka", "cluster": id_}
        seen = {f"data:{path}": kept} if id_ != "-" else {}
        connections.append(SimpleNamespace(login=SimpleNamespace(name=node.host.address)))
        surveys.append(SimpleNamespace(goal=SimpleNamespace(node=node), answer=SimpleNamespace(seen=seen)))
    problems = foreign_data(connections, surveys)  # type: ignore[arg-type]
    assert bool(problems) is refused
    if refused:
        assert "/home/temp/kafka_logs on b holds messages of the cluster y" in problems[0].cause
