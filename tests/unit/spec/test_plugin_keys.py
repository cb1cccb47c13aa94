"""Keys of plugins: passed on where the user says so; Kafka's own keys and their misspellings are not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from kprov.spec.broker import broker_properties
from kprov.spec.broker_keys import broker_keys, check_plugin_property, check_property, is_secret, read_keys
from kprov.spec.load import Flag, load
from kprov.spec.slips import slip_of

VERSIONS = ["1.0.0", "1.1.1", "2.0.1", "2.8.2", "3.5.2", "3.9.2"]
PLUGINS = [
    "cruise.control.metrics.reporter.bootstrap.servers",
    "cruise.control.metrics.topic",
    "confluent.metrics.reporter.topic.replicas",
    "opa.authorizer.url",
    "ranger.plugin.kafka.policy.rest.url",
    "bootstrap.servers",
    "client.quota.callback.static.produce",
]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", PLUGINS)
def test_a_plugin_s_key_is_passed_on(name: str, version: str) -> None:
    assert check_plugin_property(name, "anything at all", Version(version)) is None


def test_without_the_word_a_plugin_s_key_is_refused_and_the_word_is_named() -> None:
    problem = check_property(PLUGINS[0], "x", Version("2.8.2"))
    assert problem is not None
    assert problem.what == f"Kafka has no key {PLUGINS[0]}"
    assert "--set-plugin" in problem.hint
    assert "plugin_properties" in problem.hint


@pytest.mark.parametrize("version", VERSIONS)
def test_every_key_of_kafka_is_refused_as_a_plugin_s(version: str) -> None:
    for name in broker_keys(Version(version)):
        problem = check_plugin_property(name, "1", Version(version))
        assert problem is not None, name
        assert f"--set {name}" in problem.hint


@st.composite
def misspelt(draw: st.DrawFn) -> tuple[str, str]:
    """A key with one letter added, left out or replaced, or two neighbours swapped."""
    key = draw(st.sampled_from(sorted(broker_keys(Version("2.8.2")))))
    place = draw(st.integers(0, len(key) - 2))
    letter = draw(st.sampled_from("aeinrstz"))
    return key, draw(
        st.sampled_from(
            [
                key[:place] + key[place + 1 :],
                key[:place] + letter + key[place:],
                key[:place] + letter + key[place + 1 :],
                key[:place] + key[place + 1] + key[place] + key[place + 2 :],
                key.upper(),
                key.replace(".", "_"),
            ]
        )
    )


@settings(deadline=None)
@given(misspelt())
def test_a_near_miss_is_refused_with_and_without_the_word(pair: tuple[str, str]) -> None:
    key, name = pair
    every = {key for version in VERSIONS for key in read_keys(Version(version))}
    if name in every:
        return
    for check in (check_property, check_plugin_property):
        assert check(name, "1", Version("2.8.2")) is not None, name
        # Where the version is not known, a key that not every version has is judged later.
        assert check(name, "1", None) is not None or not all(key in read_keys(Version(each)) for each in VERSIONS), name


def test_names_that_are_like_nothing_are_no_slips() -> None:
    assert slip_of("opa.authorizer.url", broker_keys(Version("2.8.2"))) is None
    assert slip_of("port", {"port"}) is None
    assert slip_of("ports", {"port"}) == "port"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("listener.name.internal.ssl.keystor.location", "listener.name.internal.ssl.keystore.location"),
        ("listener.name.sasl_ssl.scram-sha-256.sasl.jaas.confg", "listener.name.sasl_ssl.sasl.jaas.config"),
    ],
)
@pytest.mark.parametrize("check", [check_property, check_plugin_property])
def test_a_misspelling_behind_a_listener_s_name(check: object, name: str, meant: str) -> None:
    problem = check(name, "x", Version("2.8.2"))  # type: ignore[operator]
    assert problem is not None
    assert meant in problem.hint


@pytest.mark.parametrize(
    "name",
    [
        "listener.name.internal.ssl.keystore.location",
        "listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config",
        "listener.name.internal.my.engine.setting",
        "listener.name.sasl_ssl.oauthbearer.sasl.server.callback.handler.class",
    ],
)
def test_keys_of_a_listener_are_open(name: str) -> None:
    assert check_property(name, "x", Version("2.8.2")) is None


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["kafka.metrics.reporters", "kafka.csv.metrics.dir"])
def test_keys_that_the_broker_reads_without_declaring_them(name: str, version: str) -> None:
    """A later table lists the first one; Kafka 1.0.0 reads it all the same (kafka.metrics.KafkaMetricsConfig)."""
    assert check_property(name, "x", Version(version)) is None


def test_their_types_are_checked() -> None:
    assert check_property("kafka.metrics.polling.interval.secs", "often", Version("1.0.0")) is not None
    assert check_property("metrics.jmx.include", ".*", Version("2.8.2")) is None
    assert check_property("metrics.jmx.include", ".*", Version("1.1.1")) is not None


@pytest.mark.parametrize(
    "name",
    [
        "cruise.control.metrics.reporter.ssl.keystore.password",
        "my.reporter.token",
        "plugin.api.key",
        "opa.authorizer.credentials.file",
        "io.vendor.password.value",
        "basic.auth.user.info",
        "confluent.license",
    ],
)
def test_what_may_be_a_plugin_s_secret_is_one(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize("name", ["password.encoder.iterations", "num.partitions", "delegation.token.max.lifetime.ms"])
def test_kafka_s_own_keys_are_secrets_by_their_type(name: str) -> None:
    assert not is_secret(name)


def test_plugin_properties_of_a_host_win_over_the_shared_ones(tmp_path: object) -> None:
    path = tmp_path / "kprov.yaml"  # type: ignore[operator]
    path.write_text(
        "kafka: {plugin_properties: {opa.url: shared, opa.mode: strict}}\n"
        "hosts: [{address: a, broker: {plugin_properties: {opa.url: own}}}]\n"
    )
    cluster = load(path, None)
    found = broker_properties(cluster, cluster.hosts[0])
    assert (found["opa.url"], found["opa.mode"]) == ("own", "strict")


def test_a_flag_for_a_plugin() -> None:
    flag = Flag("--set-plugin opa.url", ("kafka", "plugin_properties", "opa.url"), "http://opa")
    cluster = load(None, "kafka-1", [flag])
    assert broker_properties(cluster, cluster.hosts[0])["opa.url"] == "http://opa"
