"""What the services may do, measured while they serve; without the drop-in it is measured in test_bundled."""

from __future__ import annotations

import socket
from contextlib import suppress

import pytest
from support.machine import Machine

pytestmark = pytest.mark.lab

MOST = 2.5  # by docs/security.md
JMX = 9999


def listening(machine: Machine) -> set[str]:
    """Local addresses of listening sockets whose process is a Java."""
    lines = machine.ssh("ss -Hltnp").splitlines()
    return {line.split()[3].replace("[::ffff:127.0.0.1]", "127.0.0.1") for line in lines if '"java"' in line}


def test_with_the_drop_in(machine: Machine) -> None:
    """Kafka 3.9.2 with ZooKeeper 3.8.6 on Java 17, messages in a place of their own, JMX asked for."""
    words = ("--kafka-version", "3.9.2", "--zookeeper-version", "3.8.6", "--java", "temurin-17")
    words = (*words, "--set", "log.dirs=/data/messages", "--jmx-port", str(JMX))
    assert machine.install(*words, "--json").json["smoke_test"]["passed"] is True
    found = machine.exposure()
    assert max(found.values()) <= MOST, found
    said = machine.ssh("journalctl -b --no-pager -o cat _PID=1 | grep -i 'unknown key' || true")
    assert said == "", "this systemd knows every line of the drop-in"


def test_nothing_runs_as_root_or_with_its_rights(machine: Machine) -> None:
    for unit, pid in machine.pids().items():
        status = dict(
            line.split(":\t", 1) for line in machine.ssh(f"cat /proc/{pid}/status").splitlines() if ":\t" in line
        )
        user = machine.ssh(f"id -u {unit.removesuffix('.service')}").strip()
        assert set(status["Uid"].split()) == {user}
        assert int(user) != 0
        assert {status[name].strip() for name in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb")} == {"0" * 16}
        assert status["NoNewPrivs"].strip() == "1"


def test_what_a_service_may_write(machine: Machine) -> None:
    """Its own directories; not the release, the configuration, /etc, /home, nor anything else."""
    pid = machine.pids()["kafka.service"]

    def may_write(path: str) -> bool:
        """As root inside the service's mounts, so that the mounts alone decide."""
        return machine.ssh(f"nsenter -t {pid} -m sh -c 'touch {path}/probe && rm {path}/probe' 2>&1 || true") == ""

    assert may_write("/data/messages")
    assert may_write("/usr/local/single_kafka/logs")
    assert may_write("/usr/local/single_kafka/tmp")
    for path in ("/usr/local/single_kafka/config", "/usr/local", "/etc", "/home", "/var/lib", "/opt"):
        assert not may_write(path), path
    # Its /tmp is its own.
    assert "hsperfdata" not in machine.ssh("ls /tmp")


def test_secrets_and_logs_are_not_for_everyone(machine: Machine) -> None:
    """Another user of the host reads neither; the log4j settings hold nothing."""
    listing = machine.ssh(
        "find /usr/local/single_kafka /usr/local/zookeeper /data/messages /var/lib/zookeeper /var/lib/kprov "
        "\\( -name kafka.env -o -name zookeeper.env -o -name server.properties -o -path '*/logs/*' -o -path '/data/*' "
        "-o -path '/var/lib/*' \\) -type f -perm /o+rwx"
    )
    assert listing == ""
    for path in ("config/server.properties", "config/kafka.env", "logs/server.log"):
        read = machine.ssh(f"cat /usr/local/single_kafka/{path} 2>&1 || true", user="vagrant")
        assert "Permission denied" in read, path


def test_zookeeper_logs_into_its_file_and_its_tools_do_not(machine: Machine) -> None:
    """Through logback from 3.8 on: the service by a configuration of its own, zkCli.sh by the one of that name."""
    log = "/usr/local/zookeeper/logs/zookeeper.log"
    assert " INFO " in machine.ssh(f"cat {log}")
    shell = machine.ssh("cd /usr/local/zookeeper; echo 'ls /brokers/ids' | bin/zkCli.sh 2>&1", user="vagrant")
    assert "[0]" in shell
    assert "Permission denied" not in shell
    assert "ZooKeeperMain" not in machine.ssh(f"cat {log}")


def test_zookeeper_tells_little(machine: Machine) -> None:
    """The one word that health checks need, and no AdminServer."""
    answers = {}
    for word in ("srvr", "ruok", "stat", "mntr", "envi", "dump", "conf"):
        with socket.create_connection((machine.address, 2181), timeout=10) as link:
            link.sendall(word.encode())
            answers[word] = b"".join(iter(lambda link=link: link.recv(4096), b"")).decode()
    assert "Mode: standalone" in answers.pop("srvr")
    assert all("not in the whitelist" in answer for answer in answers.values()), answers
    assert not any(address.endswith(":8080") for address in listening(machine))


def test_jmx_is_for_the_host_itself(machine: Machine) -> None:
    """Asked for, it is bound to loopback; Java's second socket turns everybody else away. ZooKeeper has none."""
    assert f"127.0.0.1:{JMX}" in listening(machine)
    others = {address for address in listening(machine) if not address.endswith((":9092", ":2181", f":{JMX}"))}
    assert len(others) <= 1, others
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((machine.address, JMX), timeout=5)
    for address in others:
        with socket.create_connection((machine.address, int(address.rpartition(":")[2])), timeout=5) as link:
            link.sendall(b"JRMI\x00\x02K")
            answer = b""
            with suppress(ConnectionResetError):
                answer = link.recv(64)
            assert answer == b"", "it answers somebody who is not on the host"


def test_jmx_is_off_again(machine: Machine) -> None:
    """Nothing but the two ports that are asked for; and with the drop-ins nothing is left behind."""
    words = ("--kafka-version", "3.9.2", "--zookeeper-version", "3.8.6", "--java", "temurin-17")
    plan = machine.install(*words, "--jmx-port", "off", "--no-smoke-test", "--json").json["plan"]
    assert [change["action"] for change in plan["changes"]] == ["update", "restart"]
    assert {address.rpartition(":")[2] for address in listening(machine)} == {"9092", "2181"}
    assert machine.kprov("uninstall", "--purge", "--yes", "--json").json["uninstall"]["leftovers"] == []
    assert machine.ssh("ls -d /etc/systemd/system/*.service.d 2>&1 || true").count("kafka") == 0
