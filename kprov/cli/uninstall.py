"""kprov uninstall."""

from __future__ import annotations

from pathlib import Path

import click

from kprov.cli.access import access_options
from kprov.cli.config_file import config_option
from kprov.cli.help import Command
from kprov.cli.options import (
    command,
    hosts_argument,
    json_option,
    junit_option,
    only_option,
    yes_option,
)
from kprov.operations.cluster.uninstall import uninstall as remove
from kprov.operations.fleet import Whom, fleet, has_anything
from kprov.operations.session import Access


@click.command(cls=Command)
@hosts_argument
@config_option
@access_options
@yes_option
@json_option
@junit_option
@click.option(
    "--purge",
    is_flag=True,
    help="Also remove the data: all messages are lost. With --force, also copies of edited files.",
)
@click.option("--force", is_flag=True, help="Also remove files that were edited; a copy stays unless --purge is given.")
@only_option
def uninstall(
    *,
    hosts: tuple[str, ...],
    config: Path | None,
    access: Access,
    yes: bool,
    as_json: bool,
    junit: Path | None,
    purge: bool,
    force: bool,
    only: tuple[str, ...],
) -> None:
    """Remove everything that install created on HOST.

    If HOST belongs to a cluster, all its hosts are meant. The data stay unless you give --purge. Copies of edited files
    (NAME.edited-TIME) stay as well, unless you give both --purge and --force.

    \b
    Examples:
      kprov uninstall root@192.168.78.141
      kprov uninstall kafka-1 --purge --yes
    """
    with command("uninstall", as_json=as_json, junit=junit, yes=yes) as output:
        with fleet(Whom(access, config, hosts, only), output.journal, tolerant=bool(only), needs=has_anything) as found:
            report = remove(found, output, purge=purge, force=force)
        output.finish(found.completed(report))
