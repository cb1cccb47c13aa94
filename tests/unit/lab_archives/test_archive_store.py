"""Which archives are made, and which are kept."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from kprov.cli import lab_archives
from kprov.errors import ExitCode, PreflightError, Problem, StepError
from kprov.events import Event, StepDone, StepFailed, ignore
from kprov.lab.archives import jars, maven, recipes, runtime, store
from kprov.lab.archives.recipe import Recipe
from kprov.lab.archives.store import Built, build

NAMES = ["kafka-1.0.0", "temurin-11"]
KAFKA, JAVA = "kafka_2.12-1.0.0.tgz", "OpenJDK11U-jre_x64_linux_hotspot_11.0.13_8.tar.gz"


@pytest.fixture(autouse=True)
def laid_out(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Archives of one file each, without Maven and pip; the names of those that were laid out."""
    names: list[str] = []

    def lay_out(recipe: Recipe, tree: Path) -> None:
        names.append(recipe.archive)
        tree.mkdir()
        (tree / "file").write_text(recipe.archive)

    for module in (jars, runtime):
        monkeypatch.setattr(module, "lay_out", lay_out)
    for module in (maven, runtime):
        monkeypatch.setattr(module, "missing", lambda: ())
    return names


def files(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def test_an_archive_has_its_checksum_beside_it_and_nothing_is_left_over(tmp_path: Path) -> None:
    events: list[Event] = []
    built = build(NAMES, tmp_path / "to", events.append)
    assert built == Built(
        tmp_path / "to",
        (tmp_path / "to" / KAFKA, tmp_path / "to" / JAVA),
        (tmp_path / "to" / KAFKA, tmp_path / "to" / JAVA),
    )
    assert files(tmp_path / "to") == {
        *(KAFKA, f"{KAFKA}.sha512", f".{KAFKA}.recipe"),
        *(JAVA, f"{JAVA}.sha512", f".{JAVA}.recipe"),
    }
    subprocess.run(["sha512sum", "--check", f"{KAFKA}.sha512", f"{JAVA}.sha512"], cwd=tmp_path / "to", check=True)
    assert [event.text for event in events if isinstance(event, StepDone)] == [
        f"{KAFKA} from Maven Central",
        f"{JAVA} from PyPI",
    ]


def test_an_existing_archive_is_not_made_again(tmp_path: Path, laid_out: list[str]) -> None:
    build(NAMES[:1], tmp_path, ignore)
    built = build(NAMES, tmp_path, ignore)
    assert built.archives == (tmp_path / KAFKA, tmp_path / JAVA)
    assert built.made == (tmp_path / JAVA,)
    assert laid_out == [KAFKA, JAVA]


@pytest.mark.parametrize("lost", [KAFKA, f"{KAFKA}.sha512", f".{KAFKA}.recipe"])
def test_an_incomplete_archive_is_made_again(tmp_path: Path, lost: str) -> None:
    build(NAMES, tmp_path, ignore)
    (tmp_path / lost).unlink()
    assert build(NAMES, tmp_path, ignore).made == (tmp_path / KAFKA,)


def test_an_archive_whose_recipe_changed_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(NAMES, tmp_path, ignore)
    changed = recipes()["kafka-1.0.0"].model_copy(update={"leave_out": ("log4j.properties",)})
    monkeypatch.setattr(store, "chosen", lambda names: {"kafka-1.0.0": changed})
    assert build((), tmp_path, ignore).made == (tmp_path / KAFKA,)
    assert build((), tmp_path, ignore).made == ()


def test_leftovers_of_a_killed_run_are_removed(tmp_path: Path) -> None:
    leftover = tmp_path / ".making-x" / "tree"
    leftover.mkdir(parents=True)
    build(NAMES[:1], tmp_path, ignore)
    assert not leftover.parent.exists()


def test_a_failure_keeps_the_archives_before_it_and_leaves_no_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(recipe: Recipe, tree: Path) -> None:
        tree.mkdir()
        raise StepError("no wheel")

    monkeypatch.setattr(runtime, "lay_out", fail)
    events: list[Event] = []
    with pytest.raises(StepError, match="no wheel"):
        build(NAMES, tmp_path, events.append)
    assert files(tmp_path) == {KAFKA, f"{KAFKA}.sha512", f".{KAFKA}.recipe"}
    assert isinstance(events[-1], StepFailed)


def test_everything_that_the_machine_lacks_is_reported_before_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, laid_out: list[str]
) -> None:
    monkeypatch.setattr(maven, "missing", lambda: (Problem("no mvn"),))
    monkeypatch.setattr(runtime, "missing", lambda: (Problem("no pip"),))
    with pytest.raises(PreflightError) as error:
        build(NAMES, tmp_path, ignore)
    assert [problem.what for problem in error.value.problems] == ["no mvn", "no pip"]
    with pytest.raises(PreflightError, match=r"^no pip$"):
        build(["temurin-11"], tmp_path, ignore)
    assert laid_out == []


def test_nothing_is_needed_when_nothing_is_to_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(NAMES, tmp_path, ignore)
    monkeypatch.setattr(maven, "missing", lambda: (Problem("no mvn"),))
    assert build(NAMES, tmp_path, ignore).made == ()


def test_the_command_prints_where_the_archives_are(tmp_path: Path) -> None:
    arguments = ["--to", str(tmp_path / "to"), "--only", "temurin-11"]
    result = CliRunner().invoke(lab_archives.archives, arguments)
    assert result.exit_code == 0
    assert result.stdout == f"{tmp_path}/to\n"
    assert result.stderr.endswith("made 1, 0 were there\n")
    assert (tmp_path / "to" / JAVA).exists()


def test_the_command_refuses_an_unknown_name_and_lists_the_known_ones_in_its_help(tmp_path: Path) -> None:
    refused = CliRunner().invoke(lab_archives.archives, ["--to", str(tmp_path / "to"), "--only", "temurin-8"])
    assert (refused.exit_code, "temurin-8" in refused.stderr) == (ExitCode.USAGE, True)
    assert not (tmp_path / "to").exists()
    shown = CliRunner().invoke(lab_archives.archives, ["--help"]).stdout
    assert [name for name in recipes() if f"  {name}\n" not in shown] == []
