"""Later releases, each from an empty host to messages and back; one of them behind a firewall."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.direct import assert_answers_directly
from support.machine import Machine, boot

from kprov.lab.archives import default_directory

pytestmark = pytest.mark.lab


@pytest.fixture
def walled(tmp_path: Path) -> Iterator[Machine]:
    """A fresh host on which firewalld lets only ssh in."""
    with boot(102, tmp_path, firewalld=True) as machine:
        yield machine


def reachable(machine: Machine, port: int) -> bool:
    """Whether a TCP connection to the host's port comes about."""
    try:
        with socket.create_connection((machine.address, port), timeout=2):
            return True
    except OSError:
        return False


def test_kafka_2_8_with_its_own_zookeeper(machine: Machine) -> None:
    """2.8.2 and its bundled 3.5.9 on the Java of the host, with the article's host.name and port (A6)."""
    archive = next(default_directory().glob("OpenJDK11U-jre_*.tar.gz"))
    java = machine.root / "opt/java"
    java.mkdir(parents=True)
    subprocess.run(["tar", "-xf", archive, "-C", java, "--strip-components=1", "--no-same-owner"], check=True)
    before = machine.tree()
    address = ("--set", f"host.name={machine.address}", "--set", "port=19092")
    words = ("--kafka-version", "2.8.2", "--zookeeper", "bundled", "--java-home", "/opt/java", *address, "--json")
    installed = machine.install(*words).json
    assert installed["smoke_test"]["passed"] is True
    assert any("listeners=PLAINTEXT" in note for note in installed["plan"]["notes"])
    assert f"{machine.address}:19092" in machine.ssh("ss -Hltn 'sport = :19092'").replace("[::ffff:", "").replace(
        "]", ""
    )
    assert installed["smoke_test"]["bootstrap"] == f"{machine.address}:19092"
    assert_answers_directly(machine)
    machine.kprov("stop")
    machine.kprov("start")
    status = machine.kprov("status", "--json").json["status"]
    assert (status["kafka"], status["zookeeper"], status["serving"]) == ("2.8.2", "3.5.9", True)
    assert machine.kprov("uninstall", "--purge", "--yes", "--json").json["uninstall"]["leftovers"] == []
    assert machine.tree() == before


def test_kafka_3_9_behind_a_firewall(walled: Machine) -> None:
    """3.9.2 with ZooKeeper 3.8.6 on Java 17: the broker's port opens with it and closes with it; ZooKeeper's never."""
    words = ("--kafka-version", "3.9.2", "--zookeeper-version", "3.8.6", "--java", "temurin-17", "--json")
    installed = walled.install(*words).json
    assert installed["smoke_test"]["passed"] is True
    assert all(step["passed"] for step in installed["smoke_test"]["steps"])
    assert_answers_directly(walled)
    assert reachable(walled, 9092)
    assert not reachable(walled, 2181)
    assert "9092/tcp" in walled.ssh("firewall-cmd --permanent --list-ports")
    assert walled.install(*words).json["plan"]["changes"] == []
    assert walled.kprov("uninstall", "--yes", "--json").json["uninstall"]["leftovers"] == []
    assert walled.ssh("firewall-cmd --permanent --list-ports; firewall-cmd --list-ports").split() == []


def test_a_port_that_was_open_before_stays_open(walled: Machine) -> None:
    """What the host's owner opened is not kprov's to close."""
    walled.ssh("firewall-cmd -q --permanent --add-port=9092/tcp; firewall-cmd -q --add-port=9092/tcp")
    installed = walled.install("--no-smoke-test", "--json").json
    assert not any(change["id"].startswith("firewall:") for change in installed["plan"]["changes"])
    walled.kprov("uninstall", "--yes")
    assert "9092/tcp" in walled.ssh("firewall-cmd --permanent --list-ports")
