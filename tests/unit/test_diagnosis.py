"""What a log says about a failure: real lines of Kafka, ZooKeeper, the JVM and systemd, and the advice for each."""

from __future__ import annotations

import pytest

from kprov.diagnosis import known_remedy, last_lines, passes, remedy

LINES = {
    "kafka.common.KafkaException: Socket server failed to bind to 0.0.0.0:9092: Address already in use.": "port",
    "java.net.BindException: Problem binding to 0.0.0.0:2181": "port",
    "Unrecognized VM option 'PrintGCDateStamps'": "Java does not fit",
    "Invalid -Xlog option '-Xlog:gc*:file=/x/kafkaServer-gc.log'": "Java does not fit",
    "java.lang.UnsupportedClassVersionError: kafka/Kafka has been compiled": "Java does not fit",
    "Error occurred during initialization of VM\nCould not reserve enough space for 8388608KB object heap": "--heap",
    "OpenJDK 64-Bit Server VM warning: INFO: os::commit_memory failed; error='Cannot allocate memory'": "--heap",
    "Invalid maximum heap size: -Xmx1x": "--heap",
    "java.lang.OutOfMemoryError: Java heap space": "--heap",
    "kafka.common.InconsistentBrokerIdException: Configured broker.id 1 doesn't match stored broker.id 0 in "
    "meta.properties.": "another broker",
    "InconsistentClusterIdException: The Cluster ID a doesn't match stored clusterId Some(b)": "another cluster",
    "java.lang.RuntimeException: A broker is already registered on the path /brokers/ids/0.": "this id",
    "Error while creating ephemeral at /brokers/ids/0, node already exists and owner '1' does not match": "this id",
    "java.nio.file.AccessDeniedException: /home/temp/kafka_logs/.lock": "root",
    "java.io.FileNotFoundException: /x/server.log (Permission denied)": "root",
    "java.io.IOException: No space left on device": "disk is full",
    "java.io.IOException: No snapshot found, but there are log entries. Something is broken!": "snapshot",
    "ZooKeeperClientTimeoutException: Timed out waiting for connection while in state: X": "ZooKeeper does not answer",
    "ZkTimeoutException: Unable to connect to zookeeper server 'x' with timeout": "ZooKeeper does not answer",
    "org.apache.kafka.common.config.ConfigException: Invalid value 0 for configuration num.io.threads": "property",
    "Failed at step EXEC spawning: code=exited, status=203/EXEC": "JAVA_HOME",
    "java.lang.UnsatisfiedLinkError: /tmp/snappy-1.1.4-x.so: failed to map segment from shared object": "noexec",
    "java.lang.NoClassDefFoundError: Could not initialize class org.xerial.snappy.Snappy": "noexec",
    "something else altogether": "general",
    "": "general",
}  # fmt: skip


@pytest.mark.parametrize(("line", "word"), LINES.items(), ids=range(len(LINES)))
def test_a_log_line_and_its_remedy(line: str, word: str) -> None:
    advice = remedy(f"[2026-01-01 00:00:00,000] INFO starting (kafka.server.KafkaServer)\n{line}\nbye")
    if word == "general":
        assert "read the log lines above" in advice
    else:
        assert word in advice


def test_a_java_that_is_not_there() -> None:
    assert "JAVA_HOME" in remedy("bin/kafka-run-class.sh: line 306: /nowhere/bin/java: No such file or directory")


def test_the_end_of_a_log() -> None:
    log = "\n".join(f"line {number}" for number in range(50))
    assert last_lines(log, 3) == "line 47\nline 48\nline 49"
    assert last_lines("") == ""
    assert last_lines("a\n\n  \nb\n") == "a\nb"


@pytest.mark.parametrize(
    "telling",
    ["[2026-01-01] FATAL Fatal error during KafkaServer startup.", "x ERROR y", "Error: no", "java.lang.Exception: no"],
)
def test_the_end_begins_at_the_first_error_within_reach(telling: str) -> None:
    log = "\n".join(["INFO early"] * 30 + [telling, "  at kafka.Kafka", "INFO Exiting"])
    assert last_lines(log) == f"{telling}\n  at kafka.Kafka\nINFO Exiting"


def test_an_error_out_of_reach_is_left_out() -> None:
    log = "\n".join(["ERROR long ago", *["INFO"] * 30])
    assert "ERROR" not in last_lines(log)


def test_what_passes_by_itself_is_told_from_what_does_not() -> None:
    early = "java.lang.RuntimeException: A broker is already registered on the path /brokers/ids/0. This probably"
    later = "Error while creating ephemeral at /brokers/ids/0, node already exists and owner '7' does not match"
    assert passes(early)
    assert passes(later)
    assert passes("java.net.BindException: Address already in use") == ""


def test_only_what_is_recognised_has_a_remedy_of_its_own() -> None:
    assert known_remedy("cp: cannot create 'x': Read-only file system").startswith("the file system is mounted")
    assert known_remedy("useradd: cannot lock /etc/passwd; try again later.").endswith("remove that lock file")
    assert known_remedy("all is well") == ""
