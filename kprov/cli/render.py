"""kprov render."""

from __future__ import annotations

from pathlib import Path

import click

from kprov.cli.config_file import config_option
from kprov.cli.help import Command
from kprov.cli.options import command, hosts_argument, json_option, spec_options
from kprov.operations import render as operation
from kprov.spec.load import Flag


@click.command(cls=Command)
@hosts_argument
@config_option
@spec_options
@json_option
@click.option(
    "--to",
    type=click.Path(path_type=Path),
    metavar="DIR",
    default=Path("rendered"),
    show_default=True,
    help="Write below this directory.",
)
def render(hosts: tuple[str, ...], config: Path | None, flags: list[Flag], as_json: bool, to: Path) -> None:
    """Write the files that install would create to a directory.

    \b
    Examples:
      kprov render 192.168.78.141
      kprov render 192.168.78.141 --zookeeper bundled --to /tmp/rendered
      kprov render kafka-1 kafka-2 kafka-3

    Several hosts are one cluster; each gets a directory of its own below DIR.

    No host is contacted, so options are checked against the versions that you give, or the default ones; plan
    checks them against the versions on each HOST.
    """
    with command("render", as_json=as_json) as output:
        output.finish(operation.render(config, hosts, flags, to))
