"""The files of the archives that are ours: which there are, and the values that upstream ships."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from kprov.lab.archives.jars import texts
from kprov.lab.archives.recipe import PACKAGE, JarsRecipe, recipes
from kprov.lab.archives.words import WORD, fill_in

JARS = {name: recipe for name, recipe in recipes().items() if isinstance(recipe, JarsRecipe)}
KAFKA = [name for name in JARS if name.startswith("kafka")]
ZOOKEEPER = [name for name in JARS if name.startswith("zookeeper")]

ALWAYS = {
    "kafka-acls.sh",
    "kafka-broker-api-versions.sh",
    "kafka-configs.sh",
    "kafka-console-consumer.sh",
    "kafka-console-producer.sh",
    "kafka-consumer-groups.sh",
    "kafka-consumer-perf-test.sh",
    "kafka-delete-records.sh",
    "kafka-log-dirs.sh",
    "kafka-producer-perf-test.sh",
    "kafka-reassign-partitions.sh",
    "kafka-run-class.sh",
    "kafka-server-start.sh",
    "kafka-server-stop.sh",
    "kafka-topics.sh",
    "zookeeper-server-start.sh",
    "zookeeper-server-stop.sh",
    "zookeeper-shell.sh",
}
ELECTION, LEADERS, DUMP, OFFSETS = (
    "kafka-preferred-replica-election.sh",
    "kafka-leader-election.sh",
    "kafka-dump-log.sh",
    "kafka-get-offsets.sh",
)
ONLY_IN = {
    "kafka-1.0.0": {ELECTION},
    "kafka-1.1.1": {ELECTION},
    "kafka-2.8.2": {ELECTION, LEADERS, DUMP},
    "kafka-3.5.2": {LEADERS, DUMP, OFFSETS},
    "kafka-3.9.2": {LEADERS, DUMP, OFFSETS},
}


def properties(text: str) -> dict[str, str]:
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", maxsplit=1) for line in lines)


@pytest.mark.parametrize("name", KAFKA)
def test_each_kafka_has_the_scripts_of_its_release(name: str) -> None:
    scripts = {path.removeprefix("bin/") for path in texts(JARS[name]) if path.startswith("bin/")}
    assert scripts == ALWAYS | ONLY_IN[name]


@pytest.mark.parametrize("name", ZOOKEEPER)
def test_each_zookeeper_has_its_scripts_and_its_way_to_log(name: str) -> None:
    files = set(texts(JARS[name]))
    logging = "conf/logback.xml" if name >= "zookeeper-3.8" else "conf/log4j.properties"
    assert files == {
        *(f"bin/{script}" for script in ("zkCleanup.sh", "zkCli.sh", "zkEnv.sh", "zkServer.sh")),
        *("conf/zoo_sample.cfg", logging, "LICENSE.txt", "NOTICE.txt", "STAND-IN.txt"),
    }


@pytest.mark.parametrize("name", JARS)
def test_no_placeholder_is_left(name: str) -> None:
    assert [path for path, text in texts(JARS[name]).items() if WORD.search(text)] == []


def test_an_unknown_placeholder_raises_key_error() -> None:
    with pytest.raises(KeyError, match="NOBODY"):
        fill_in("a @NOBODY@", {"SOMEBODY": "b"})


@pytest.mark.parametrize(
    ("name", "timeout", "differences"),
    [
        ("kafka-1.0.0", "6000", {}),
        ("kafka-1.1.1", "6000", {}),
        ("kafka-2.8.2", "18000", {}),
        ("kafka-3.5.2", "18000", {}),
        ("kafka-3.9.2", "18000", {"log.segment.bytes": None}),
    ],
)
def test_server_properties_have_upstreams_values(name: str, timeout: str, differences: dict[str, None]) -> None:
    expected = {
        "broker.id": "0",
        "num.network.threads": "3",
        "num.io.threads": "8",
        "socket.send.buffer.bytes": "102400",
        "socket.receive.buffer.bytes": "102400",
        "socket.request.max.bytes": "104857600",
        "log.dirs": "/tmp/kafka-logs",
        "num.partitions": "1",
        "num.recovery.threads.per.data.dir": "1",
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "log.retention.hours": "168",
        "log.segment.bytes": "1073741824",
        "log.retention.check.interval.ms": "300000",
        "zookeeper.connect": "localhost:2181",
        "zookeeper.connection.timeout.ms": timeout,
        "group.initial.rebalance.delay.ms": "0",
    }
    assert properties(texts(JARS[name])["config/server.properties"]) == {
        key: value for key, value in expected.items() if key not in differences
    }


def test_the_server_properties_of_1_0_0_have_no_newline_at_their_end() -> None:
    ends = {name: texts(JARS[name])["config/server.properties"][-1] for name in KAFKA}
    assert ends == {name: "0" if name == "kafka-1.0.0" else "\n" for name in KAFKA}


@pytest.mark.parametrize("name", KAFKA)
def test_zookeeper_properties_have_upstreams_values(name: str) -> None:
    admin_server = {"admin.enableServer": "false"} if name >= "kafka-2.4" else {}
    assert properties(texts(JARS[name])["config/zookeeper.properties"]) == {
        "dataDir": "/tmp/zookeeper",
        "clientPort": "2181",
        "maxClientCnxns": "0",
        **admin_server,
    }


@pytest.mark.parametrize("name", JARS)
def test_the_note_says_what_the_archive_is(name: str) -> None:
    recipe = JARS[name]
    files = texts(recipe)
    note = files["STAND-IN.txt"]
    assert note.startswith(f"This is not the {recipe.archive} that the Apache ")
    assert [line for line in recipe.coordinates if f"  {line}\n" not in note] == []
    assert [path for path in files if path != "STAND-IN.txt" and path not in note] == []


@pytest.mark.parametrize("name", JARS)
def test_the_scripts_are_clean(name: str, tmp_path: Path) -> None:
    for path, text in texts(JARS[name]).items():
        if path.startswith("bin/"):
            (tmp_path / Path(path).name).write_text(text)
    _shellcheck(tmp_path)


@pytest.mark.parametrize("kind", ["kafka", "zookeeper"])
def test_the_scripts_are_clean_as_they_stand_in_the_package(kind: str) -> None:
    _shellcheck(PACKAGE / "launchers" / kind)


def _shellcheck(folder: Path) -> None:
    try:
        result = subprocess.run(
            ["shellcheck", "--external-sources", *sorted(folder.glob("*.sh"))],
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        pytest.skip("shellcheck is not installed: apt-get install shellcheck")
    assert result.stdout == ""
