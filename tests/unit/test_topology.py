"""From the settings of a cluster to its nodes: ids, addresses, the ensemble, and which services a node runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import javaproperties
import pytest
from support.specimens import asked, content, inputs, node, wanted

from kprov.roles.desired import desired
from kprov.roles.of_node import role_of, roles_of
from kprov.spec.model import Cluster
from kprov.spec.rules import check
from kprov.topology import RoleName, topology

THREE: dict[str, Any] = {
    "java": {"release": "temurin-11"},
    "hosts": [
        {"address": "kafka-1", "broker": {"id": 4}, "zookeeper": {"id": 7}},
        {
            "address": "kafka-2",
            "broker": {"id": 2, "properties": {"num.io.threads": "16"}},
            "zookeeper": {"id": 2},
            "internal": "10.0.0.2",
        },
        {"address": "fd00::3", "broker": {"id": 9}, "zookeeper": {"id": 5}},
    ],
}
SERVERS = {"server.2": "10.0.0.2:2888:3888", "server.5": "[fd00::3]:2888:3888", "server.7": "kafka-1:2888:3888"}


@pytest.fixture
def three() -> Cluster:
    return Cluster.model_validate(THREE)


def test_each_host_is_a_node_with_its_own_ids(three: Cluster) -> None:
    nodes = topology(three)
    assert [found.host for found in nodes] == list(three.hosts)
    assert [(found.broker.id, found.zookeeper.id) for found in nodes] == [(4, 7), (2, 2), (9, 5)]
    assert [found.broker.properties["broker.id"] for found in nodes] == ["4", "2", "9"]
    assert [found.broker.properties["num.io.threads"] for found in nodes] == ["8", "16", "8"]


def test_all_nodes_have_the_same_connect_string_and_members(three: Cluster) -> None:
    nodes = topology(three)
    assert {found.zookeeper_connect for found in nodes} == {"kafka-1:2181,10.0.0.2:2181,[fd00::3]:2181"}
    assert {found.zookeeper.members for found in nodes} == {nodes[0].zookeeper.members}
    assert {f"server.{member.id}": str(member) for member in nodes[0].zookeeper.members} == SERVERS


@pytest.mark.parametrize("mode", ["standalone", "bundled"])
def test_the_servers_of_an_ensemble_know_each_other_and_themselves(three: Cluster, mode: str) -> None:
    cluster = three.model_copy(update={"zookeeper": asked(mode=mode).zookeeper})
    config = "/zoo.cfg" if mode == "standalone" else "/zookeeper.properties"
    for index, id_ in enumerate([7, 2, 5]):
        state = wanted(cluster, index)
        text = content(state, config)
        values = javaproperties.loads(text)
        assert {name: value for name, value in values.items() if name.startswith("server.")} == SERVERS
        assert (values["initLimit"], values["syncLimit"]) == ("10", "5")
        assert content(state, f"{values['dataDir']}/myid") == f"{id_}\n"


@pytest.mark.parametrize("mode", ["standalone", "bundled"])
def test_a_single_server_is_no_ensemble(mode: str) -> None:
    """Its files are those of earlier versions, so that a host need not restart."""
    state = wanted(asked(mode=mode, more={"host": {"zookeeper": {"id": 3}}}))
    text = content(state, "/zoo.cfg" if mode == "standalone" else "/zookeeper.properties")
    assert not [word for word in ("\nserver.", "initLimit", "syncLimit") if word in text]
    assert not [file.path for file in state.files() if file.path.endswith("myid")]


@pytest.mark.parametrize(
    ("version", "ensemble", "copied"),
    [
        ("3.4.14", True, False),
        ("3.5.3-beta", True, True),
        ("3.5.3-beta", False, False),
        ("3.5.10", True, False),
        ("3.8.6", True, False),
    ],
)
def test_a_server_that_rewrites_its_configuration_gets_a_copy(
    three: Cluster, version: str, *, ensemble: bool, copied: bool
) -> None:
    """Beside kprov's file, in a directory that the service may write to and that is emptied before each start."""
    single = asked(zookeeper=version)
    cluster = three.model_copy(update={"zookeeper": single.zookeeper}) if ensemble else single
    unit = content(wanted(cluster), "/zookeeper.service").splitlines()
    started = next(line for line in unit if line.startswith("ExecStart="))
    copies = [line for line in unit if line.startswith("ExecStartPre=/bin/cp")]
    copy = "/usr/local/zookeeper/tmp/zoo.cfg"
    assert copies == ([f"ExecStartPre=/bin/cp -- /usr/local/zookeeper/conf/zoo.cfg {copy}"] if copied else [])
    assert started.endswith(copy if copied else "/usr/local/zookeeper/conf/zoo.cfg")
    if copied:
        cleaned = next(line for line in unit if "rm -rf -- /usr/local/zookeeper/tmp/*" in line)
        assert unit.index(cleaned) < unit.index(copies[0]) < unit.index(started)


