"""The rules between the hosts of a cluster, and what follows from the number of its hosts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kprov.errors import Problem
from kprov.spec.broker import broker_config
from kprov.spec.load import Flag
from kprov.spec.model import Cluster, RoleName
from kprov.spec.zookeeper import zookeeper_connect

Load = Callable[..., Cluster]
Wrong = Callable[..., list[Problem]]


def hosts(*lines: str, before: str = "") -> str:
    return before + "hosts:\n" + "".join(f"- {{{line}}}\n" for line in lines)


def at(problems: list[Problem]) -> list[tuple[str, str]]:
    return [(problem.where, problem.what) for problem in problems]


# ---------------------------------------------------------------- ids


@pytest.mark.parametrize(
    ("lines", "brokers", "servers"),
    [
        (["address: a"], [0], [1]),
        (["address: a", "address: b", "address: c"], [0, 1, 2], [1, 2, 3]),
        (["address: a, broker: {id: 5}", "address: b", "address: c"], [5, 6, 7], [1, 2, 3]),
        (["address: a", "address: b, broker: {id: 0}, zookeeper: {id: 1}", "address: c"], [1, 0, 2], [2, 1, 3]),
        (["address: a", "address: b", "address: c, broker: {id: 1}, zookeeper: {id: 254}"], [0, 2, 1], [1, 2, 254]),
        (["address: a, zookeeper: {id: 254}", "address: b", "address: c"], [0, 1, 2], [254, 1, 2]),
        (["address: a, roles: [zookeeper]", "address: b, roles: [broker]"], [0, 0], [1, 1]),
        (["address: a", "address: b, roles: [broker]", "address: c, roles: [broker]"], [0, 1, 2], [1, 1, 1]),
    ],
)
def test_ids_that_are_not_given_follow_from_the_order(
    given: Load, lines: list[str], brokers: list[int], servers: list[int]
) -> None:
    """A host without the role keeps the default, which nothing reads."""
    cluster = given(hosts(*lines))
    assert [host.broker.id for host in cluster.hosts] == brokers
    assert [host.zookeeper.id for host in cluster.hosts] == servers


def test_ids_survive_a_second_reading(given: Load) -> None:
    cluster = given(hosts("address: a, broker: {id: 3}", "address: b", "address: c"))
    again = Cluster.model_validate(cluster.model_dump(mode="json", exclude_none=True))
    assert [host.broker.id for host in again.hosts] == [3, 4, 5]


# ---------------------------------------------------------------- roles


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (1, None),
        (2, "no more failures than 1"),
        (3, None),
        (4, "no more failures than 3"),
        (5, None),
        (7, "wait for 4"),
    ],
)
def test_an_ensemble_has_one_three_or_five_servers(given: Load, wrong: Wrong, count: int, words: str | None) -> None:
    text = hosts(*(f"address: k{number}, roles: [zookeeper, broker]" for number in range(count)))
    if words is None:
        assert len(given(text).playing(RoleName.ZOOKEEPER)) == count
    else:
        (problem,) = wrong(text)
        assert problem.where == "hosts"
        assert words in problem.what


def test_more_than_three_hosts_need_roles(given: Load, wrong: Wrong) -> None:
    (problem,) = wrong(hosts("address: a", "address: b, roles: [broker]", "address: c", "address: d"))
    assert (problem.where, problem.what) == ("hosts", "of 4 hosts, these have no roles: a, c, d")
    text = hosts(*(f"address: {name}, roles: [zookeeper, broker]" for name in "abc"), "address: d, roles: [broker]")
    cluster = given(text)
    assert zookeeper_connect(cluster) == "a:2181,b:2181,c:2181"
    assert cluster.brokers == 4


@pytest.mark.parametrize(
    ("role", "what"), [("broker", "no host runs ZooKeeper"), ("zookeeper", "no host runs a broker")]
)
def test_each_role_is_played(wrong: Wrong, role: str, what: str) -> None:
    assert at(wrong(hosts(f"address: a, roles: [{role}]"))) == [("hosts", what)]


@pytest.mark.parametrize(
    ("roles", "extra", "where", "what"),
    [
        ("zookeeper", "broker: {rack: r}", "hosts[1].broker", "the host does not run a broker"),
        ("zookeeper", "advertised: x", "hosts[1].advertised", "the host does not run a broker"),
        ("broker", "zookeeper: {id: 7}", "hosts[1].zookeeper", "the host does not run ZooKeeper"),
    ],
)
def test_settings_of_a_role_need_the_role(wrong: Wrong, roles: str, extra: str, where: str, what: str) -> None:
    first = "address: a, roles: [zookeeper, broker]" if roles == "broker" else "address: a, roles: [broker]"
    problems = wrong(hosts(first, f"address: b, roles: [{roles}], {extra}"))
    assert (where, what) in at(problems)


def test_the_bundled_zookeeper_is_for_one_host(wrong: Wrong) -> None:
    text = hosts("address: a", "address: b", "address: c", before="zookeeper: {mode: bundled}\n")
    (problem,) = wrong(text)
    assert (problem.where, problem.hint) == ("zookeeper.mode", "remove it, or write standalone")


# ---------------------------------------------------------------- what brokers must share, and what not


@pytest.mark.parametrize(
    ("count", "replicas", "in_sync"), [(1, None, None), (2, "2", "1"), (3, "3", "2"), (4, "3", "2")]
)
def test_replication_follows_from_the_number_of_brokers(
    given: Load, count: int, replicas: str | None, in_sync: str | None
) -> None:
    """A cluster of three survives the loss of one broker; a single broker has the article's properties."""
    lines = [f"address: k{number}, roles: [{'zookeeper, ' * (number == 0)}broker]" for number in range(count)]
    cluster = given(hosts(*lines))
    for host in cluster.hosts:
        properties = broker_config(cluster, host).properties
        assert properties.get("default.replication.factor") == replicas
        assert properties.get("min.insync.replicas") == in_sync
        assert properties["offsets.topic.replication.factor"] == (replicas or "1")
        assert properties["transaction.state.log.min.isr"] == (in_sync or "1")


