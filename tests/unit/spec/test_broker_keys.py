"""Names, types, ranges and choices of the broker's keys, for versions with a table and versions between two."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from packaging.version import Version

from kprov.spec.broker_keys import broker_keys, check_property, describe, is_secret

TABLES = ("1.0.0", "1.1.1", "2.8.2", "3.5.2", "3.9.2")
BETWEEN = ("1.0.1", "1.1.0", "2.0.0", "2.4.1", "3.0.0", "3.4.1", "3.5.0", "3.7.2", "3.9.0")
TYPES = {"BOOLEAN", "CLASS", "DOUBLE", "INT", "LIST", "LONG", "PASSWORD", "SHORT", "STRING"}
GONE_IN_3 = ("host.name", "port", "advertised.host.name", "advertised.port")


@pytest.mark.parametrize(
    ("version", "count"), [("1.0.0", 155), ("1.1.1", 171), ("2.8.2", 218), ("3.5.2", 252), ("3.9.2", 314)]
)
def test_each_table_has_all_keys_of_its_version(version: str, count: int) -> None:
    keys = broker_keys(Version(version))
    assert len(keys) == count
    for name, key in keys.items():
        assert key.name == name
        assert re.fullmatch(r"[a-zA-Z0-9.]+", name)
        assert key.type in TYPES


@pytest.mark.parametrize("version", TABLES)
def test_every_default_passes_its_own_check(version: str) -> None:
    kafka = Version(version)
    not_for_users = {"broker.id", "node.id", "log.dir", "log.dirs", "process.roles", "zookeeper.connect"}
    wrong = {}
    for name, key in broker_keys(kafka).items():
        if key.default in {"null", "(none: required)", ""} or name in not_for_users:
            continue
        if problem := check_property(name, key.default, kafka):
            wrong[name] = problem.what
    assert wrong == {}


@pytest.mark.parametrize("version", BETWEEN)
def test_a_version_between_two_tables_has_the_keys_of_both(version: str) -> None:
    kafka = Version(version)
    below = max((Version(table) for table in TABLES if Version(table) <= kafka), default=Version("1.0.0"))
    above = min(Version(table) for table in TABLES if Version(table) >= kafka)
    expected = broker_keys(below).keys() | broker_keys(above).keys()
    if kafka >= Version("3.0.0"):
        expected -= {*GONE_IN_3, "quota.consumer.default", "quota.producer.default"}
    assert broker_keys(kafka).keys() == expected


def test_a_key_added_between_two_tables_can_be_set() -> None:
    assert check_property("connections.max.reauth.ms", "0", Version("2.4.1")) is None  # in 2.8.2's table alone
    assert check_property("quota.producer.default", "1000", Version("2.4.1")) is None  # in 1.1.1's and 2.8.2's


@pytest.mark.parametrize("name", GONE_IN_3)
@pytest.mark.parametrize("version", ["3.0.0", "3.4.1", "3.5.1", "3.5.2", "3.9.2"])
def test_the_old_address_keys_are_refused_from_3_0_on(version: str, name: str) -> None:
    problem = check_property(name, "9092" if name.endswith("port") else "192.168.78.141", Version(version))
    assert problem is not None
    assert problem.what == f"Kafka {version} has no key {name}; it was removed in 3.0"
    assert ("advertised.listeners=" in problem.hint) == name.startswith("advertised")
    assert "listeners=PLAINTEXT://" in problem.hint


@pytest.mark.parametrize("name", GONE_IN_3)
@pytest.mark.parametrize("version", ["1.0.0", "2.4.1", "2.8.2"])
def test_the_old_address_keys_are_accepted_before_3_0(version: str, name: str) -> None:
    assert check_property(name, "9092" if name.endswith("port") else "kafka-1", Version(version)) is None


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("num.partitons", "num.partitions"),
        ("num_partitions", "num.partitions"),
        ("Num.Partitions", "num.partitions"),
        ("log.retention.hour", "log.retention.hours"),
        ("log.dirss", "log.dirs"),
        ("advertised.listener", "advertised.listeners"),
        ("autocreate.topics.enable", "auto.create.topics.enable"),
        ("super.user", "super.users"),
        ("authorizer.class.nam", "authorizer.class.name"),
    ],
)
def test_a_misspelt_key_is_answered_with_the_nearest_key(name: str, meant: str) -> None:
    problem = check_property(name, "1", Version("1.0.0"))
    assert problem is not None
    assert problem.what == f"Kafka has no key {name}"
    assert problem.hint == f"did you mean {meant}?"


def test_an_unknown_key_without_a_near_match_is_refused() -> None:
    problem = check_property("qqq", "1", Version("1.0.0"))
    assert problem is not None
    assert "Broker Configs" in problem.hint


@pytest.mark.parametrize(
    ("name", "version", "other"),
    [
        ("zookeeper.clientCnxnSocket", "1.0.0", "2.8.2"),
        ("log.local.retention.ms", "2.8.2", "3.9"),
    ],
)
def test_a_key_of_a_later_version_is_refused_with_that_version(name: str, version: str, other: str) -> None:
    problem = check_property(name, "1", Version(version))
    assert problem is not None
    assert problem.what == f"Kafka {version} has no key {name}; Kafka {other} has it"


@pytest.mark.parametrize(
    ("name", "version"), [("quota.consumer.default", "3.5.2"), ("quota.producer.default", "3.0.0")]
)
def test_a_removed_key_is_refused_with_the_last_version_that_has_it(name: str, version: str) -> None:
    problem = check_property(name, "1", Version(version))
    assert problem is not None
    assert problem.what == f"Kafka {version} has no key {name}; the last version with it is 2.8.2"
    assert "remove it" in problem.hint


@pytest.mark.parametrize(
    "name",
    [
        "listener.name.internal.ssl.keystore.location",
        "super.users",
        "allow.everyone.if.no.acl.found",
        "authorizer.log.level",
        "client.quota.callback.static.produce",
        "rsm.config.dir",
    ],
)
def test_known_keys_of_plugins_and_listeners_are_accepted(name: str) -> None:
    assert check_property(name, "anything", Version("2.8.2")) is None


@pytest.mark.parametrize("name", ["", " ", "a b", "a=b", "a:b", "a\nb", "#a", "!a", "a\\b", "a\0b"])
def test_a_malformed_name_is_refused(name: str) -> None:
    problem = check_property(name, "1", Version("1.0.0"))
    assert problem is not None
    assert problem.what == f"{name!r} is not the name of a property"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num.partitions", "1"),
        ("num.partitions", "+3"),
        ("num.partitions", " 3 "),
        ("num.partitions", "2147483647"),
        ("log.segment.bytes", "14"),
        ("log.retention.bytes", "-1"),
        ("log.retention.ms", "-1"),
        ("log.retention.hours", "1"),
        ("auto.create.topics.enable", "TRUE"),
        ("auto.create.topics.enable", "false"),
        ("log.cleaner.min.cleanable.ratio", "0.5"),
        ("log.cleaner.min.cleanable.ratio", "1"),
        ("log.cleaner.min.cleanable.ratio", ".5"),
        ("log.cleaner.io.max.bytes.per.second", "1.7976931348623157E308"),
        ("log.cleanup.policy", "compact"),
        ("log.cleanup.policy", "compact, delete"),
        ("log.message.timestamp.type", "LogAppendTime"),
        ("ssl.client.auth", "required"),
        ("compression.type", "lz4"),
        ("security.inter.broker.protocol", "SASL_SSL"),
        ("ssl.keystore.password", "any thing = at: all"),
        ("offsets.topic.replication.factor", "1"),
        ("port", "65535"),
        ("host.name", ""),
        ("host.name", "::1"),
        ("listeners", "PLAINTEXT://:9092, SSL://[::1]:9093"),
        ("advertised.listeners", "PLAINTEXT://kafka-1:9092"),
        ("log.dirs", "/data/a/kafka, /data/b/kafka"),
        ("zookeeper.connect", "a:2181,[::1]:2181,10.0.0.1:2182/kafka/one"),
        ("listener.security.protocol.map", "IN:PLAINTEXT, OUT:sasl_ssl"),
        ("inter.broker.protocol.version", "1.0"),
        ("inter.broker.protocol.version", "0.10.0-IV1"),
    ],
)
def test_a_valid_value_is_accepted(name: str, value: str) -> None:
    assert check_property(name, value, Version("1.0.0")) is None


@pytest.mark.parametrize(
    ("name", "value", "what", "hint"),
    [
        ("num.partitions", "x", "'x' is not a whole number", "digits"),
        ("num.partitions", "", "'' is not a whole number", "digits"),
        ("num.partitions", "1.5", "'1.5' is not a whole number", "digits"),
        ("num.partitions", "1k", "'1k' is not a whole number", "without a suffix"),
        ("num.partitions", "1_000", "'1_000' is not a whole number", "digits"),
        ("num.partitions", "0x10", "'0x10' is not a whole number", "digits"),
        ("num.partitions", "\u0663", "'\u0663' is not a whole number", "digits"),
        ("num.partitions", "0", "0 is out of range", "valid for num.partitions: 1 or more"),
        ("num.partitions", "2147483648", "2147483648 is out of range", "-2147483648 to 2147483647"),
        ("log.retention.bytes", "9223372036854775808", "is out of range", "9223372036854775807"),
        ("offsets.topic.replication.factor", "32768", "32768 is out of range", "32767"),
        ("log.segment.bytes", "13", "13 is out of range", "14 or more"),
        ("log.retention.ms", "0", "0 is out of range", "-1 or a number above 0"),
        ("log.retention.hours", "0", "0 is out of range", "-1 or a number above 0"),
        ("log.roll.ms", "0", "0 is out of range", "1 or more"),
        ("auto.create.topics.enable", "yes", "'yes' is neither true nor false", "write true or false"),
        ("log.cleaner.min.cleanable.ratio", "half", "'half' is not a number", "0.5"),
        ("log.cleaner.min.cleanable.ratio", "nan", "'nan' is not a number", "0.5"),
        ("log.cleaner.min.cleanable.ratio", "1e999", "'1e999' is not a number", "0.5"),
        ("log.cleaner.min.cleanable.ratio", "0.5f", "'0.5f' is not a number", "0.5"),
        ("log.cleanup.policy", "compct", "'compct' is not allowed", "did you mean compact?"),
        ("log.cleanup.policy", "delete,", "'' is not allowed", "compact, delete"),
        ("log.message.timestamp.type", "createtime", "'createtime' is not allowed", "CreateTime"),
        ("ssl.client.auth", "yes", "'yes' is not allowed", "required, requested, none"),
        ("compression.type", "gzi", "'gzi' is not allowed", "did you mean gzip?"),
        ("compression.type", "zstd", "'zstd' is not allowed", "one of uncompressed, lz4"),
        ("security.inter.broker.protocol", "TLS", "'TLS' is not allowed", "SASL_SSL"),
        ("port", "99999", "99999 is out of range", "1 to 65535"),
        ("port", "0", "0 is out of range", "1 to 65535"),
        ("advertised.port", "-1", "-1 is out of range", "1 to 65535"),
        ("host.name", "a b", "'a b' is not a host name", "without user and port"),
        ("listeners", "PLAINTEXT://:99999", "99999 is not a port", "1 to 65535"),
        ("listeners", "PLAINTEXT://:0", "0 is not a port", "1 to 65535"),
        ("listeners", "PLAINTEXT://:-1", "-1 is not a port", "1 to 65535"),
        ("listeners", "", "'' is not a listener", "PLAINTEXT://:9092"),
        ("listeners", "9092", "'9092' is not a listener", "NAME://host:port"),
        ("listeners", "PLAINTEXT://kafka-1", "'PLAINTEXT://kafka-1' is not a listener", "NAME://host:port"),
        ("listeners", "PLAINTEXT://a:1,", "'' is not a listener", "NAME://host:port"),
        ("advertised.listeners", "http:/a:1", "'http:/a:1' is not a listener", "NAME://host:port"),
        ("log.dirs", "", "the list of directories is empty", "/home/temp/kafka_logs"),
        ("log.dirs", " , ", "the list of directories is empty", "/home/temp/kafka_logs"),
        ("log.dirs", "/data/a,data/b", "'data/b' is a relative path", "/data/b"),
        ("log.dirs", "/tmp/kafka-logs", "the system deletes old files in '/tmp/kafka-logs'", "/var/lib"),
        ("log.dir", "/data/a", "log.dir=/data/a has no effect", "set log.dirs=/data/a"),
        ("broker.id", "3", "broker.id=3 cannot be set as a property", "--broker-id 3"),
        ("zookeeper.connect", "", "'' is not the address of a ZooKeeper", "HOST:PORT"),
        ("zookeeper.connect", "a", "'a' is not the address of a ZooKeeper", "HOST:PORT"),
        ("zookeeper.connect", "a:2181,b c:2181", "'b c:2181' is not the address", "HOST:PORT"),
        ("zookeeper.connect", "a:99999", "99999 is not a port", "1 to 65535"),
        ("zookeeper.connect", "a:2181/", "'/' is not a path in ZooKeeper", "CHROOT"),
        ("listener.security.protocol.map", "IN", "'IN' is not a pair", "NAME:PROTOCOL"),
        ("listener.security.protocol.map", "IN:TLS", "'TLS' is not a security protocol", "PLAINTEXT, SSL"),
        ("inter.broker.protocol.version", "latest", "'latest' is not a version", "1.0-IV0"),
        ("inter.broker.protocol.version", "2.8", "2.8 is newer than Kafka 1.0.0", "1.0 or older"),
        ("log.message.format.version", "1.1-IV0", "1.1-IV0 is newer than Kafka 1.0.0", "1.0 or older"),
        ("host.name", "a\nb", r"the value 'a\nb' contains a line break", "one line"),
    ],
)
def test_an_invalid_value_is_refused_with_the_valid_ones(name: str, value: str, what: str, hint: str) -> None:
    problem = check_property(name, value, Version("1.0.0"))
    assert problem is not None
    assert what in problem.what
    assert hint in problem.hint


def test_zstd_is_accepted_from_2_1_on() -> None:
    assert check_property("compression.type", "zstd", Version("2.0.1")) is not None
    for version in ("2.1.0", "2.4.1", "2.8.2", "3.9.2"):
        assert check_property("compression.type", "zstd", Version(version)) is None


def test_keys_of_kraft_are_refused() -> None:
    problem = check_property("process.roles", "broker", Version("3.9.2"))
    assert problem is not None
    assert "without ZooKeeper" in problem.what


@pytest.mark.parametrize("name", ["ssl.keystore.password", "listener.name.in.ssl.key.password"])
def test_messages_do_not_show_secrets(name: str) -> None:
    problem = check_property(name, "hunter2\n", Version("1.0.0"))
    assert problem is not None
    assert "hunter2" not in f"{problem.what}{problem.hint}"


@pytest.mark.parametrize(
    ("valid", "words"),
    [
        ("[1,...]", "1 or more"),
        ("[0,...,1]", "0 to 1"),
        ("[1,...,9] or -1", "1 to 9, or -1"),
        ("[compact, delete]", "one of compact, delete"),
        ("-1 or greater than 0", "-1 or a number above 0"),
        ("non-empty string", "non-empty string"),
    ],
)
def test_describe_puts_valid_values_into_words(valid: str, words: str) -> None:
    assert describe(valid) == words


@given(
    st.one_of(st.sampled_from(sorted(broker_keys(Version("2.8.2")))), st.text()),
    st.text(),
    st.sampled_from([*TABLES, *BETWEEN]),
)
@example("num.partitions", "9" * 5000, "1.0.0")
@example("listeners", "A://:" + "9" * 5000, "1.0.0")
@example("zookeeper.connect", "a:" + "9" * 5000, "1.0.0")
@example("inter.broker.protocol.version", "9" * 5000, "1.0.0")
@example("log.cleaner.min.cleanable.ratio", "1e" + "9" * 5000, "1.0.0")
def test_any_name_and_value_is_accepted_or_explained(name: str, value: str, version: str) -> None:
    problem = check_property(name, value, Version(version))
    assert problem is None or (problem.what and problem.hint)


@pytest.mark.parametrize("version", ["1.0.0", "1.1.1", "2.8.2", "3.5.2", "3.9.2"])
def test_every_key_of_type_password_is_recognised_by_its_name(version: str) -> None:
    """Keys of listeners and plugins are in no table, so only their names can show that they are secret."""
    keys = broker_keys(Version(version)).values()
    assert [key.name for key in keys if (key.type == "PASSWORD") != is_secret(key.name)] == []
    assert is_secret("listener.name.internal.scram-sha-256.sasl.jaas.config")
