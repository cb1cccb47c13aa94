"""Questions to the services of a real host through the connection, without falling back on tools."""

from __future__ import annotations

from kprov.host.forwarded import ask
from kprov.host.ssh_config import read_login
from kprov.operations.session import Access, installed
from kprov.queries import four_letter_word, metadata, node_exists
from kprov.spec.target import Target
from support.machine import Machine


def assert_answers_directly(machine: Machine) -> None:
    """Every question that kprov asks is understood by these releases of Kafka and ZooKeeper."""
    login = read_login(Target(machine.address, "root", None), config=machine.lab.ssh_config)
    with Access().connect(login) as connection:
        node = installed(connection).node
        zookeeper = ("localhost", node.zookeeper.client_port)
        seen = ask(connection, *node.broker.local_endpoint, metadata("none"), seconds=5)
        assert [broker.id for broker in seen.brokers] == [node.broker.id]
        assert seen.topics.keys() == {"none"}
        assert "Mode: standalone" in ask(connection, *zookeeper, four_letter_word("srvr"), seconds=5)
        for path, there in (("/brokers/topics", True), ("/brokers/topics/none", False)):
            assert ask(connection, *zookeeper, node_exists(path), seconds=5) is there
