"""Settings by key path: every option can be reset, and changes between two runs can be undone with options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from kprov.errors import UsageError
from kprov.operations.session import recorded_spec
from kprov.spec.load import UNSET, Flag, load
from kprov.spec.model import Cluster
from kprov.spec.settings import OPTIONS, RESETTABLE, KeyPath, changed, path_to_reset, reset_words
from kprov.topology import topology

# A value other than the default for each option.
VALUES: Mapping[str, Any] = {
    "--kafka-version": "2.8.2",
    "--kafka-archive": "release:/usr/local/kafka_2.13-2.8.2",
    "--heap": "3g",
    "--port": 9192,
    "--jmx-port": 9999,
    "--broker-id": 7,
    "--advertised": "kafka.example.com",
    "--zookeeper": "bundled",
    "--zookeeper-version": "3.5.10",
    "--zookeeper-archive": "release:/usr/local/zookeeper-x",
    "--zookeeper-heap": "600m",
    "--java": "temurin-11",
    "--java-archive": "release:/usr/local/java/jre-x",
    "--java-home": "/usr/lib/jvm/java-11",
}


def receipt_of(*flags: Flag) -> dict[str, Any]:
    """The settings in the receipt of a host that was installed with these flags."""
    cluster = load(None, ["kafka-1"], flags)
    unpacked = {
        "kafka": "/usr/local/kafka_2.13-2.8.2",
        "zookeeper": "/usr/local/zookeeper-x",
        "java": "/usr/local/java/x",
    }
    return recorded_spec(topology(cluster)[0], unpacked)


def at(tree: Any, path: KeyPath) -> Any:
    for key in path:
        tree = tree[key] if isinstance(tree, list) else tree.get(key)
    return tree


def test_every_option_is_covered_by_these_tests() -> None:
    assert VALUES.keys() == OPTIONS.keys()


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_can_be_reset(option: str) -> None:
    """Setting and resetting an option restores the previous settings."""
    path = OPTIONS[option]
    bare = receipt_of()
    base = receipt_of(Flag(option, path, VALUES[option]))
    assert at(base, path) != at(bare, path)
    (key,) = [key for key, value in RESETTABLE.items() if value == path]
    again = load(None, ["kafka-1"], [Flag(f"--unset {key}", path_to_reset(key), UNSET)], base)
    assert recorded_spec(topology(again)[0]) == bare


@pytest.mark.parametrize("option", [option for option in OPTIONS if "archive" not in option])
def test_the_suggested_options_restore_the_old_values(option: str) -> None:
    bare, base = receipt_of(), receipt_of(Flag(option, OPTIONS[option], VALUES[option]))
    words, rest = reset_words(changed(bare, base))
    assert rest == []
    flags = []
    for word, value in zip(words[::2], words[1::2], strict=True):
        if word == "--unset":
            flags.append(Flag(f"--unset {value}", path_to_reset(value), UNSET))
        else:
            flags.append(Flag(word, OPTIONS[word], int(value) if value.isdigit() else value))
    again = load(None, ["kafka-1"], flags, base)
    assert recorded_spec(topology(again)[0]) == bare


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("kafka.heap", ("kafka", "heap")),
        (" zookeeper.client_port ", ("zookeeper", "client_port")),
        ("hosts[].advertised", ("hosts", 0, "advertised")),
        ("hosts[0].broker.id", ("hosts", 0, "broker", "id")),
        ("num.partitions", ("kafka", "properties", "num.partitions")),
        ("port", ("kafka", "properties", "port")),
        ("kafka.metrics.reporters", ("kafka", "properties", "kafka.metrics.reporters")),
        ("kafka.properties.num.partitions", ("kafka", "properties", "num.partitions")),
        ("hosts[].broker.plugin_properties.opa.url", ("kafka", "properties", "opa.url")),
    ],
)
def test_unset_accepts_key_paths_and_names_of_properties(text: str, path: KeyPath) -> None:
    assert path_to_reset(text) == path


def test_the_protocol_cannot_be_unset() -> None:
    with pytest.raises(UsageError, match="no default"):
        path_to_reset("kafka.protocol")


def test_unset_removes_a_plugin_property() -> None:
    base = receipt_of(Flag("--set-plugin opa.url", ("kafka", "plugin_properties", "opa.url"), "x"))
    cluster = load(None, ["kafka-1"], [Flag("--unset opa.url", path_to_reset("opa.url"), UNSET)], base)
    assert cluster.kafka.plugin_properties == {}


@pytest.mark.parametrize(
    ("flags", "where"),
    [
        (
            [Flag("--heap", ("kafka", "heap"), "2g"), Flag("--unset kafka.heap", path_to_reset("kafka.heap"), UNSET)],
            "--heap and --unset kafka.heap",
        ),
        (
            [
                Flag("--set num.partitions", ("kafka", "properties", "num.partitions"), "3"),
                Flag("--unset num.partitions", path_to_reset("num.partitions"), UNSET),
            ],
            "--set num.partitions and --unset num.partitions",
        ),
    ],
)
def test_setting_and_unsetting_the_same_key_is_refused(flags: list[Flag], where: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(None, ["kafka-1"], flags)
    assert where in [problem.where for problem in caught.value.problems]


def test_changed_settings_are_shown_without_secrets() -> None:
    before = receipt_of(Flag("--set", ("kafka", "properties", "ssl.key.password"), "old-secret"))
    after = receipt_of(
        Flag("--set", ("kafka", "properties", "ssl.key.password"), "new-secret"),
        Flag("--set", ("kafka", "properties", "num.partitions"), "3"),
    )
    found = changed(before, after)
    assert [str(item) for item in found] == [
        "kafka.properties.num.partitions: not set -> 3",
        "kafka.properties.ssl.key.password: *** -> ***",
    ]
    words, rest = reset_words(found)
    assert words == ["--unset", "num.partitions"]
    assert [item.key for item in rest] == ["kafka.properties.ssl.key.password"]


def test_the_address_of_a_host_is_not_a_setting() -> None:
    one, other = (Cluster.model_validate({"hosts": [{"address": address}]}) for address in ("a", "b"))
    assert changed(recorded_spec(topology(one)[0]), recorded_spec(topology(other)[0])) == ()
