"""kprov logs."""

from __future__ import annotations

from pathlib import Path

import click

from kprov.cli.access import access_options
from kprov.cli.config_file import config_option
from kprov.cli.help import Command
from kprov.cli.options import command, hosts_argument, json_option, only_option
from kprov.errors import UsageError
from kprov.logs import since_argument
from kprov.operations import logs as operation
from kprov.operations.fleet import Whom, fleet, is_installed
from kprov.operations.session import Access

_LINES, _FOLLOWED_LINES = 10, 3


@click.command(cls=Command)
@hosts_argument
@config_option
@access_options
@only_option
@json_option
@click.option("-f", "--follow", is_flag=True, help="Show lines as they are written, until Ctrl-C.")
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(0, 100_000),
    metavar="LINES",
    help=f"Number of lines from each log.  [{_LINES}, with --follow {_FOLLOWED_LINES}]",
)
@click.option("--unit", type=click.Choice(["kafka", "zookeeper"]), help="Read only this service's logs.")
@click.option("--since", metavar="TIME", help="Skip older lines: 10m, 2h, 18:30, 2026-11-24T18:30 by HOST's clock.")
def logs(
    *,
    hosts: tuple[str, ...],
    config: Path | None,
    access: Access,
    only: tuple[str, ...],
    as_json: bool,
    follow: bool,
    lines: int | None,
    unit: str | None,
    since: str | None,
) -> None:
    """Show the problems found in HOST's logs.

    \b
    Examples:
      kprov logs root@192.168.78.141
      kprov logs kafka-1 --unit kafka --since 10m -n 50
      kprov logs kafka-1 --follow

    The last lines of each log come first, then the problems, the newest last. kprov reads the journal of both
    services and the log files of Kafka and ZooKeeper, the last 2000 lines of each.
    """
    with command("logs", as_json=as_json) as output:
        if follow and (as_json or since):
            option = "--json" if as_json else "--since"
            raise UsageError(
                f"{option} cannot be used with --follow", where="--follow", hint="leave out one of the two"
            )
        start = since_argument(since) if since else ""
        name = f"{unit}.service" if unit else None
        with fleet(Whom(access, config, hosts, only), output.journal, tolerant=True, needs=is_installed) as found:
            if follow:
                count = _FOLLOWED_LINES if lines is None else lines
                connection = operation.one_to_follow(found)
                report = operation.follow(connection, unit=name, lines=count, show=output.show_item)
            else:
                count = _LINES if lines is None else lines
                report = operation.report(found, unit=name, lines=count, since=start)
        output.finish(found.completed(report))
