"""The article's values, the values derived from the hosts, and A6: host.name and port become listeners."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kprov.errors import UsageError
from kprov.spec.broker import broker_config, explained
from kprov.spec.listener import Listener, parse_listeners
from kprov.spec.load import Flag
from kprov.spec.model import Cluster
from kprov.spec.target import Target
from kprov.spec.value import WrongValueError
from kprov.spec.zookeeper import zookeeper_connect, zookeeper_data

Load = Callable[..., Cluster]


HOST = "192.168.78.141"
# every value of the article's server.properties
ARTICLE = [
    ("broker.id", "0"),
    ("num.network.threads", "3"),
    ("num.io.threads", "8"),
    ("socket.send.buffer.bytes", "102400"),
    ("socket.receive.buffer.bytes", "102400"),
    ("socket.request.max.bytes", "104857600"),
    ("log.dirs", "/home/temp/kafka_logs"),
    ("num.partitions", "1"),
    ("num.recovery.threads.per.data.dir", "1"),
    ("log.retention.hours", "168"),
    ("log.segment.bytes", "1073741824"),
    ("log.retention.check.interval.ms", "300000"),
    ("zookeeper.connect", f"{HOST}:2181"),
    ("zookeeper.connection.timeout.ms", "6000"),
    ("group.initial.rebalance.delay.ms", "0"),
]
THREE = """
hosts:
- {address: kafka-1, broker: {id: 1}, zookeeper: {id: 1}}
- {address: kafka-2, broker: {id: 2}, zookeeper: {id: 2}, advertised: 10.0.0.2}
- {address: "::1", broker: {id: 3}, zookeeper: {id: 3}}
"""


def rendered(given: Load, *arguments: object, **options: object) -> dict[str, str]:
    cluster = given(*arguments, **options)
    return dict(broker_config(cluster, cluster.hosts[0]).properties)


@pytest.mark.parametrize(("name", "value"), ARTICLE)
def test_each_default_is_the_value_of_the_article(given: Load, name: str, value: str) -> None:
    assert rendered(given, host=HOST)[name] == value


def test_the_defaults_contain_no_other_keys(given: Load) -> None:
    assert rendered(given, host=HOST).keys() - dict(ARTICLE).keys() == {
        "listeners",
        "advertised.listeners",
        "offsets.topic.replication.factor",
        "transaction.state.log.replication.factor",
        "transaction.state.log.min.isr",
    }


def test_a_user_value_overrides_the_article_value(given: Load) -> None:
    values = rendered(given, properties_set={"num.partitions": "3", "zookeeper.connect": "zk:2181/kafka"})
    assert values["num.partitions"] == "3"
    assert values["zookeeper.connect"] == "zk:2181/kafka"


def test_a_host_value_overrides_the_shared_value(given: Load) -> None:
    cluster = given(
        "kafka: {properties: {num.partitions: 3, num.io.threads: 4}}\n"
        "hosts: [{address: kafka-1, broker: {properties: {num.partitions: 5}}}]\n"
    )
    values = broker_config(cluster, cluster.hosts[0]).properties
    assert (values["num.partitions"], values["num.io.threads"]) == ("5", "4")


def test_three_hosts_share_the_connect_string_and_replicate_three_times(given: Load) -> None:
    cluster = given(THREE)
    values = [broker_config(cluster, host).properties for host in cluster.hosts]
    assert [each["broker.id"] for each in values] == ["1", "2", "3"]
    assert {each["zookeeper.connect"] for each in values} == {"kafka-1:2181,kafka-2:2181,[::1]:2181"}
    assert zookeeper_connect(cluster) == "kafka-1:2181,kafka-2:2181,[::1]:2181"
    assert [each["advertised.listeners"] for each in values] == [
        "PLAINTEXT://kafka-1:9092",
        "PLAINTEXT://10.0.0.2:9092",
        "PLAINTEXT://[::1]:9092",
    ]
    assert [broker_config(cluster, host).bootstrap for host in cluster.hosts] == [
        "kafka-1:9092",
        "10.0.0.2:9092",
        "[::1]:9092",
    ]
    for each in values:
        assert each["offsets.topic.replication.factor"] == "3"
        assert each["transaction.state.log.replication.factor"] == "3"
        assert each["transaction.state.log.min.isr"] == "2"


@pytest.mark.parametrize(
    ("values", "listeners", "advertised"),
    [
        ({}, "PLAINTEXT://:9092", "PLAINTEXT://kafka-1:9092"),
        ({"port": "9093"}, "PLAINTEXT://:9093", "PLAINTEXT://kafka-1:9093"),
        # A6, as the article writes it
        ({"host.name": HOST, "port": "9092"}, f"PLAINTEXT://{HOST}:9092", f"PLAINTEXT://{HOST}:9092"),
        ({"host.name": "::1"}, "PLAINTEXT://[::1]:9092", "PLAINTEXT://[::1]:9092"),
        ({"host.name": "0.0.0.0"}, "PLAINTEXT://0.0.0.0:9092", "PLAINTEXT://kafka-1:9092"),  # noqa: S104
        ({"host.name": ""}, "PLAINTEXT://:9092", "PLAINTEXT://kafka-1:9092"),
        ({"advertised.host.name": "out"}, "PLAINTEXT://:9092", "PLAINTEXT://out:9092"),
        ({"advertised.port": "19092"}, "PLAINTEXT://:9092", "PLAINTEXT://kafka-1:19092"),
        (
            {"host.name": "in", "port": "9093", "advertised.host.name": "out", "advertised.port": "19093"},
            "PLAINTEXT://in:9093",
            "PLAINTEXT://out:19093",
        ),
        ({"listeners": "PLAINTEXT://in:9093"}, "PLAINTEXT://in:9093", "PLAINTEXT://in:9093"),
        ({"listeners": "PLAINTEXT://:9093"}, "PLAINTEXT://:9093", "PLAINTEXT://kafka-1:9093"),
        ({"listeners": "PLAINTEXT://0.0.0.0:9093"}, "PLAINTEXT://0.0.0.0:9093", "PLAINTEXT://kafka-1:9093"),
        ({"listeners": "PLAINTEXT://[::]:9093"}, "PLAINTEXT://[::]:9093", "PLAINTEXT://kafka-1:9093"),
        (
            {"listeners": "PLAINTEXT://:9092,SSL://in:9093"},
            "PLAINTEXT://:9092,SSL://in:9093",
            "PLAINTEXT://kafka-1:9092,SSL://in:9093",
        ),
        (
            {"listeners": "PLAINTEXT://:9092", "advertised.listeners": "PLAINTEXT://out:19092"},
            "PLAINTEXT://:9092",
            "PLAINTEXT://out:19092",
        ),
    ],
)
def test_listeners_and_advertised_listeners_follow_from_the_settings(
    given: Load, values: dict[str, str], listeners: str, advertised: str
) -> None:
    result = rendered(given, properties_set=values)
    assert result["listeners"] == listeners
    assert result["advertised.listeners"] == advertised
    assert not {"host.name", "port", "advertised.host.name", "advertised.port"} & result.keys()


def test_the_port_option_sets_both_listeners(given: Load) -> None:
    assert rendered(given, None, None, Flag("--port", ("kafka", "port"), 9095))["listeners"] == "PLAINTEXT://:9095"


def test_the_old_address_keys_get_a_note_with_their_new_form(given: Load) -> None:
    cluster = given(properties_set={"host.name": HOST, "port": "9093", "advertised.port": "19093"})
    notes = explained(broker_config(cluster, cluster.hosts[0]), zookeeper_connect(cluster))
    assert len(notes) == 3
    assert notes[0].startswith(f"host.name={HOST} is written as listeners=PLAINTEXT://{HOST}:9093: ")
    assert notes[1].startswith(f"port=9093 is written as listeners=PLAINTEXT://{HOST}:9093: ")
    assert notes[2].startswith(f"advertised.port=19093 is written as advertised.listeners=PLAINTEXT://{HOST}:19093: ")
    assert all("only if listeners is not set, and not at all from 3.0 on" in note for note in notes)


def test_settings_without_old_keys_get_no_note(given: Load) -> None:
    cluster = given(properties_set={"listeners": "PLAINTEXT://:9093"})
    assert explained(broker_config(cluster, cluster.hosts[0]), zookeeper_connect(cluster)) == []


def test_ports_and_directories_follow_from_the_properties(given: Load) -> None:
    cluster = given(
        properties_set={"listeners": "PLAINTEXT://:9092,SSL://:9093", "log.dirs": "/data/a/kafka, /data/b/kafka"}
    )
    config = broker_config(cluster, cluster.hosts[0])
    assert config.ports == {"PLAINTEXT": 9092, "SSL": 9093}
    assert config.log_dirs == ("/data/a/kafka", "/data/b/kafka")


@pytest.mark.parametrize(
    ("version", "own", "answer"), [("1.0.0", None, 6000), ("2.8.2", None, 18000), ("2.8.2", "9000", 9000)]
)
def test_the_session_timeout_is_the_default_of_the_version_or_the_user_value(
    given: Load, version: str, own: str | None, answer: int
) -> None:
    own_values = {"zookeeper.session.timeout.ms": own} if own else {}
    cluster = given(f"kafka: {{version: {version}}}", "kafka-1", properties_set=own_values)
    assert broker_config(cluster, cluster.hosts[0]).session_timeout_ms == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("", ("/var/lib/zookeeper/data", "/var/lib/zookeeper/logs")),
        (
            "zookeeper: {mode: bundled}",
            ("/usr/local/single_kafka/zk_dir/zk_data", "/usr/local/single_kafka/zk_dir/zk_logs"),
        ),
        ("zookeeper: {data_dir: /data/zk/}", ("/data/zk", "/var/lib/zookeeper/logs")),
    ],
)
def test_the_data_directories_of_zookeeper_depend_on_the_mode(given: Load, text: str, answer: tuple[str, str]) -> None:
    assert zookeeper_data(given(text, "kafka-1")) == answer


def test_the_login_is_the_address_with_the_user_and_port_of_ssh(given: Load) -> None:
    cluster = given(None, r"CORP\anna@[::1]:2222")
    assert cluster.hosts[0].target == Target("::1", r"CORP\anna", 2222)


@pytest.mark.parametrize(
    ("text", "listeners"),
    [
        ("plaintext://:9092", (Listener("PLAINTEXT", "", 9092),)),
        ("A://[::1]:1, B_C://h-1.x:65535", (Listener("A", "::1", 1), Listener("B_C", "h-1.x", 65535))),
    ],
)
def test_listeners_are_parsed_like_in_kafka(text: str, listeners: tuple[Listener, ...]) -> None:
    assert parse_listeners(text) == listeners
    assert parse_listeners(",".join(map(str, listeners))) == listeners


@pytest.mark.parametrize("text", ["", "A", "A://", "A://h", "A://h:x", "A://h:0", "A://h:65536", "A://a b:1", "://h:1"])
def test_an_invalid_listener_is_named_in_the_error(text: str) -> None:
    with pytest.raises(WrongValueError) as caught:
        parse_listeners(text)
    assert " is not a " in caught.value.problem.what
    assert caught.value.problem.hint


@pytest.mark.parametrize("name", ["host.name", "port"])
def test_the_old_address_keys_are_an_error_with_kafka_3(given: Load, name: str) -> None:
    with pytest.raises(UsageError, match="it was removed in"):
        given("kafka: {version: 3.5.2}", "kafka-1", properties_set={name: "9092"})
