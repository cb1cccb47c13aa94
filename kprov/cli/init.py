"""kprov init."""

from __future__ import annotations

from pathlib import Path

import click

from kprov.cli.help import Command
from kprov.cli.options import command, hosts_argument, json_option, spec_options
from kprov.operations import init as operation
from kprov.spec.load import Flag


@click.command(cls=Command)
@hosts_argument
@spec_options
@json_option
@click.option(
    "--to",
    type=click.Path(path_type=Path),
    metavar="FILE",
    default=Path("kprov.yaml"),
    show_default=True,
    help="Write this file.",
)
def init(hosts: tuple[str, ...], flags: list[Flag], as_json: bool, to: Path) -> None:
    """Write a commented settings file for HOST.

    \b
    Examples:
      kprov init kafka-1 kafka-2 kafka-3
      kprov init root@192.168.78.141 --kafka-version 3.9.2 --zookeeper-version 3.8.6 --java temurin-17

    No host is contacted. The file has every key: those of these hosts and options are set, the others are comments
    with their defaults. Beside it kprov.schema.json is written, with which editors complete and check the keys.
    """
    with command("init", as_json=as_json) as output:
        output.finish(operation.init(hosts, flags, to))
