"""Keys of plugins are accepted with --set-plugin; Kafka's own keys and misspellings of them are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from kprov.spec.broker import broker_config
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
def test_a_key_for_a_plugin_is_accepted(name: str, version: str) -> None:
    assert check_plugin_property(name, "anything at all", Version(version)) is None


def test_a_plugin_key_given_with_set_is_refused_with_a_hint_to_set_plugin() -> None:
    problem = check_property(PLUGINS[0], "x", Version("2.8.2"))
    assert problem is not None
    assert problem.what == f"Kafka has no key {PLUGINS[0]}"
    assert "--set-plugin" in problem.hint
    assert "plugin_properties" in problem.hint


@pytest.mark.parametrize("version", VERSIONS)
def test_every_key_of_kafka_is_refused_as_a_plugin_key(version: str) -> None:
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


@given(misspelt())
def test_a_misspelt_key_is_refused_with_set_and_with_set_plugin(pair: tuple[str, str]) -> None:
    key, name = pair
    every = {key for version in VERSIONS for key in read_keys(Version(version))}
    if name in every:
        return
    for check in (check_property, check_plugin_property):
        assert check(name, "1", Version("2.8.2")) is not None, name
        # Where the version is not known, a key that not every version has is judged later.
        assert check(name, "1", None) is not None or not all(key in read_keys(Version(each)) for each in VERSIONS), name


def test_names_unlike_any_key_are_not_taken_for_misspellings() -> None:
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
def test_a_misspelling_after_the_name_of_a_listener_is_refused(check: object, name: str, meant: str) -> None:
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
def test_valid_keys_of_a_listener_are_accepted(name: str) -> None:
    assert check_property(name, "x", Version("2.8.2")) is None


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["kafka.metrics.reporters", "kafka.csv.metrics.dir"])
def test_keys_that_the_broker_reads_but_does_not_declare_are_accepted(name: str, version: str) -> None:
    """The first key is only in a later table, but Kafka 1.0.0 reads it too (kafka.metrics.KafkaMetricsConfig)."""
    assert check_property(name, "x", Version(version)) is None


def test_undeclared_keys_are_checked_by_type() -> None:
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
def test_plugin_keys_with_suspicious_names_are_secrets(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize("name", ["password.encoder.iterations", "num.partitions", "delegation.token.max.lifetime.ms"])
def test_keys_of_kafka_are_secrets_only_by_their_type(name: str) -> None:
    assert not is_secret(name)


def test_plugin_properties_of_a_host_override_the_shared_ones(tmp_path: object) -> None:
    path = tmp_path / "kprov.yaml"  # type: ignore[operator]
    path.write_text(
        "kafka: {plugin_properties: {opa.url: shared, opa.mode: strict}}\n"
        "hosts: [{address: a, broker: {plugin_properties: {opa.url: own}}}]\n"
    )
    cluster = load(path, [])
    found = broker_config(cluster, cluster.hosts[0]).properties
    assert (found["opa.url"], found["opa.mode"]) == ("own", "strict")


def test_a_flag_sets_a_plugin_property() -> None:
    flag = Flag("--set-plugin opa.url", ("kafka", "plugin_properties", "opa.url"), "http://opa")
    cluster = load(None, ["kafka-1"], [flag])
    assert broker_config(cluster, cluster.hosts[0]).properties["opa.url"] == "http://opa"
