"""The rules between values: each problem names the place where the user set the value."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kprov.errors import Problem
from kprov.spec.load import Flag
from kprov.spec.model import Cluster

Load = Callable[..., Cluster]
Wrong = Callable[..., list[Problem]]
PORT = ("kafka", "port")


def one(problems: list[Problem], where: str, *words: str) -> Problem:
    """Assert that there is exactly one problem, at that place and with these words."""
    assert [problem.where for problem in problems] == [where]
    problem = problems[0]
    for word in words:
        assert word in problem.what
    assert problem.hint
    return problem


def hosts(*rest: str) -> str:
    return "hosts:\n" + "".join(f"- {{{each}}}\n" for each in rest)


# ---------------------------------------------------------------- hosts


@pytest.mark.parametrize(
    ("second", "where", "what"),
    [
        ("address: b, broker: {id: 0}", "hosts[1].broker.id", "0 is already used by hosts[0]"),
        ("address: b, zookeeper: {id: 1}", "hosts[1].zookeeper.id", "1 is already used by hosts[0]"),
        ("address: a, advertised: b", "hosts[1].address", "a is already used by hosts[0]"),
    ],
)
def test_a_duplicate_names_both_hosts(wrong: Wrong, second: str, where: str, what: str) -> None:
    first = "address: a, broker: {id: 0}, zookeeper: {id: 1}"
    assert one(wrong(hosts(first, second, "address: c")), where).what == what


def test_one_address_with_two_ports_is_two_hosts(given: Load) -> None:
    given(
        hosts(
            "address: 127.0.0.1, advertised: a, ssh: {port: 2222}",
            "address: 127.0.0.1, advertised: b, ssh: {port: 2200}, roles: [broker]",
        )
    )


def test_a_second_duplicate_names_the_first_host(wrong: Wrong) -> None:
    text = hosts("address: a, broker: {id: 0}", "address: b", "address: c, broker: {id: 0}")
    assert one(wrong(text), "hosts[2].broker.id").what == "0 is already used by hosts[0]"


@pytest.mark.parametrize(
    ("version", "fits"),
    [("0.10.2", False), ("1.0.0", True), ("2.4.1", True), ("3.9.2", True), ("4.0.0", False), ("4.1.0", False)],
)
def test_kafka_from_1_0_0_to_3_9_can_be_installed(given: Load, wrong: Wrong, version: str, *, fits: bool) -> None:
    flag = Flag("--kafka-version", ("kafka", "version"), version)
    if fits:
        assert str(given(None, None, flag).kafka.parsed) == version
    else:
        assert "1.0.0 to 3.9.x" in one(wrong(None, None, flag), "--kafka-version", version).hint


@pytest.mark.parametrize(
    ("number", "values", "fits"),
    [
        (0, {}, True),
        (1000, {}, True),
        (1001, {}, False),
        (99999999999, {}, False),
        (1001, {"reserved.broker.max.id": "2000"}, True),
        (1001, {"broker.id.generation.enable": " FALSE "}, True),
        (2**31 - 1, {"broker.id.generation.enable": "false"}, True),
        (2**31, {"broker.id.generation.enable": "false"}, False),
    ],
)
def test_broker_ids_are_limited_by_reserved_broker_max_id(
    given: Load, wrong: Wrong, number: int, values: dict[str, str], *, fits: bool
) -> None:
    flag = Flag("--broker-id", ("hosts", 0, "broker", "id"), number)
    if fits:
        assert given(None, None, flag, properties_set=values).hosts[0].broker.id == number
    else:
        assert (
            "choose one from 0 to"
            in one(wrong(None, None, flag, properties_set=values), "--broker-id", str(number)).hint
        )


# ---------------------------------------------------------------- ports


@pytest.mark.parametrize(
    ("text", "values", "where", "words"),
    [
        ("", {"port": "2181"}, "--set port", ("port 2181 is already used by zookeeper.client_port",)),
        ("", {"listeners": "PLAINTEXT://:2181"}, "--set listeners", ("port 2181", "zookeeper.client_port")),
        ("kafka: {port: 2181}", {}, "kafka.port", ("port 2181", "zookeeper.client_port")),
        ("zookeeper: {client_port: 9092}", {}, "zookeeper.client_port", ("port 9092", "kafka.port")),
        ("kafka: {port: 2182}\nzookeeper: {client_port: 2182}", {}, "kafka.port", ("2182", "zookeeper.client_port")),
        ("kafka: {port: 22}", {}, "kafka.port", ("port 22 is already used by sshd",)),
        ("zookeeper: {client_port: 22}", {}, "zookeeper.client_port", ("port 22 is already used by sshd",)),
        ("kafka: {port: 80}", {}, "kafka.port", ("only root may listen on port 80",)),
        ("zookeeper: {client_port: 443}", {}, "zookeeper.client_port", ("only root may listen on port 443",)),
        ("", {"listeners": "PLAINTEXT://:9092,SSL://:9092"}, "--set listeners", ("the port 9092 is used by 2",)),
        ("", {"listeners": "A://:9092,A://:9093"}, "--set listeners", ("the name A is used by 2",)),
        ("", {"listeners": "PLAINTEXT://:99999"}, "--set listeners", ("99999 is not a port",)),
        ("", {"port": "99999"}, "--set port", ("99999 is out of range",)),
    ],
)
def test_a_port_that_cannot_be_used_is_refused(
    wrong: Wrong, text: str, values: dict[str, str], where: str, words: tuple[str, ...]
) -> None:
    if "A://" in values.get("listeners", ""):
        values = values | {"listener.security.protocol.map": "A:PLAINTEXT", "inter.broker.listener.name": "A"}
    one(wrong(text, "kafka-1", properties_set=values), where, *words)


def test_the_port_of_sshd_is_refused(given: Load, wrong: Wrong) -> None:
    one(wrong("kafka: {port: 2222}", "kafka-1:2222"), "kafka.port", "port 2222 is already used by sshd")
    given("kafka: {port: 2222}", "kafka-1")


def test_a_problem_of_shared_properties_is_reported_once(wrong: Wrong) -> None:
    text = "kafka: {properties: {port: 2181}}\n" + hosts("address: a", "address: b", "address: c")
    one(wrong(text), "kafka.properties.port", "port 2181")


def test_a_problem_of_a_host_property_is_reported_at_that_host(wrong: Wrong) -> None:
    text = hosts("address: a", "address: b, broker: {properties: {port: 2181}}", "address: c")
    one(wrong(text), "hosts[1].broker.properties.port", "port 2181")


# ---------------------------------------------------------------- listeners


@pytest.mark.parametrize(
    ("values", "where", "words"),
    [
        (
            {"listeners": "PLAINTEXT://:9092", "port": "9093"},
            "--set port",
            ("port=9093 has no effect if listeners is set",),
        ),
        (
            {"listeners": "PLAINTEXT://:9092", "host.name": "a"},
            "--set host.name",
            ("host.name=a has no effect if listeners is set",),
        ),
        (
            {"advertised.listeners": "PLAINTEXT://a:9092", "advertised.port": "9093"},
            "--set advertised.port",
            ("advertised.port=9093 has no effect",),
        ),
        (
            {"advertised.listeners": "PLAINTEXT://0.0.0.0:9092"},
            "--set advertised.listeners",
            ("PLAINTEXT://0.0.0.0:9092", "clients cannot connect"),
        ),
        (
            {"advertised.listeners": "PLAINTEXT://:9092"},
            "--set advertised.listeners",
            ("PLAINTEXT://:9092", "clients cannot connect"),
        ),
        ({"advertised.host.name": "::"}, "--set advertised.host.name", ("clients cannot connect",)),
        (
            {"advertised.listeners": "PLAINTEXT://a:9092,SSL://a:9093"},
            "--set advertised.listeners",
            ("SSL is advertised, but no listener has that name",),
        ),
        (
            {"listeners": "PLAINTEXT://:9092,EXTERNAL://:9093"},
            "--set listeners",
            ("the listener EXTERNAL has no security protocol",),
        ),
        (
            {"listeners": "SSL://:9093"},
            "--set listeners",
            ("brokers would connect to each other through PLAINTEXT, which is not an advertised listener",),
        ),
        (
            {"inter.broker.listener.name": "INTERNAL"},
            "--set inter.broker.listener.name",
            ("through INTERNAL",),
        ),
        ({"security.inter.broker.protocol": "SSL"}, "--set security.inter.broker.protocol", ("through SSL",)),
        (
            {"inter.broker.listener.name": "PLAINTEXT", "security.inter.broker.protocol": "PLAINTEXT"},
            "--set inter.broker.listener.name",
            ("cannot be set together with security.inter.broker.protocol",),
        ),
    ],
)
def test_inconsistent_listeners_are_refused(
    wrong: Wrong, values: dict[str, str], where: str, words: tuple[str, ...]
) -> None:
    one(wrong(properties_set=values), where, *words)


@pytest.mark.parametrize(
    "values",
    [
        {"listeners": "SSL://:9093", "security.inter.broker.protocol": "SSL"},
        {"listeners": "SSL://:9093", "inter.broker.listener.name": "ssl"},
        {
            "listeners": "IN://:9092,OUT://:9093",
            "listener.security.protocol.map": "in:PLAINTEXT,out:SSL",
            "inter.broker.listener.name": "IN",
        },
        {"listeners": "PLAINTEXT://:9092,SSL://:9093", "advertised.listeners": "PLAINTEXT://a:9092"},
    ],
)
def test_consistent_listeners_are_accepted(given: Load, values: dict[str, str]) -> None:
    given(properties_set=values)


def test_a_port_without_effect_is_reported(given: Load, wrong: Wrong) -> None:
    flag = Flag("--port", PORT, 9093)
    one(wrong(None, None, flag, properties_set={"listeners": "PLAINTEXT://:9092"}), "--port", "port 9093 has no effect")
    one(
        wrong(None, None, flag, properties_set={"port": "9094"}),
        "--port",
        "port 9093 has no effect if port=9094 is set",
    )
    given(None, None, flag, properties_set={"port": "9093"})


def test_an_unusable_advertised_address_names_the_option(wrong: Wrong) -> None:
    flag = Flag("--advertised", ("hosts", 0, "advertised"), "0.0.0.0")  # noqa: S104
    one(wrong(None, None, flag), "--advertised", "PLAINTEXT://0.0.0.0:9092")
    one(wrong(None, "0.0.0.0"), "HOST", "PLAINTEXT://0.0.0.0:9092")  # noqa: S104
    one(wrong(hosts("address: 0.0.0.0")), "hosts[0].address", "PLAINTEXT://0.0.0.0:9092")


# ---------------------------------------------------------------- directories


@pytest.mark.parametrize(
    ("text", "values", "where", "words"),
    [
        ("", {"log.dirs": "kafka_logs"}, "--set log.dirs", ("'kafka_logs' is a relative path",)),
        ("", {"log.dirs": "/etc/kafka"}, "--set log.dirs", ("'/etc/kafka' belongs to the system",)),
        ("", {"log.dirs": "/data/a,/data/a"}, "--set log.dirs", ("/data/a is listed twice",)),
        ("", {"log.dirs": "/data/a,/data/a/"}, "--set log.dirs", ("overlap",)),
        ("", {"log.dirs": "/data/a,/data/a/b"}, "--set log.dirs", ("/data/a/b and /data/a overlap",)),
        (
            "",
            {"log.dirs": "/usr/local/single_kafka/data"},
            "--set log.dirs",
            ("/usr/local/single_kafka/data overlaps kafka.home (/usr/local/single_kafka)",),
        ),
        (
            "kafka: {properties: {log.dirs: /var/lib/zookeeper/data/kafka}}",
            {},
            "kafka.properties.log.dirs",
            ("overlaps zookeeper.data_dir (/var/lib/zookeeper/data)",),
        ),
        (
            "zookeeper: {data_dir: /data/zk, data_log_dir: /data/zk}",
            {},
            "zookeeper.data_log_dir",
            ("/data/zk overlaps zookeeper.data_dir (/data/zk)",),
        ),
        ("zookeeper: {home: /usr/local/single_kafka}", {}, "zookeeper.home", ("overlaps kafka.home",)),
        (
            "zookeeper: {mode: bundled, data_dir: /usr/local/single_kafka/config}",
            {},
            "zookeeper.data_dir",
            ("overlaps kafka.home",),
        ),
        ("kafka: {home: opt/kafka}", {}, "kafka.home", ("'opt/kafka' is a relative path",)),
        ("kafka: {home: /opt}", {}, "kafka.home", ("'/opt' is at the top",)),
        ("zookeeper: {data_dir: /tmp/zookeeper}", {}, "zookeeper.data_dir", ("deletes old files in '/tmp/zookeeper'",)),
        ("java: {home: jvm/java-8}", {}, "java.home", ("'jvm/java-8' is a relative path",)),
    ],
)
def test_unsuitable_or_overlapping_directories_are_refused(
    wrong: Wrong, text: str, values: dict[str, str], where: str, words: tuple[str, ...]
) -> None:
    one(wrong(text, "kafka-1", properties_set=values), where, *words)


@pytest.mark.parametrize(
    "text",
    [
        "zookeeper: {mode: bundled}",
        "zookeeper: {mode: bundled, data_dir: /usr/local/single_kafka/zk_dir/other}",
        "zookeeper: {mode: bundled, home: /usr/local/single_kafka}",  # has no effect there
        "kafka: {home: /opt/kafka, properties: {log.dirs: '/data/a/kafka,/data/b/kafka'}}",
        "java: {home: /usr/lib/jvm/java-1.8.0}",
    ],
)
def test_separate_directories_are_accepted(given: Load, text: str) -> None:
    given(text, "kafka-1")


# ---------------------------------------------------------------- what the broker checks at its start


@pytest.mark.parametrize(
    ("values", "where", "words"),
    [
        (
            {"replica.fetch.wait.max.ms": "10001"},
            "--set replica.fetch.wait.max.ms",
            ("replica.fetch.wait.max.ms=10001 is more than replica.lag.time.max.ms=10000",),
        ),
        (
            {"replica.fetch.wait.max.ms": "30001", "replica.lag.time.max.ms": "60000"},
            "--set replica.fetch.wait.max.ms",
            ("is more than replica.socket.timeout.ms=30000",),
        ),
        (
            {"replica.lag.time.max.ms": "400"},
            "--set replica.lag.time.max.ms",
            ("replica.lag.time.max.ms=400 is less than replica.fetch.wait.max.ms=500",),
        ),
        (
            {"queued.max.request.bytes": "1000"},
            "--set queued.max.request.bytes",
            ("1000 is less than socket.request.max.bytes=104857600",),
        ),
        (
            {"log.cleaner.dedupe.buffer.size": "1048576"},
            "--set log.cleaner.dedupe.buffer.size",
            ("1048576", "1 MiB or less"),
        ),
        ({"log.cleaner.threads": "128"}, "--set log.cleaner.threads", ("log.cleaner.threads=128", "1 MiB or less")),
        (
            {"offsets.commit.required.acks": "2"},
            "--set offsets.commit.required.acks",
            ("offsets.commit.required.acks=2", "-1 and offsets.topic.replication.factor=1"),
        ),
        ({"offsets.commit.required.acks": "-2"}, "--set offsets.commit.required.acks", ("=-2 is not between",)),
        (
            {"offsets.topic.replication.factor": "3"},
            "--set offsets.topic.replication.factor",
            ("offsets.topic.replication.factor=3 is too high for one broker",),
        ),
        ({"default.replication.factor": "2"}, "--set default.replication.factor", ("one broker",)),
        ({"min.insync.replicas": "2"}, "--set min.insync.replicas", ("one broker",)),
        ({"transaction.state.log.min.isr": "2"}, "--set transaction.state.log.min.isr", ("one broker",)),
        (
            {"inter.broker.protocol.version": "0.11.0", "log.message.format.version": "1.0"},
            "--set log.message.format.version",
            ("log.message.format.version=1.0 is newer than inter.broker.protocol.version=0.11.0",),
        ),
        (
            {"inter.broker.protocol.version": "0.11.0"},
            "--set inter.broker.protocol.version",
            ("inter.broker.protocol.version=0.11.0 is older than log.message.format.version=1.0-IV0, its default",),
        ),
    ],
)
def test_numbers_beyond_their_limits_are_refused(
    wrong: Wrong, values: dict[str, str], where: str, words: tuple[str, ...]
) -> None:
    one(wrong(properties_set=values), where, *words)


@pytest.mark.parametrize(
    ("version", "values"),
    [
        ("1.0.0", {"queued.max.request.bytes": "-1"}),
        ("1.0.0", {"queued.max.request.bytes": "104857600"}),
        ("1.0.0", {"log.cleaner.dedupe.buffer.size": "1048577"}),
        ("1.0.0", {"replica.fetch.wait.max.ms": "10000"}),
        ("1.0.0", {"offsets.commit.required.acks": "1"}),
        ("1.0.0", {"inter.broker.protocol.version": "0.11.0", "log.message.format.version": "0.11.0"}),
        ("3.5.2", {"inter.broker.protocol.version": "3.4"}),
    ],
)
def test_numbers_within_their_limits_are_accepted(given: Load, version: str, values: dict[str, str]) -> None:
    given(f"kafka: {{version: {version}}}", "kafka-1", properties_set=values)


def test_three_brokers_may_have_three_replicas(given: Load, wrong: Wrong) -> None:
    three = hosts(
        "address: a",
        "address: b, broker: {id: 1}, zookeeper: {id: 2}",
        "address: c, broker: {id: 2}, zookeeper: {id: 3}",
    )
    given(three, properties_set={"default.replication.factor": "3", "min.insync.replicas": "2"})
    one(
        wrong(three, properties_set={"offsets.topic.replication.factor": "4"}),
        "--set offsets.topic.replication.factor",
        "3 brokers",
    )
    one(
        wrong(three, properties_set={"transaction.state.log.replication.factor": "1"}),
        "--set transaction.state.log.replication.factor",
        "transaction.state.log.replication.factor=1 is less than transaction.state.log.min.isr=2",
    )


# ---------------------------------------------------------------- all at once


def test_one_wrong_property_does_not_hide_other_problems(wrong: Wrong) -> None:
    problems = wrong(
        "kafka: {port: 22}\nzookeeper: {data_dir: /data/zk, data_log_dir: /data/zk}",
        "kafka-1",
        Flag("--broker-id", ("hosts", 0, "broker", "id"), 1001),
        properties_set={"num.partitons": "1", "log.dirs": "x", "listeners": "nonsense", "num.io.threads": "0"},
    )
    assert {problem.where for problem in problems} == {
        "kafka.port",
        "zookeeper.data_log_dir",
        "--broker-id",
        "--set num.partitons",
        "--set log.dirs",
        "--set listeners",
        "--set num.io.threads",
    }
