"""Kafka 1.0.0 to 3.9.2, step by step and back, with readable messages; a release that fails is rolled back."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.machine import Machine
from support.terminal import on_terminal

from kprov.history import find, host_runs, runs
from kprov.lab.archives import default_directory

pytestmark = pytest.mark.lab

HOME = "/usr/local/single_kafka"
ARCHIVES = ("--archives", str(default_directory()))


def produce(machine: Machine, *words: str) -> None:
    """Add messages to the topic msg, each on its own line."""
    status = machine.kprov("status", "--json").json["status"]
    old = status["kafka"].startswith("1.")
    flag = "--broker-list" if old else "--bootstrap-server"
    lines = "\\n".join(words)
    machine.ssh(
        f"cd {HOME} && printf '{lines}\\n' | bin/kafka-console-producer.sh {flag} {status['bootstrap']} --topic msg"
    )


def messages(machine: Machine, count: int) -> list[str]:
    """The first messages of the topic msg."""
    consume = f"bin/kafka-console-consumer.sh --bootstrap-server {machine.address}:9092 --topic msg --from-beginning"
    return machine.ssh(f"cd {HOME} && {consume} --max-messages {count} --timeout-ms 20000").split()


def upgrade(machine: Machine, *words: str, check: int = 0) -> str:
    """Upgrade; what it told on standard error."""
    return machine.kprov("upgrade", *words, *ARCHIVES, "--yes", "--no-smoke-test", check=check).err


def property_of(machine: Machine, key: str) -> str:
    found = re.search(rf"^{re.escape(key)}=(.*)$", machine.ssh(f"cat {HOME}/config/server.properties"), re.MULTILINE)
    return found[1] if found else ""


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release of 2.8.2 whose archive is sound and which cannot start: a jar is missing."""
    folder = tmp_path_factory.mktemp("broken")
    subprocess.run(["tar", "-xf", default_directory() / "kafka_2.13-2.8.2.tgz", "-C", folder], check=True)
    for jar in folder.glob("kafka_2.13-2.8.2/libs/scala-library*.jar"):
        jar.unlink()
    subprocess.run(["tar", "-czf", folder / "kafka.tgz", "-C", folder, "kafka_2.13-2.8.2"], check=True)
    return folder / "kafka.tgz"


def test_from_the_article_to_a_later_release(machine: Machine) -> None:
    """The old protocol is spoken until the upgrade is finished; ZooKeeper is left alone."""
    machine.install("--no-smoke-test")
    machine.ssh(
        f"cd {HOME} && bin/kafka-topics.sh --zookeeper {machine.address}:2181 --create --topic msg"
        " --partitions 1 --replication-factor 1"
    )
    produce(machine, "a", "b")
    pids = machine.pids()
    planned = machine.kprov("plan", "--kafka-version", "1.1.1", *ARCHIVES, "--exit-code", "--json", check=10).json
    told = [(change["action"], change["id"]) for change in planned["plan"]["changes"]]
    assert ("create", "release:/usr/local/kafka_2.12-1.1.1") in told
    assert machine.pids() == pids
    done = machine.kprov("upgrade", "--kafka-version", "1.1.1", *ARCHIVES, "--yes", "--json").json
    assert [(change["action"], change["id"]) for change in done["plan"]["changes"]] == told
    assert done["smoke_test"]["passed"] is True
    assert done["next"].startswith(f"kprov upgrade {machine.address} --ssh-config ")
    assert done["next"].endswith(" --finish")
    assert machine.pids()["zookeeper.service"] == pids["zookeeper.service"]
    assert property_of(machine, "inter.broker.protocol.version") == "1.0"
    assert property_of(machine, "log.message.format.version") == "1.0"
    assert messages(machine, 2) == ["a", "b"]
    assert machine.kprov("install", "--yes", "--json").json["plan"]["changes"] == [], "install keeps 1.1.1"


def test_a_release_that_does_not_become_ready_is_rolled_back(machine: Machine, broken: Path) -> None:
    """The release before serves again, the run says so and ends with 6, and nothing of the failed one is left."""
    before = machine.ssh(f"find {HOME} /usr/local/kafka* -not -path '*/logs/*' -not -path '*/tmp/*' | sort")
    told = upgrade(machine, "--kafka-version", "2.8.2", "--kafka-archive", str(broken), check=6)
    assert "NoClassDefFoundError: scala/" in told
    back = "did not become ready; rolled back to Kafka 1.1.1, and the smoke test passed"
    now = "according to its receipt, Kafka 1.1.1 is installed; zookeeper.service is active, kafka.service is active"
    unwrapped = " ".join(told.split())
    assert unwrapped.index("NoClassDefFoundError: scala/") < unwrapped.index(back) < unwrapped.index(now)
    status = machine.kprov("status", "--json").json["status"]
    assert (status["kafka"], status["serving"], status["drift"], status["state"]) == ("1.1.1", True, [], "done")
    assert messages(machine, 2) == ["a", "b"]
    assert machine.ssh(f"find {HOME} /usr/local/kafka* -not -path '*/logs/*' -not -path '*/tmp/*' | sort") == before


