"""Which versions run together: the table of facts, version by version."""

from __future__ import annotations

import pytest

from kprov.errors import UsageError
from kprov.releases.compatibility import Level, check

SUPPORTED, WORKAROUND, REFUSED = Level.SUPPORTED, Level.WORKAROUND, Level.REFUSED


@pytest.mark.parametrize(
    ("kafka", "java", "level", "name"),
    [
        ("1.0.0", 7, REFUSED, None),
        ("1.0.0", 8, SUPPORTED, None),
        ("1.0.0", 9, WORKAROUND, "newer-java"),
        ("1.0.0", 10, WORKAROUND, "no-gc-log"),
        ("1.0.0", 11, WORKAROUND, "no-gc-log"),
        ("1.0.2", 11, WORKAROUND, "no-gc-log"),
        ("1.1.0", 17, WORKAROUND, "no-gc-log"),
        ("1.0.0", 18, REFUSED, None),
        ("1.1.1", 8, SUPPORTED, None),
        ("1.1.1", 11, WORKAROUND, "newer-java"),
        ("2.0.1", 8, SUPPORTED, None),
        ("2.1.1", 11, WORKAROUND, "newer-java"),
        ("2.1.1", 14, REFUSED, None),
        ("2.2.2", 11, SUPPORTED, None),
        ("2.3.1", 13, WORKAROUND, "newer-java"),
        ("2.3.1", 17, REFUSED, None),
        ("2.4.1", 17, WORKAROUND, "newer-java"),
        ("2.8.2", 8, SUPPORTED, None),
        ("2.8.2", 11, SUPPORTED, None),
        ("2.8.2", 17, WORKAROUND, "newer-java"),
        ("2.8.2", 21, REFUSED, None),
        ("3.0.2", 17, WORKAROUND, "newer-java"),
        ("3.1.0", 17, SUPPORTED, None),
        ("3.5.2", 8, SUPPORTED, None),
        ("3.5.2", 17, SUPPORTED, None),
        ("3.5.2", 21, REFUSED, None),
        ("3.9.2", 7, REFUSED, None),
        ("3.9.2", 8, SUPPORTED, None),
        ("3.9.2", 17, SUPPORTED, None),
        ("3.9.2", 21, WORKAROUND, "newer-java"),
        ("3.9.2", 25, REFUSED, None),
    ],
)
def test_each_kafka_has_its_level_on_each_java(kafka: str, java: int, level: Level, name: str | None) -> None:
    verdict = check(kafka, None, java).verdicts[0]
    assert (verdict.level, verdict.workaround and verdict.workaround.name) == (level, name)
    assert verdict.pair == f"Kafka {kafka} on Java {java}"
    assert verdict.reason
    assert (verdict.hint != "") == (level is REFUSED)


@pytest.mark.parametrize(
    ("zookeeper", "java", "level"),
    [
        ("3.4.14", 8, SUPPORTED),
        ("3.5.3-beta", 8, SUPPORTED),
        ("3.5.3-beta", 11, SUPPORTED),
        ("3.5.3-beta", 17, WORKAROUND),
        ("3.5.3-beta", 21, REFUSED),
        ("3.6.4", 9, REFUSED),
        ("3.6.4", 12, SUPPORTED),
        ("3.6.4", 17, SUPPORTED),
        ("3.8.6", 7, REFUSED),
        ("3.8.6", 16, WORKAROUND),
        ("3.8.6", 21, WORKAROUND),
        ("3.9.5", 17, SUPPORTED),
        ("3.9.5", 25, REFUSED),
    ],
)
def test_each_zookeeper_has_its_level_on_each_java(zookeeper: str, java: int, level: Level) -> None:
    assert check("2.8.2", zookeeper, java).verdicts[1].level is level


@pytest.mark.parametrize(
    ("kafka", "zookeeper", "level"),
    [
        ("1.0.0", "3.4.14", SUPPORTED),
        ("1.0.0", "3.5.3-beta", SUPPORTED),
        ("1.0.0", "3.6.4", SUPPORTED),
        ("1.0.0", "3.7.2", REFUSED),
        ("1.0.0", "3.8.6", REFUSED),
        ("2.3.1", "3.9.5", REFUSED),
        ("2.4.0", "3.4.14", SUPPORTED),
        ("2.8.2", "3.5.3-beta", SUPPORTED),
        ("2.8.2", "3.9.5", SUPPORTED),
        ("3.5.2", "3.4.14", REFUSED),
        ("3.9.2", "3.4.14", REFUSED),
        ("3.9.2", "3.5.3-beta", SUPPORTED),
        ("3.9.2", "3.9.5", SUPPORTED),
        ("3.9.2", "3.3.6", REFUSED),
        ("3.9.2", "3.10.0", REFUSED),
    ],
)
def test_each_zookeeper_client_has_its_level_with_each_server(kafka: str, zookeeper: str, level: Level) -> None:
    verdict = check(kafka, zookeeper, None).verdicts[0]
    assert verdict.level is level
    assert zookeeper in verdict.pair


def test_the_versions_of_the_article_are_supported_without_a_warning() -> None:
    article = check("1.0.0", "3.5.3-beta", 8)
    assert article.level is SUPPORTED
    assert article.environment == {}
    assert article.warnings == ()
    article.require()


def test_the_workaround_for_kafka_1_0_on_java_11_has_its_variable_and_a_warning() -> None:
    result = check("1.0.0", "3.5.3-beta", 11)
    assert result.level is WORKAROUND
    assert result.environment == {"KAFKA_GC_LOG_OPTS": "-Dkprov.gc.log=off"}
    assert [workaround.name for workaround in result.workarounds] == ["no-gc-log"]
    assert "Kafka 1.0.0 on Java 11" in result.warnings[0]


def test_environment_needs_no_quoting_in_a_systemd_environment_file() -> None:
    for value in check("1.0.0", None, 11).environment.values():
        assert value.strip() == value != ""
        assert not set(value) & set(" \t\"'\\$#;%")


def test_the_bundled_server_has_the_version_of_the_client() -> None:
    result = check("2.3.1", None, 17)
    assert [verdict.pair for verdict in result.verdicts] == ["Kafka 2.3.1 on Java 17", "ZooKeeper 3.4.14 on Java 17"]


@pytest.mark.parametrize("kafka", ["0.11.0", "4.0.0", "4.4.0"])
def test_a_kafka_out_of_range_is_refused(kafka: str) -> None:
    result = check(kafka, "3.5.10", 17)
    assert result.level is REFUSED
    assert len(result.verdicts) == 1
    with pytest.raises(UsageError, match=f"Kafka {kafka} does not work"):
        result.require()


def test_every_refused_pair_is_reported_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        check("3.9.2", "3.4.14", 25).require()
    assert len(caught.value.problems) == 3
    assert all(problem.hint and problem.cause for problem in caught.value.problems)


@pytest.mark.parametrize(("kafka", "zookeeper"), [("1.0", None), ("newest", None), ("1.0.0", "3.5"), ("", None)])
def test_a_malformed_version_is_a_usage_error(kafka: str, zookeeper: str | None) -> None:
    with pytest.raises(UsageError, match="is not a version"):
        check(kafka, zookeeper, 8)


def test_level_is_the_worst_verdict() -> None:
    assert check("1.0.0", "3.8.6", 8).level is REFUSED


def test_without_a_java_and_with_the_bundled_zookeeper_no_pair_is_checked() -> None:
    result = check("1.0.0", None, None)
    assert result.verdicts == ()
    assert result.level is SUPPORTED
