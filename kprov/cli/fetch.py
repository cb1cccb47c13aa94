"""``kprov fetch``: download archives into the cache, or into a directory for a closed network."""

from __future__ import annotations

from pathlib import Path

import click
from click.core import ParameterSource

from kprov.cli.help import Command
from kprov.cli.latest import with_latest
from kprov.cli.options import command, json_option
from kprov.operations import fetch as operation
from kprov.operations.fetch import Versions
from kprov.releases import catalogue
from kprov.releases.product import Product

NO_JAVA = "none"
_INSTALL_OPTIONS = {"kafka_version", "zookeeper", "zookeeper_version", "java"}


@click.command(cls=Command)
@click.option(
    "--kafka-version",
    metavar="VERSION",
    default=catalogue.default_version(Product.KAFKA),
    show_default=True,
    help=f"latest, or one of {', '.join(catalogue.known_versions(Product.KAFKA))}.",
)
@click.option("--scala", metavar="BUILD", help="Scala build of Kafka, for instance 2.12. [the version's usual one]")
@click.option(
    "--zookeeper",
    type=click.Choice(["standalone", "bundled"]),
    default="standalone",
    show_default=True,
    help="A separate release, or the one inside Kafka's archive.",
)
@click.option(
    "--zookeeper-version",
    metavar="VERSION",
    default=catalogue.default_version(Product.ZOOKEEPER),
    show_default=True,
    help=f"Catalogued: {', '.join(catalogue.known_versions(Product.ZOOKEEPER))}.",
)
@click.option(
    "--java",
    type=click.Choice([*catalogue.known_versions(Product.JAVA), NO_JAVA]),
    default=catalogue.default_version(Product.JAVA),
    show_default=True,
    help="Java release; none if the hosts have a Java already.",
)
@click.option(
    "--arch",
    type=click.Choice(catalogue.architectures()),
    default="x86_64",
    show_default=True,
    help="Machine type of the hosts, as `uname -m` prints it.",
)
@click.option(
    "--archives",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Search this directory before the cache and the download sites.",
)
@click.option(
    "--to",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Copy the archives and their checksums to this directory.",
)
@json_option
def fetch(
    *,
    kafka_version: str,
    scala: str | None,
    zookeeper: str,
    zookeeper_version: str,
    java: str,
    arch: str,
    archives: Path | None,
    to: Path | None,
    as_json: bool,
) -> None:
    """Download and verify the archives of a release.

    \b
    Examples:
      kprov fetch                                    the default versions, into the cache
      kprov fetch --to ./archives                    a directory for a closed network
      kprov fetch --kafka-version latest             with the ZooKeeper and Java that go with it
      kprov fetch --kafka-version 3.9.2 --zookeeper bundled --java temurin-17

    In the closed network: kprov install HOST --archives ./archives
    """
    chosen = with_latest(
        {"kafka_version": kafka_version, "zookeeper": zookeeper, "zookeeper_version": zookeeper_version, "java": java},
        _given,
    )
    versions = Versions(
        chosen["kafka_version"],
        scala,
        chosen["zookeeper_version"] if zookeeper == "standalone" else None,
        None if chosen["java"] == NO_JAVA else chosen["java"],
        arch,
    )
    with command("fetch", as_json=as_json) as output:
        with output.progress() as emit:
            report = operation.fetch(versions, archives, to, emit, options=_changed_options())
        output.finish(report)


def _given(name: str) -> bool:
    """Whether an option was given; fetch has no option for some of those of install."""
    source = click.get_current_context().get_parameter_source(name)
    return source is not None and source is not ParameterSource.DEFAULT


def _changed_options() -> list[str]:
    """The options that choose releases, if they differ from the defaults: install needs them too."""
    context = click.get_current_context()
    words: list[str] = []
    for parameter in context.command.params:
        value = context.params.get(parameter.name or "")
        if parameter.name in _INSTALL_OPTIONS and value not in {parameter.default, NO_JAVA}:
            words += [parameter.opts[0], str(value)]
    return words
