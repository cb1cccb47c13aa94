"""A cluster moves from the article's releases to the newest ones, one node at a time, while messages flow."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import pairwise

import pytest
from support.cluster import HEAPS, KAFKA, Cluster, boot_three, flowing
from support.machine import until

pytestmark = [pytest.mark.lab, pytest.mark.soak, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The article's releases on three hosts, behind firewalls."""
    with boot_three(126, tmp_path_factory.mktemp("upgrade"), firewalld=True) as cluster:
        cluster.install("--java", "temurin-11", *HEAPS)
        cluster.topic("flow")
        yield cluster


def test_a_young_ensemble_moves_to_a_zookeeper_that_wants_snapshots(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Servers of 3.4 have no snapshot yet, but for one that was late. Afterwards each has one, and restarts."""
    with boot_three(129, tmp_path_factory.mktemp("young")) as young:
        young.install("--java", "temurin-11", "--zookeeper-version", "3.4.14", "--no-smoke-test", *HEAPS)
        young.topic("flow")
        listing = "ls /var/lib/zookeeper/data/version-2"
        assert not all("snapshot" in machine.ssh(listing) for machine in young.machines)
        with flowing(young, "flow"):
            young.install("--zookeeper-version", "3.5.10", "--no-smoke-test", verb="upgrade")
            young.kprov("restart")
        assert all("snapshot" in machine.ssh(listing) for machine in young.machines)
        until(partial(serves, young), 90)


def serves(cluster: Cluster) -> bool:
    return bool(cluster.status()["state"] == "serving")


def test_zookeeper_is_open_to_the_nodes_alone(cluster: Cluster) -> None:
    """And the broker to everybody."""
    for machine in cluster.machines:
        rules = machine.ssh("firewall-cmd --list-all; firewall-cmd --permanent --list-all")
        others = [other.address for other in cluster.machines if other is not machine]
        for port in (2181, 2888, 3888):
            assert all(rules.count(f'source address="{other}" port port="{port}"') == 2 for other in others)
        assert rules.count("ports: 9092/tcp") == 2
    assert "nothing to do" in cluster.install().out
    probe = cluster.machines[0].ssh("firewall-cmd --list-rich-rules").splitlines()
    assert len(probe) == 6


STEPS = [
    ("1.1.1", ("--kafka-version", "1.1.1"), "1.0"),
    ("2.8.2", ("--kafka-version", "2.8.2", "--zookeeper-version", "3.5.10"), "1.0"),
    ("2.8.2", ("--finish",), None),
    ("3.9.2", ("--kafka-version", "3.9.2", "--zookeeper-version", "3.8.6", "--java", "temurin-17"), "2.8"),
]


@pytest.mark.parametrize(("version", "words", "protocol"), STEPS, ids=["1.1.1", "2.8.2", "finish", "3.9.2"])
def test_a_step_of_the_upgrade(version: str, words: tuple[str, ...], protocol: str | None, cluster: Cluster) -> None:
    """One broker at a time, and no acknowledged message is lost. The protocol stays until it is raised."""
    since = cluster.now()
    with flowing(cluster, "flow"):
        cluster.install(*words, "--no-smoke-test", verb="upgrade")
    stops = cluster.stops("kafka", since)
    assert len(stops) == 3
    assert all(first[2] < second[1] for first, second in pairwise(stops)), stops
    until(lambda: cluster.status()["state"] == "serving", 90)
    assert {node["status"]["kafka"] for node in cluster.status()["nodes"].values()} == {version}
    for machine in cluster.machines:
        properties = machine.ssh(f"cat {KAFKA}/config/server.properties")
        assert (f"inter.broker.protocol.version={protocol}" in properties) is (protocol is not None) or not protocol


def test_the_way_back_ends_where_the_protocol_was_raised(cluster: Cluster) -> None:
    refused = cluster.install("--kafka-version", "1.1.1", "--java", "temurin-11", verb="upgrade", check=2)
    assert "protocol 2.8 is later than Kafka 1.1.1" in refused.err


def test_uninstall_closes_what_was_opened(cluster: Cluster) -> None:
    cluster.kprov("uninstall", "--purge", "--yes")
    for machine in cluster.machines:
        assert machine.ssh("firewall-cmd --list-rich-rules; firewall-cmd --permanent --list-ports").strip() == ""
