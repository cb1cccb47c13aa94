"""kprov render."""

from __future__ import annotations

from pathlib import Path

import click

from kprov.cli.options import command, config_option, host_argument, json_option, spec_options
from kprov.operations.render import render as operation
from kprov.operations.request import one_host
from kprov.spec.load import Flag


@click.command()
@host_argument
@config_option
@spec_options
@json_option
@click.option("--to", type=click.Path(path_type=Path), metavar="DIR", default=Path("rendered"), show_default=True)
def render(host: str | None, config: Path | None, flags: list[Flag], as_json: bool, to: Path) -> None:
    """Write every file that install would put on HOST into a local folder; no host is contacted.

    \b
    Examples:
      kprov render 192.168.78.141
      kprov render 192.168.78.141 --zookeeper bundled --to /tmp/rendered
    """
    with command("render", as_json=as_json) as output:
        cluster, node = one_host(config, host, flags)
        output.files(to, operation(cluster, node, to))