def test_servers_of_an_ensemble_need_ports_for_each_other(three: Cluster) -> None:
    zookeeper = role_of(topology(three)[0], "zookeeper.service")
    assert zookeeper.further_ports == (2888, 3888)
    assert (zookeeper.public_ports, zookeeper.node_ports) == ((), (2181, 2888, 3888))
    alone = role_of(node(asked()), "zookeeper.service")
    assert (alone.further_ports, alone.public_ports, alone.node_ports) == ((), (), ())


@pytest.mark.parametrize("port", [2181, 2888, 3888])
def test_the_ports_of_an_ensemble_are_not_free_for_listeners(port: int) -> None:
    kafka = {"port": port}
    problems = check(Cluster.model_validate({**THREE, "kafka": kafka}))
    assert {(problem.where, problem.what.partition(" by ")[0]) for problem in problems} == {
        ("kafka.port", f"port {port} is already used")
    }
    if port != 2181:
        assert check(asked(more={"kafka": kafka})) == [], "a single server does not use it"


def test_roles_come_in_the_order_in_which_they_start() -> None:
    found = roles_of(node(asked()))
    assert [role.name for role in found] == [RoleName.ZOOKEEPER, RoleName.BROKER]
    for place, role in enumerate(found):
        assert set(role.starts_after) <= {before.unit for before in found[:place]}


def test_a_node_without_a_broker_has_no_kafka() -> None:
    found = replace(node(asked()), broker_config=None)
    state = desired(found, inputs(found.cluster))
    assert [service.unit for service in state.services] == ["zookeeper.service"]
    assert not [item.id for item in state.resources if "kafka" in item.id]
    assert "/usr/local/single_kafka" not in str(role_of(found, "zookeeper.service").ready_question)
    with pytest.raises(LookupError, match="runs no broker"):
        _ = found.broker


def test_a_node_without_zookeeper_has_none() -> None:
    found = replace(node(asked()), zookeeper_config=None)
    state = desired(found, inputs(found.cluster))
    assert [service.unit for service in state.services] == ["kafka.service"]
    assert not [item.id for item in state.resources if "zookeeper" in item.id]
    with pytest.raises(LookupError, match="runs no ZooKeeper"):
        _ = found.zookeeper


def test_a_change_of_one_host_reaches_what_follows_from_it(three: Cluster) -> None:
    before = topology(three)[0].with_java("/java", "11")
    after = before.with_host(before.host.model_copy(update={"internal": "10.0.0.1"}))
    assert after.zookeeper_connect == "10.0.0.1:2181,10.0.0.2:2181,[fd00::3]:2181"
    assert after.broker.local == "10.0.0.1:9093"
    assert (after.java_home, after.java_version) == ("/java", "11")
    assert topology(after.cluster)[1].zookeeper_connect == after.zookeeper_connect


def test_data_directories_of_a_role_are_those_that_it_creates() -> None:
    found = node(asked(properties={"log.dirs": "/data/a,/data/b"}))
    created = {item.id for item in wanted(found.cluster).resources if item.id.startswith("data:")}
    assert {f"data:{place.path}" for role in roles_of(found) for place in role.data} == created
