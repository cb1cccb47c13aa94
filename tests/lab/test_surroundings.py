"""A host whose /tmp and /var run no programs and whose /etc/environment is meant for another Kafka."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.machine import Machine, Result, boot, until

pytestmark = pytest.mark.lab

HOME = "/usr/local/single_kafka"
TEMPORARY = f"{HOME}/tmp"
# Another Kafka's settings: each would keep a tool from starting, or make it bind a port that is taken.
ENVIRONMENT = (
    "KAFKA_OPTS=-javaagent:/nowhere.jar",
    "KAFKA_HEAP_OPTS=-Xmx1t",
    "KAFKA_LOG4J_OPTS=-Dlog4j.configuration=file:/nowhere",
    "JMX_PORT=2181",
    "CLASSPATH=/nowhere",
    "JAVA_TOOL_OPTIONS=-Xmx1t",
    "_JAVA_OPTIONS=-Xmx1t",
    "GREP_OPTIONS=--color=always",
)
NOEXEC = (
    "mount -t tmpfs -o noexec,mode=1777 tmpfs /tmp; mount -t tmpfs -o noexec,mode=1777 tmpfs /var/tmp;"
    "mount --bind /var /var; mount -o remount,bind,noexec /var"
)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Kafka 2.8.2, which knows zstd, installed in such surroundings."""
    with boot(111, tmp_path_factory.mktemp("surroundings")) as machine:
        machine.ssh(NOEXEC + "\n" + "\n".join(f"echo '{line}' >>/etc/environment" for line in ENVIRONMENT))
        assert "_JAVA_OPTIONS=-Xmx1t" in machine.ssh("env").splitlines(), "sshd does not read /etc/environment"
        yield machine


def test_an_install_is_served_with_every_codec(machine: Machine) -> None:
    """The libraries are unpacked where code may run, and nothing of the environment reaches the tools."""
    document = machine.install("--kafka-version", "2.8.2", "--json").json
    (step,) = (step for step in document["smoke_test"]["steps"] if "gzip" in step["name"])
    assert step["name"] == "produce and consume with gzip, snappy, lz4, zstd"
    assert step["passed"] is True
    loaded = machine.ssh(f"grep -o '{TEMPORARY}/[a-z0-9-]*' /proc/{machine.pids()['kafka.service']}/maps | sort -u")
    for library in ("snappy", "zstd", "lz4"):
        assert library in loaded, "the broker had no need of it"
    assert machine.ssh(f"stat -c '%U %G %a' {TEMPORARY}") == "kafka kafka 700\n"
    assert machine.ssh(f"ls -A {HOME} | grep kprov-tool; ls /var/lib/kprov | grep tool", check=False) == ""


def test_verify_and_the_article_s_script_are_not_misled(machine: Machine) -> None:
    assert machine.kprov("verify", "--json").json["verify"]["passed"] is True
    started = machine.ssh(f"{HOME}/kk_zk_start.sh")
    assert "ZooKeeper answers on port 2181" in started


def test_a_killed_broker_leaves_nothing_for_good(machine: Machine) -> None:
    """Its libraries stay when it is killed; the next start begins with an empty directory."""
    machine.ssh("systemctl kill -s KILL kafka")
    machine.ssh(f"touch {TEMPORARY}/.left-behind && systemctl restart kafka")
    assert machine.ssh(f"ls -A {TEMPORARY}") == ""
    until(lambda: machine.kprov("status", "--json").json["status"]["serving"])


def test_the_smoke_test_names_a_codec_that_cannot_be_loaded(machine: Machine) -> None:
    """With /tmp as it would be without kprov's own directory: this is what the codecs are tried for."""
    machine.ssh(
        f"echo KAFKA_LOG4J_OPTS=-Dlog4j.configuration=file:{HOME}/config/log4j.properties >/etc/own.env;"
        "printf '[Service]\\nEnvironmentFile=/etc/own.env\\n' >/etc/systemd/system/kafka.service.d/own.conf;"
        "systemctl daemon-reload; systemctl restart kafka"
    )
    try:
        # ZooKeeper may still list the broker that was killed before: then Kafka ends after its start, and starts again.
        results: list[Result] = []

        def broker_ran() -> bool:
            results.append(machine.kprov("smoke-test", check=6))
            return bool(results[-1].out)

        until(broker_ran)
        failed = results[-1]
        assert "snappy: not acknowledged" in failed.out
        assert "UnsatisfiedLinkError: /tmp/snappy" in failed.out
        assert "noexec" in failed.out
    finally:
        machine.ssh("rm /etc/own.env /etc/systemd/system/kafka.service.d/own.conf; systemctl daemon-reload")


def test_check_sees_a_home_from_which_nothing_runs(machine: Machine) -> None:
    """The home's file system is where the libraries are unpacked, so noexec there is found before an install."""
    machine.ssh("mkdir -p /srv/kafka && mount -t tmpfs -o noexec tmpfs /srv/kafka")
    (Path(machine.lab.ssh_config).parent / "home.yaml").write_text(
        f"kafka: {{version: 2.8.2, home: /srv/kafka/home}}\njava: {{release: temurin-11}}\n"
        f"hosts: [{{address: {machine.address}}}]\n"
    )
    config = str(Path(machine.lab.ssh_config).parent / "home.yaml")
    results = machine.kprov("check", "--config", config, "--json", check=3).json["check"]["results"]
    (found,) = (item for item in results if item["check"] == "file-system" and item["status"] == "fail")
    assert found["evidence"].startswith("/srv/kafka (for Kafka's temporary files")
    assert "noexec" in found["evidence"]


def test_nothing_is_left(machine: Machine) -> None:
    machine.ssh(f"mkdir {HOME}/.kprov-tool.77; touch {HOME}/.kprov-tool.77/left", check=False)
    assert machine.kprov("uninstall", "--purge", "--yes", "--json").json["uninstall"]["leftovers"] == []
    assert "cannot access" in machine.ssh(f"ls -d {HOME} /usr/local/zookeeper 2>&1", check=False)
