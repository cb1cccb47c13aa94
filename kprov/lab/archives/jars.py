"""Lays out an archive of Kafka or ZooKeeper: jars, launchers, configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from kprov.lab.archives import maven, stand_in
from kprov.lab.archives.recipe import PACKAGE, JarsRecipe
from kprov.lab.archives.words import fill_in

TOOL = "tool.sh"
HEAVY_TOOL = "heavy-tool.sh"


@dataclass(frozen=True)
class Layout:
    """Where things are in a project's archives, and how they are called."""

    publisher: str
    jars: str
    config: str
    license: str
    notice: str
    missing: str


LAYOUTS: Mapping[str, Layout] = MappingProxyType(
    {
        "kafka": Layout(
            publisher="the Apache Kafka project",
            jars="libs",
            config="config",
            license="LICENSE",
            notice="NOTICE",
            missing="site-docs/, bin/windows/, Kafka Connect, Kafka Streams, MirrorMaker, KRaft, trogdor and the "
            "less common tools are missing; kafka-server-stop.sh has no options; the JVMs do without their "
            "second compiler.",
        ),
        "zookeeper": Layout(
            publisher="the Apache ZooKeeper project",
            jars="lib",
            config="conf",
            license="LICENSE.txt",
            notice="NOTICE.txt",
            missing="docs/, contrib/, sources, the scripts for Windows and those for looking into logs and "
            "snapshots are missing; the server's JVM does without its second compiler.",
        ),
    }
)


def lay_out(recipe: JarsRecipe, tree: Path) -> None:
    """Fill ``tree``, the archive's top folder, from Maven Central and from this package."""
    layout = LAYOUTS[recipe.kind]
    maven.copy_jars(recipe.coordinates, tree / layout.jars)
    for name in recipe.jars_at_top:
        (tree / layout.jars / name).rename(tree / name)
    for path, text in texts(recipe).items():
        file = tree / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(0o755 if file.suffix == ".sh" else 0o644)


def texts(recipe: JarsRecipe) -> dict[str, str]:
    """Every file of the archive that is not a jar: its path below the top folder, and its text."""
    layout = LAYOUTS[recipe.kind]
    files = {f"bin/{name}": text for name, text in _launchers(recipe)}
    for source in sorted((PACKAGE / "config" / recipe.kind).iterdir()):
        if source.name not in recipe.leave_out:
            files[f"{layout.config}/{source.name}"] = fill_in(source.read_text(encoding="utf-8"), recipe.words)
    for path in recipe.unterminated:
        files[path] = files[path].rstrip("\n")
    files[layout.license] = (
        "The jars are licensed as the LICENSE files inside them say, most of them under the Apache License,\n"
        "Version 2.0, as are the other files of this archive.\n"
    )
    files[layout.notice] = "The jars carry their own NOTICE files, under META-INF.\n"
    files[stand_in.NAME] = stand_in.note(
        recipe.archive,
        layout.publisher,
        origin=(*recipe.coordinates, "and what they depend on, unchanged, from Maven Central."),
        ours=f"{', '.join(sorted(files))} and this file; all the jars are the publishers'.",
        differs=layout.missing,
    )
    return files


def _launchers(recipe: JarsRecipe) -> Iterator[tuple[str, str]]:
    folder = PACKAGE / "launchers" / recipe.kind
    for source in sorted(folder.glob("*.sh")):
        if source.name not in {TOOL, HEAVY_TOOL}:
            yield source.name, fill_in(source.read_text(encoding="utf-8"), recipe.words)
    for template, tools in ((TOOL, recipe.tools), (HEAVY_TOOL, recipe.heavy_tools)):
        for name, java_class in tools.items():
            yield name, fill_in((folder / template).read_text(encoding="utf-8"), {"CLASS": java_class})