def test_the_rollback_is_journalled(machine: Machine) -> None:
    """On this machine with both plans, and on the host as a run that failed."""
    run, records = find(runs()[0].id)
    assert (run.command[0], run.exit_code) == ("upgrade", 6)
    there, back = [record["changes"] for record in records if record["record"] == "plan"]
    assert {change["title"] for change in back} >= {change["title"] for change in there if change["action"] == "update"}
    noted = host_runs(machine.ssh("cat /var/lib/kprov/journal"))[0]
    assert (noted.id, noted.exit_code) == (run.id, 6)


def test_on_to_2_8_and_3_9_with_another_zookeeper_and_java(machine: Machine) -> None:
    """Each service that needs it restarts; the messages stay, those of each release."""
    upgrade(machine, "--kafka-version", "2.8.2")
    assert messages(machine, 2) == ["a", "b"]
    produce(machine, "c")
    upgrade(machine, "--kafka-version", "3.9.2", "--zookeeper-version", "3.8.6", "--java", "temurin-17")
    status = machine.kprov("status", "--json").json["status"]
    assert (status["kafka"], status["zookeeper"]) == ("3.9.2", "3.8.6")
    assert (status["java"].split(".")[0], status["protocol"]) == ("17", "1.0")
    produce(machine, "d")
    assert messages(machine, 4) == ["a", "b", "c", "d"]


def test_back_needs_no_archive(machine: Machine) -> None:
    """The releases lie side by side: what was pushed once is on the host."""
    told = machine.kprov("upgrade", "--kafka-version", "2.8.2", "--yes", "--no-smoke-test").err
    assert "pushing" not in told
    assert messages(machine, 4) == ["a", "b", "c", "d"]
    upgrade(machine, "--kafka-version", "3.9.2")


def test_the_last_step_cannot_be_undone(machine: Machine) -> None:
    """The protocol is raised by a step of its own, and then an older release is refused before anything is touched."""
    refused = upgrade(machine, "--kafka-version", "2.8.2", "--finish", check=2)
    assert "then finish: kprov upgrade" in refused
    step = "inter.broker.protocol.version is raised from 1.0 to 3.9; after that, Kafka before 3.9 can no longer be used"
    assert any(note.startswith(step) for note in machine.kprov("plan", "--finish", "--json").json["plan"]["notes"])
    assert property_of(machine, "inter.broker.protocol.version") == "1.0"
    command = [sys.executable, "-m", "kprov", "upgrade", machine.address, "--ssh-config", str(machine.lab.ssh_config)]
    question = f"Raise the protocol on {machine.address} from 1.0 to 3.9, in "
    declined = on_terminal([*command, "--finish"], [(question, "n")], os.environ)
    assert declined.code == 7
    assert "After that, you cannot go back to a Kafka before 3.9." in declined.text
    assert property_of(machine, "inter.broker.protocol.version") == "1.0"
    machine.kprov("upgrade", "--finish", "--yes", "--no-smoke-test")
    assert property_of(machine, "inter.broker.protocol.version") == ""
    assert machine.kprov("status", "--json").json["status"]["protocol"] is None
    pids = machine.pids()
    refused = upgrade(machine, "--kafka-version", "2.8.2", check=3)
    assert "does not support protocol 3.9" in refused
    assert machine.pids() == pids
    assert messages(machine, 4) == ["a", "b", "c", "d"]


def test_versions_that_do_not_go_together_are_refused(machine: Machine) -> None:
    """The table of Java is held to, with what is on the host."""
    refused = upgrade(machine, "--java", "temurin-8", "--kafka-version", "3.9.2", check=2)
    assert "Java 8" in refused or "temurin-8" in refused
    assert machine.kprov("status", "--json").json["status"]["serving"] is True


def test_uninstall_takes_every_release_along(machine: Machine) -> None:
    """The earlier releases, too."""
    result = machine.kprov("uninstall", "--purge", "--yes", "--json").json["uninstall"]
    assert result["leftovers"] == []
    assert machine.ssh("ls /usr/local | grep -c -e kafka -e zookeeper -e java || true").strip() == "0"
