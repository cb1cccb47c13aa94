"""Which address clients are told, which one the host uses for itself, and what the plan says about it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from support.specimens import ADDRESS, asked, node

from kprov.host.network import Network
from kprov.operations.address import reasons, settle
from kprov.receipt import Receipt
from kprov.spec.rules import check
from kprov.topology import Node

OWN = Network(own=(ADDRESS, "10.0.0.5"), local=ADDRESS, names={})
ELSEWHERE = Network(own=("10.0.0.5", "10.1.0.5"), local="10.1.0.5", names={})


def settled(
    net: Network, receipt: Receipt | None = None, *, properties: Mapping[str, str] | None = None, **host: str
) -> Node:
    return settle(node(asked(properties=properties, more={"host": host})), net, receipt or Receipt())


def test_an_address_of_the_host_s_own_is_used_for_all() -> None:
    found = settled(OWN)
    assert found.host.internal is None
    assert found.zookeeper_connect == f"{ADDRESS}:2181"
    assert found.broker.local == f"{ADDRESS}:9092"
    assert found.broker.ports == {"PLAINTEXT": 9092}
    (note,) = reasons(found, OWN)
    assert note == (
        f"clients are told {ADDRESS}:9092: the address that was dialled; --advertised names another; of the host's "
        f"addresses, which are {ADDRESS}, 10.0.0.5"
    )


def test_behind_nat_the_host_reaches_itself_where_it_was_reached() -> None:
    found = settled(ELSEWHERE)
    assert found.host.internal == "10.1.0.5"
    assert found.cluster.hosts == (found.host,)
    assert check(found.cluster) == []
    properties = found.broker.properties
    assert properties["listeners"] == "PLAINTEXT://:9092,INTERNAL://10.1.0.5:9093"
    assert properties["advertised.listeners"] == f"PLAINTEXT://{ADDRESS}:9092,INTERNAL://10.1.0.5:9093"
    assert properties["inter.broker.listener.name"] == "INTERNAL"
    assert properties["listener.security.protocol.map"] == "PLAINTEXT:PLAINTEXT,INTERNAL:PLAINTEXT"
    assert found.zookeeper_connect == "10.1.0.5:2181"
    assert found.broker.local == "10.1.0.5:9093"
    assert found.broker.public_ports == (9092,), "the firewall opens nothing for the host itself"
    told, inside = reasons(found, ELSEWHERE)
    assert "none of the host's own (10.0.0.5, 10.1.0.5)" in told
    assert "for itself the host uses 10.1.0.5" in inside


def test_another_operator_s_way_in_changes_nothing() -> None:
    """An address that was found once stays while it is the host's own."""
    spec = {"hosts": [{"internal": "10.0.0.5"}]}
    assert settled(ELSEWHERE, Receipt(spec=spec)).host.internal == "10.0.0.5"
    spec = {"hosts": [{"internal": "10.9.9.9"}]}
    assert settled(ELSEWHERE, Receipt(spec=spec)).host.internal == "10.1.0.5"


@pytest.mark.parametrize(
    ("leads_to", "internal", "said"),
    [
        (("10.0.0.5",), None, "as --advertised or the file says"),
        (("127.0.1.1",), None, "on the host itself it leads to 127.0.1.1"),
        (("203.0.113.9",), "10.0.0.5", "none of the host's own"),
        ((), "10.0.0.5", "none of the host's own"),
    ],
)
def test_a_name_that_clients_are_told(leads_to: tuple[str, ...], internal: str | None, said: str) -> None:
    """It may mean something else on the host itself."""
    net = Network(own=(ADDRESS, "10.0.0.5"), local="10.0.0.5", names={"broker.example": leads_to})
    found = settled(net, advertised="broker.example")
    assert found.host.internal == internal
    assert said in reasons(found, net)[0]


def test_what_the_host_does_not_tell_changes_nothing() -> None:
    assert settled(Network()).host.internal is None
    assert settled(Network(own=("10.0.0.5",)), advertised="broker.example").host.internal == "10.0.0.5"
    assert settled(Network(own=(ADDRESS,)), advertised="broker.example").host.internal is None


def test_who_arranges_the_listeners_is_left_alone() -> None:
    """Only ZooKeeper is then looked for at the host's own address."""
    found = settled(ELSEWHERE, properties={"listeners": f"PLAINTEXT://{ADDRESS}:9092"})
    assert found.broker.ports == {"PLAINTEXT": 9092}
    assert found.zookeeper_connect == "10.1.0.5:2181"


def test_what_the_user_set_is_kept() -> None:
    assert settled(OWN, internal="10.0.0.5").host.internal == "10.0.0.5"


def test_the_listener_for_the_host_itself_takes_the_next_free_port() -> None:
    cluster = asked(more={"host": {"internal": "10.0.0.5"}, "zookeeper": {"client_port": 9093}})
    assert node(cluster).broker.ports == {"PLAINTEXT": 9092, "INTERNAL": 9094}
    cluster = asked(more={"host": {"internal": "10.0.0.5"}, "kafka": {"jmx_port": 9093}})
    assert node(cluster).broker.ports["INTERNAL"] == 9094
    assert check(cluster) == []


def test_jmx_wants_a_port_of_its_own() -> None:
    (problem,) = check(asked(more={"kafka": {"jmx_port": 9092}}))
    assert (problem.what, problem.where) == ("port 9092 is already used by kafka.port", "kafka.jmx_port")