def test_a_topic_that_could_never_be_written_is_refused(wrong: Wrong) -> None:
    shared = "kafka: {properties: {default.replication.factor: 2, min.insync.replicas: 3}}\n"
    (problem,) = wrong(hosts("address: a", "address: b", "address: c", before=shared))
    assert problem.where == "kafka.properties.min.insync.replicas"
    assert "is more than default.replication.factor=2" in problem.what


@pytest.mark.parametrize(
    ("racks", "wrong_places"),
    [
        ((None, None, None), []),
        (("r1", "r2", "r3"), []),
        (("r1", "r1", "r1"), []),
        (("r1", None, None), ["hosts[1].broker.rack", "hosts[2].broker.rack"]),
        ((None, "r2", "r3"), ["hosts[0].broker.rack"]),
    ],
)
def test_all_brokers_have_a_rack_or_none(
    given: Load, wrong: Wrong, racks: tuple[str | None, ...], wrong_places: list[str]
) -> None:
    lines = [f"address: k{n}{f', broker: {{rack: {rack}}}' if rack else ''}" for n, rack in enumerate(racks)]
    text = hosts(*lines)
    if wrong_places:
        assert [problem.where for problem in wrong(text)] == wrong_places
    else:
        cluster = given(text)
        found = [broker_config(cluster, host).properties.get("broker.rack") for host in cluster.hosts]
        assert found == list(racks)


def test_a_rack_may_be_a_number(given: Load) -> None:
    cluster = given(hosts("address: a, broker: {rack: 7}"))
    assert broker_config(cluster, cluster.hosts[0]).properties["broker.rack"] == "7"


