"""Questions to the services of a real host through the connection, without falling back on tools."""

from __future__ import annotations

from packaging.version import Version

from kprov.host.forwarded import ask
from kprov.host.ssh_config import read_login
from kprov.operations.session import Access, installed
from kprov.queries import (
    UNKNOWN_TOPIC,
    TopicSeen,
    four_letter_word,
    metadata,
    minimums,
    node_exists,
    reassigning,
)
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
        assert seen.topics == (TopicSeen("none", UNKNOWN_TOPIC),)
        assert (seen.controller, len(seen.cluster)) == (node.broker.id, 22)
        every = ask(connection, *node.broker.local_endpoint, metadata(every_topic=True), seconds=5).topics
        told = ask(connection, *node.broker.local_endpoint, minimums([topic.name for topic in every]), seconds=5)
        assert told == {topic.name: 1 for topic in every}
        if node.broker.version >= Version("2.4"):
            assert ask(connection, *node.broker.local_endpoint, reassigning(), seconds=5) is False
        assert "Mode: standalone" in ask(connection, *zookeeper, four_letter_word("srvr"), seconds=5)
        for path, there in (("/brokers/topics", True), ("/brokers/topics/none", False)):
            assert ask(connection, *zookeeper, node_exists(path), seconds=5) is there
