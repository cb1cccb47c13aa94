"""What a host runs counts, not the defaults: its versions, the archive that was given by hand, the data it kept."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from support.machine import Machine

from kprov.lab.archives import default_directory

pytestmark = pytest.mark.lab

HOME = "/usr/local/single_kafka"
ARCHIVES = ("--archives", str(default_directory()))
PLUGIN = "cruise.control.metrics.reporter.bootstrap.servers"


@pytest.fixture(scope="module")
def own_java(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Java 11 in an archive that no catalogue knows: another name, and another folder in it."""
    folder = tmp_path_factory.mktemp("java")
    (source,) = default_directory().glob("OpenJDK11U-jre_*.tar.gz")
    (folder / "jre-of-ours").mkdir()
    subprocess.run(["tar", "-xf", source, "-C", folder / "jre-of-ours", "--strip-components=1"], check=True)
    subprocess.run(["tar", "-cf", folder / "jre-of-ours.tar", "-C", folder, "jre-of-ours"], check=True)
    subprocess.run(["gzip", "-1", folder / "jre-of-ours.tar"], check=True)
    return folder / "jre-of-ours.tar.gz"


@pytest.fixture(scope="module")
def installed(machine: Machine, own_java: Path) -> Machine:
    """Kafka 2.8.2 from a kprov.yaml that names the archive of a Java."""
    config = own_java.parent / "kprov.yaml"
    config.write_text(
        json.dumps(
            {
                "kafka": {"version": "2.8.2"},
                "java": {"archive": str(own_java)},
                "hosts": [{"address": machine.address}],
            }
        )
    )
    machine.kprov("install", "--config", str(config), *ARCHIVES, "--yes", "--no-smoke-test")
    return machine


def changes(machine: Machine, *words: str) -> list[str]:
    """Ids of what a plan would change, without the services."""
    plan = machine.kprov("plan", *words, "--json").json["plan"]
    return [change["id"] for change in plan["changes"] if not change["id"].startswith("service:")]


def test_the_java_on_the_host_stays(installed: Machine) -> None:
    """Without the file and without its archive, nothing but what was asked for changes."""
    assert changes(installed, "--set", "num.partitions=3") == [f"file:{HOME}/config/server.properties"]
    (java,) = [item for item in installed.kprov("check", "--json").json["check"]["results"] if item["check"] == "java"]
    assert java["evidence"].endswith("is already on the host, in /usr/local/java/jre-of-ours")


def test_another_java_is_a_word_away(installed: Machine) -> None:
    found = changes(installed, "--java", "temurin-11", *ARCHIVES)
    assert any(id_.startswith("release:/usr/local/java/") for id_ in found), found


def test_keys_are_judged_against_the_kafka_on_the_host(installed: Machine) -> None:
    assert changes(installed, "--set", "log.cleaner.max.compaction.lag.ms=100000")
    refused = installed.kprov("plan", "--set", "log.local.retention.ms=1", check=2)
    assert "Kafka 2.8.2 has no key log.local.retention.ms; Kafka 3.9 has it" in refused.err
    # Kafka 1.0.0, the default, could not talk to it.
    found = changes(installed, "--zookeeper-version", "3.8.6", *ARCHIVES)
    assert "release:/usr/local/apache-zookeeper-3.8.6-bin" in found


def test_the_command_that_resets_a_setting_works_when_pasted(installed: Machine) -> None:
    bad = installed.kprov("install", "--set", "metric.reporters=com.example.Nothing", "--yes", check=6)
    last = bad.err.splitlines()[-1]
    assert last.startswith("  -> take it back with: kprov install "), bad.err
    words = shlex.split(last.partition(": ")[2])
    assert words[words.index("--unset") + 1] == "metric.reporters"
    done = subprocess.run([sys.executable, "-m", *words, "--yes", "--no-smoke-test"], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    status = installed.kprov("status", "--json").json["status"]
    assert (status["serving"], status["state"]) == (True, "unproven")


def test_history_has_the_old_value(installed: Machine) -> None:
    runs = json.loads(kprov("history", "--json"))["runs"]
    (bad,) = [run["id"] for run in runs if run["exit_code"] == 6 and installed.address in run["hosts"]]
    assert "setting kafka.properties.metric.reporters: not set -> com.example.Nothing" in kprov("history", "show", bad)


def kprov(*words: str) -> str:
    done = subprocess.run([sys.executable, "-m", "kprov", *words], capture_output=True, text=True, check=True)
    return done.stdout


def test_plugin_properties_reach_the_broker_and_stay(installed: Machine) -> None:
    refused = installed.kprov("plan", "--set", f"{PLUGIN}=localhost:9092", check=2)
    assert "--set-plugin" in refused.err
    asked = ("--set-plugin", f"{PLUGIN}=localhost:9092", "--set-plugin", "my.reporter.token=abc123")
    told = installed.kprov("install", *asked, "--heap", "600m", "--yes", "--no-smoke-test")
    assert f"+{PLUGIN}=localhost:9092" in told.out
    assert "abc123" not in told.out + told.err
    assert f"{PLUGIN}=localhost:9092\n" in installed.ssh(f"cat {HOME}/config/server.properties")
    assert changes(installed) == []


def test_every_option_has_a_way_to_its_default(installed: Machine) -> None:
    planned = installed.kprov("plan", "--unset", "kafka.heap", "--unset", "my.reporter.token").out
    assert "-Xmx1g" in planned
    assert "-my.reporter.token=***" in planned


def test_data_that_uninstall_kept_remember_who_wrote_them(installed: Machine, own_java: Path) -> None:
    installed.kprov("uninstall", "--yes")
    assert "of Kafka 2.8.2" in installed.kprov("status", check=3).err
    older = installed.kprov("install", "--kafka-version", "1.0.0", *ARCHIVES, "--yes", check=3)
    assert "Kafka 1.0.0 does not support protocol 2.8" in older.err
    lost = installed.kprov("install", *ARCHIVES, "--yes", check=2)
    assert "pass --java-archive PATH" in lost.err
    again = installed.kprov("install", "--java-archive", str(own_java), *ARCHIVES, "--yes", "--no-smoke-test")
    assert "have the values of the installation whose data uninstall kept" in again.out
    status = installed.kprov("status", "--json").json["status"]
    assert (status["kafka"], status["serving"]) == ("2.8.2", True)
    assert f"{PLUGIN}=localhost:9092\n" in installed.ssh(f"cat {HOME}/config/server.properties")
    assert "-Xmx600m" in installed.ssh(f"cat {HOME}/config/kafka.env")


def test_a_later_kafka_on_kept_data_speaks_their_protocol(installed: Machine) -> None:
    """As an upgrade on an installed host does."""
    installed.kprov("uninstall", "--yes")
    later = ("--kafka-version", "3.9.2", "--java", "temurin-17", *ARCHIVES)
    planned = installed.kprov("plan", *later, "--json").json["plan"]
    assert any("inter.broker.protocol.version is held at 2.8" in note for note in planned["notes"])
    installed.kprov("uninstall", "--purge", "--yes")
    assert changes(installed, "--java", "temurin-11", *ARCHIVES)
