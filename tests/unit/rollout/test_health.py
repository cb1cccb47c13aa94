"""What the answers of the services say about a cluster. The services here are made up; real ones are in tests/lab."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from kprov.errors import PreflightError
from kprov.host.forwarded import ForwardingForbiddenError, UnansweredError
from kprov.queries import BrokerSeen, Metadata, PartitionSeen, TopicSeen
from kprov.rollout import health
from kprov.rollout.availability import Cause, may_stop
from kprov.rollout.health import Asked, Ensemble, Server, brokers, ensemble, states
from kprov.spec.load import load
from kprov.topology import topology

HOSTS = ("a", "b", "c")


@dataclass
class Services:
    """What each host's services answer, by the name of the question; a host that is missing does not answer."""

    srvr: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, Metadata] = field(default_factory=dict)
    minimums: dict[str, int] = field(default_factory=dict)
    written: dict[str, dict[str, Any]] = field(default_factory=dict)
    moving: bool = False
    asked: list[str] = field(default_factory=list)

    def ask(self, host: str, address: str, port: int, query: Any, *, seconds: float) -> Any:
        del address, port, seconds
        self.asked.append(f"{host}: {query.name}")
        if query.name == "srvr":
            return self._of(self.srvr, host)
        if query.name == "the question for metadata":
            return self._of(self.metadata, host)
        if query.name == "the question for min.insync.replicas":
            return self.minimums
        if query.name == "the question for a node":
            return self.moving
        if query.name == "the question for nodes":
            return tuple(json.dumps(item).encode() if item else None for item in self.written.values())
        raise UnansweredError("no")

    @staticmethod
    def _of(answers: Mapping[str, Any], host: str) -> Any:
        if host not in answers:
            raise UnansweredError("nothing accepts connections")
        return answers[host]


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Services:
    found = Services()
    monkeypatch.setattr(health, "ask", found.ask)
    return found


def cluster(hosts: Sequence[str] = HOSTS) -> list[Asked]:
    """Nodes whose connections are only names."""
    return [Asked(node.host.address, node) for node in topology(load(None, hosts))]  # type: ignore[arg-type]


def srvr(mode: str, nodes: int = 5, version: str = "3.4.14") -> str:
    return f"Zookeeper version: {version}-4c25d480, built on 03/06/2019\nMode: {mode}\nNode count: {nodes}\n"


def seen(*ids: int, controller: int | None = 0, in_sync: Sequence[int] = (0, 1, 2)) -> Metadata:
    partition = PartitionSeen(0, in_sync[0] if in_sync else None, (0, 1, 2), tuple(in_sync))
    known = tuple(BrokerSeen(id_, HOSTS[id_], 9092) for id_ in ids)
    return Metadata(known, (TopicSeen("t", 0, (partition,)),), controller)


# ------------------------------------------------------------------ the ensemble


def test_an_ensemble_that_is_whole(services: Services) -> None:
    services.srvr = {"a": srvr("follower"), "b": srvr("leader"), "c": srvr("follower")}
    found = ensemble(cluster())
    assert (found.trouble, found.leader, found.serves) == ("", "b", True)


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({}, "ZooKeeper does not serve on a, b, c"),
        ({"a": "follower", "b": "leader"}, "ZooKeeper does not serve on c"),
        (
            {"a": "standalone", "b": "standalone", "c": "standalone"},
            "not one ensemble: a is standalone, b is standalone, c is standalone",
        ),
        ({"a": "leader", "b": "leader", "c": "follower"}, "not one ensemble: a is leader, b is leader, c is follower"),
        ({"a": "follower", "b": "follower", "c": "follower"}, "not one ensemble"),
    ],
    ids=["nobody", "one is down", "three by themselves", "two leaders", "no leader"],
)
def test_an_ensemble_that_is_not_whole(answers: dict[str, str], said: str, services: Services) -> None:
    services.srvr = {host: srvr(mode) for host, mode in answers.items()}
    assert said in ensemble(cluster()).trouble


def test_trees_of_different_sizes_are_trouble(services: Services) -> None:
    """A server that began empty beside one with data has lost the others' nodes, and says nothing about it."""
    services.srvr = {"a": srvr("leader", 4), "b": srvr("follower", 27), "c": srvr("follower", 4)}
    assert ensemble(cluster()).trouble == (
        "the ZooKeeper servers do not have the same number of nodes: 4 on a, 27 on b, 4 on c"
    )


def test_a_tree_of_3_5_has_one_more_node_than_the_same_of_3_4(services: Services) -> None:
    """While an ensemble is upgraded, it is still whole."""
    services.srvr = {"a": srvr("follower", 26, "3.5.3-beta"), "b": srvr("leader", 25), "c": srvr("follower", 25)}
    assert ensemble(cluster()).trouble == ""
    services.srvr["c"] = srvr("follower", 25, "3.10.0")
    assert "25 on a, 25 on b, 24 on c" in ensemble(cluster()).trouble


