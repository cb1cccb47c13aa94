"""kprov history."""

from __future__ import annotations

import click

from kprov.cli.access import access_options
from kprov.cli.group import Group
from kprov.cli.options import command, json_option
from kprov.operations import history as operation
from kprov.operations.fleet import Whom
from kprov.operations.session import Access


@click.group(cls=Group, invoke_without_command=True)
@click.option("--host", metavar="HOST", help="List the runs that this host recorded, from any machine.")
@click.option(
    "-n", "--number", type=click.IntRange(1), default=20, show_default=True, help="Show this many of the newest runs."
)
@access_options
@json_option
@click.pass_context
def history(ctx: click.Context, host: str | None, number: int, access: Access, as_json: bool) -> None:
    """List the runs that changed hosts, and how each ended.

    \b
    Examples:
      kprov history
      kprov history -n 5 --json
      kprov history --host root@192.168.78.141      the runs that the host recorded
      kprov history show 20261124-181500-ab12       the details of one run

    The list includes runs that failed before they changed anything. Times are UTC. This machine keeps the newest 200
    runs; a host records the runs that took its lock.
    """
    if ctx.invoked_subcommand is not None:
        return
    with command("history", as_json=as_json) as output:
        if host is None:
            output.finish(operation.local_history(number))
            return
        (login,) = Whom(access, None, (host,)).logins()
        with access.connect(login, output.journal) as connection:
            report = operation.host_history(connection, number)
        output.finish(report)


@history.command()
@click.argument("run_id", metavar="ID")
@json_option
def show(run_id: str, as_json: bool) -> None:
    """Print the journal of a run.

    \b
    Examples:
      kprov history show 20261124-181500-ab12
      kprov history show 20261124-18

    The beginning of an ID is enough, as long as it is unique.
    """
    with command("history show", as_json=as_json) as output:
        output.finish(operation.show_run(run_id))
