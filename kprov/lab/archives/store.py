"""The directory that the archives are kept in: what is missing there is made, and only that."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from kprov.errors import PreflightError
from kprov.events import Emit
from kprov.lab.archives import jars, maven, runtime, tarball
from kprov.lab.archives.recipe import PACKAGE, JarsRecipe, JavaRecipe, Recipe, chosen
from kprov.lab.lock import locked
from kprov.lab.steps import Steps

MAKING = ".making-"


@dataclass(frozen=True)
class Built:
    """What there is after a build: each archive in ``directory``, and which of them it made."""

    directory: Path
    archives: tuple[Path, ...]
    made: tuple[Path, ...]


def default_directory() -> Path:
    """Where the lab's archives are kept for this user."""
    return user_cache_path("kprov") / "lab" / "archives"


def build(names: Sequence[str], directory: Path, emit: Emit) -> Built:
    """Make the archives of these names (``kafka-1.0.0``; none: all) in ``directory``, if they are missing.

    An archive is there if it, its ``.sha512`` and the mark of an equal recipe are: the mark is written
    last, so one that was half made is made again, and so is one whose recipe or launchers have changed.
    One build at a time works in a directory; a second one waits.

    Raises UsageError for an unknown name, PreflightError with all that this machine lacks, StepError if
    an archive cannot be made; those made before it stay.
    """
    wanted = chosen(names)
    with locked(directory, emit, waiting_for=f"another `kprov lab archives` in {directory}"):
        for leftover in directory.glob(f"{MAKING}*"):
            shutil.rmtree(leftover)
        missing = [recipe for recipe in wanted.values() if not _is_there(recipe, directory)]
        _check_machine(missing)
        steps = Steps(emit, len(missing))
        for recipe in missing:
            with steps.step(f"{recipe.archive} from {recipe.source}"):
                _make(recipe, directory)
    return Built(
        directory=directory,
        archives=tuple(directory / recipe.archive for recipe in wanted.values()),
        made=tuple(directory / recipe.archive for recipe in missing),
    )


def _check_machine(missing: Iterable[Recipe]) -> None:
    kinds = {type(recipe) for recipe in missing}
    problems = (maven.missing() if JarsRecipe in kinds else ()) + (runtime.missing() if JavaRecipe in kinds else ())
    if problems:
        raise PreflightError(problems)


def checksum_file(archive: Path) -> Path:
    return archive.with_name(f"{archive.name}.sha512")


def mark_file(archive: Path) -> Path:
    return archive.with_name(f".{archive.name}.recipe")


def _is_there(recipe: Recipe, directory: Path) -> bool:
    archive = directory / recipe.archive
    mark = mark_file(archive)
    if not (archive.is_file() and checksum_file(archive).is_file() and mark.is_file()):
        return False
    return mark.read_text(encoding="utf-8") == fingerprint(recipe)


def fingerprint(recipe: Recipe) -> str:
    """Changes when the recipe, a text of ours or the code that lays it out does."""
    digest = hashlib.sha256(recipe.model_dump_json().encode())
    if isinstance(recipe, JarsRecipe):
        digest.update(repr(jars.texts(recipe)).encode())
    for source in sorted(PACKAGE.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()


def _make(recipe: Recipe, directory: Path) -> None:
    archive = directory / recipe.archive
    mark_file(archive).unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix=MAKING, dir=directory) as folder:
        tree = Path(folder, "tree", recipe.top)
        tree.parent.mkdir()
        if isinstance(recipe, JarsRecipe):
            jars.lay_out(recipe, tree)
        else:
            runtime.lay_out(recipe, tree)
        packed = Path(folder, recipe.archive)
        tarball.pack(tree, packed)
        checksum = checksum_file(packed)
        checksum.write_text(tarball.checksum_line(packed), encoding="utf-8")
        mark = mark_file(packed)
        mark.write_text(fingerprint(recipe), encoding="utf-8")
        for file in (packed, checksum, mark):
            file.replace(directory / file.name)