def test_a_server_without_a_majority_does_not_serve(services: Services) -> None:
    services.srvr = dict.fromkeys(HOSTS, "This ZooKeeper instance is not currently serving requests\n")
    found = ensemble(cluster())
    assert (found.serves, found.leader) == (False, None)


def test_a_single_server_is_whole_by_itself() -> None:
    assert Ensemble((Server("a", "standalone", 5),)).trouble == ""
    assert Ensemble((Server("a", "leader", 5),)).trouble != ""


# ------------------------------------------------------------------ the brokers


def test_brokers_that_agree(services: Services) -> None:
    services.metadata = {host: seen(0, 1, 2, controller=1) for host in HOSTS}
    found = brokers(cluster())
    assert (found.trouble, found.controller) == ("", "b")


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"a": seen(0, 1, 2), "b": seen(0, 1, 2)}, "the broker does not answer on c"),
        ({"a": seen(0, 1, 2), "b": seen(0, 1, 2), "c": seen(0, 1)}, "the broker on c does not know broker 2"),
        ({"a": seen(0, 1, 2), "b": seen(0, 1, 2), "c": seen(0, 1, 2, controller=2)}, "do not agree on a controller"),
        ({host: seen(0, 1, 2, controller=None) for host in HOSTS}, "do not agree on a controller"),
    ],
    ids=["one is down", "one has just started", "an old answer", "no controller"],
)
def test_brokers_that_do_not_agree(answers: dict[str, Metadata], said: str, services: Services) -> None:
    services.metadata = answers
    assert said in brokers(cluster()).trouble


# ------------------------------------------------------------------ what a stop is judged by


def test_the_controller_another_broker_and_zookeeper_are_asked(services: Services) -> None:
    services.metadata = {host: seen(0, 1, 2, controller=2) for host in HOSTS}
    services.minimums, services.written = {"t": 2}, {"t-0": {"leader": 1, "isr": [1, 2]}}
    found = states(cluster())
    assert len(found) == 3
    assert [next(iter(state.partitions)).in_sync for state in found] == [{0, 1, 2}, {0, 1, 2}, {1, 2}]
    assert found[2].partitions[0].leader == 1
    # ZooKeeper knows before metadata do: the broker must not stop.
    assert [item.cause for item in may_stop(1, found, [0, 1, 2]).waits] == [Cause.BELOW_MINIMUM]


def test_one_answer_is_not_enough(services: Services) -> None:
    services.metadata = {"b": seen(0, 1, 2)}
    found = states(cluster())
    assert len(found) == 1
    assert Cause.TOO_FEW_ANSWERS in [item.cause for item in may_stop(1, found, [0, 1, 2]).waits]


def test_a_broker_that_has_just_started_is_not_asked(services: Services) -> None:
    services.metadata = {"a": seen(0, 1, 2), "b": seen(), "c": seen(0, 1, 2)}
    services.written = {"t-0": {"leader": 0, "isr": [0, 1, 2]}}
    assert all(state.brokers == {0, 1, 2} for state in states(cluster(), without="b"))


def test_nobody_answers(services: Services) -> None:
    assert states(cluster()) == []
    assert services.asked


def test_a_topic_whose_minimum_nobody_says_waits_until_somebody_does(services: Services) -> None:
    """Without ZooKeeper no broker can: that passes, and needs no --allow-downtime."""
    services.metadata = {host: seen(0, 1, 2) for host in HOSTS}
    services.written = {"t-0": {"leader": 0, "isr": [0, 1, 2]}}
    judged = may_stop(1, states(cluster()), [0, 1, 2])
    assert [item.cause for item in judged.waits] == [Cause.MINIMUM_UNKNOWN]
    assert judged.lasting == ()


def test_a_topic_that_zookeeper_has_just_deleted(services: Services) -> None:
    services.metadata = {host: seen(0, 1, 2) for host in HOSTS}
    services.minimums, services.written = {"t": 2}, {"t-0": {}}
    assert [state.partitions[0].in_sync for state in states(cluster())] == [{0, 1, 2}] * 3


def test_a_reassignment_is_seen(services: Services) -> None:
    services.metadata = {host: seen(0, 1, 2) for host in HOSTS}
    services.minimums, services.written, services.moving = {"t": 2}, {"t-0": {"leader": 0, "isr": [0, 1, 2]}}, True
    assert [item.cause for item in may_stop(1, states(cluster()), [0, 1, 2]).waits] == [Cause.MOVING]


def test_a_host_that_lets_nobody_ask_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise ForwardingForbiddenError("no bash")

    class Connection:
        class login:  # noqa: N801
            name = "a"

    monkeypatch.setattr(health, "ask", forbidden)
    (node,) = topology(load(None, ["a"]))
    with pytest.raises(PreflightError) as caught:
        brokers([Asked(Connection(), node)])  # type: ignore[arg-type]
    assert "AllowTcpForwarding yes" in caught.value.problems[0].hint
