"""What is where after an install, as the operator is told it."""

from __future__ import annotations

from support.specimens import asked, node

from kprov.commands import HostArguments
from kprov.operations.installed import installed
from kprov.spec.load import load
from kprov.topology import topology
from kprov.ui.views import view_of


def test_paths_and_commands_of_the_article() -> None:
    found = installed([node(asked())])
    assert found.settings == ("/usr/local/single_kafka/config/server.properties", "/usr/local/zookeeper/conf/zoo.cfg")
    assert found.produce.startswith("/usr/local/single_kafka/bin/kafka-console-producer.sh --broker-list ")
    assert found.consume.endswith(":9092 --topic hello --from-beginning")


def test_the_commands_fit_the_version() -> None:
    assert "--bootstrap-server" in installed([node(asked(kafka="3.9.2", zookeeper="3.8.6"))]).produce


def test_a_cluster_has_each_path_once() -> None:
    found = installed(topology(load(None, ["10.0.0.1", "10.0.0.2", "10.0.0.3"])))
    assert len(found.settings) == len(found.logs) == 2
    assert "10.0.0.1:9092" in found.produce


def test_the_last_line_says_how_to_be_rid_of_it() -> None:
    lines = view_of(installed([node(asked())]), HostArguments("root@box")).lines
    assert [str(line).split()[0] for line in lines] == ["settings", "data", "logs", "produce", "consume", "remove"]
    assert lines[-1] == "  remove    kprov uninstall HOST"
