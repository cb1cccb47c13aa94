"""kprov render."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import click

from kprov.cli.options import command, config_option, host_argument, json_option, spec_options
from kprov.errors import UsageError
from kprov.operations.one_host import one_host
from kprov.operations.render import render as operation
from kprov.spec.load import Flag

_NO_HOST = "render reads no host: give the version with --kafka-version"


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

    Options are judged against the versions that you give, or the default ones: render does not know what runs on HOST,
    while plan reads it there.
    """
    with command("render", as_json=as_json) as output:
        try:
            cluster, node = one_host(config, host, flags)
        except UsageError as error:
            raise _explained(error) from None
        output.files(to, operation(cluster, node, to))


def _explained(error: UsageError) -> UsageError:
    """The same problems, saying where the version comes from that a key was judged against."""
    return UsageError(
        [
            replace(item, hint=f"{item.hint}; {_NO_HOST}") if re.match(r"Kafka [0-9]", item.what) else item
            for item in error.problems
        ]
    )