def test_two_racks_of_one_broker_are_refused(wrong: Wrong) -> None:
    (problem,) = wrong(hosts("address: a, broker: {rack: r1, properties: {broker.rack: r2}}"))
    assert problem.where == "hosts[0].broker.properties.broker.rack"


def test_two_brokers_with_one_advertised_address_are_refused(given: Load, wrong: Wrong) -> None:
    """As behind one forwarding host: the hosts are told apart by the port of sshd, the brokers by nothing."""
    lines = ("address: gate, ssh: {port: 2222}", "address: gate, ssh: {port: 2200}, roles: [broker]")
    (problem,) = wrong(hosts(*lines))
    assert (problem.where, problem.what) == (
        "hosts[1].address",
        "gate:9092 is already the address of the broker on hosts[0]",
    )
    assert "hosts[1].advertised" in problem.hint
    given(hosts(f"{lines[0]}, advertised: a", f"{lines[1]}, advertised: b"))


def test_what_all_brokers_must_have_alike(wrong: Wrong) -> None:
    second = "address: b, broker: {properties: {min.insync.replicas: 1, num.io.threads: 4}}"
    (problem,) = wrong(hosts("address: a", second, "address: c"))
    assert problem.where == "hosts[1].broker.properties.min.insync.replicas"
    assert problem.what == "min.insync.replicas is 1 here and 2 on hosts[0]"
    (problem,) = wrong(hosts("address: a, broker: {properties: {num.partitions: 6}}", "address: b", "address: c"))
    assert problem.where == "hosts[0].broker.properties.num.partitions"


def test_if_one_broker_needs_an_internal_listener_all_have_it(given: Load) -> None:
    """Brokers talk to each other through listeners of one name."""
    cluster = given(hosts("address: a", "address: b, internal: 10.0.0.2", "address: c"))
    found = [broker_config(cluster, host).properties for host in cluster.hosts]
    assert {properties["inter.broker.listener.name"] for properties in found} == {"INTERNAL"}
    assert [properties["advertised.listeners"].partition(",")[2] for properties in found] == [
        "INTERNAL://a:9093",
        "INTERNAL://10.0.0.2:9093",
        "INTERNAL://c:9093",
    ]


# ---------------------------------------------------------------- several HOSTs on the command line


def test_several_hosts_are_one_cluster(given: Load) -> None:
    cluster = given(None, ["root@kafka-1", "kafka-2:2222", "kafka-3"])
    assert [host.address for host in cluster.hosts] == ["kafka-1", "kafka-2", "kafka-3"]
    assert [(host.ssh.user, host.ssh.port) for host in cluster.hosts] == [("root", None), (None, 2222), (None, None)]
    assert [host.broker.id for host in cluster.hosts] == [0, 1, 2]
    assert zookeeper_connect(cluster) == "kafka-1:2181,kafka-2:2181,kafka-3:2181"


def test_several_hosts_of_a_file_are_chosen_by_name(given: Load, wrong: Wrong) -> None:
    text = hosts("address: a", "address: b", "address: c")
    cluster = given(text, ["root@a", "c"])
    assert [(host.address, host.ssh.user) for host in cluster.hosts] == [("a", "root"), ("b", None), ("c", None)]
    assert at(wrong(text, ["a", "d"])) == [("HOST", "d is not one of the hosts in the file")]


def test_an_option_for_one_host_is_refused_for_several(wrong: Wrong) -> None:
    flag = Flag("--advertised", ("hosts", 0, "advertised"), "x")
    (problem,) = wrong(None, ["a", "b", "c"], flag)
    assert (problem.where, problem.what) == ("--advertised", "3 hosts are named")
    assert "kprov.yaml" in problem.hint


def test_a_host_that_is_named_twice_is_refused(wrong: Wrong) -> None:
    problems = wrong(None, ["a", "b", "a"])
    assert ("HOST", "a is already used by hosts[0]") in at(problems)
