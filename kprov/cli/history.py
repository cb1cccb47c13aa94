"""kprov history."""

from __future__ import annotations

import click

from kprov.cli.access import access_options
from kprov.cli.group import Group
from kprov.cli.options import command, json_option, only_option
from kprov.errors import UsageError
from kprov.operations import history as operation
from kprov.operations.fleet import Whom, fleet
from kprov.operations.session import Access


@click.group(cls=Group, invoke_without_command=True)
@click.option("--host", metavar="HOST", help="List the runs that this host and its cluster recorded.")
@click.option(
    "-n", "--number", type=click.IntRange(1), default=20, show_default=True, help="Show this many of the newest runs."
)
@access_options
@only_option
@json_option
@click.pass_context
def history(
    ctx: click.Context, *, host: str | None, number: int, access: Access, only: tuple[str, ...], as_json: bool
) -> None:
    """List the runs that changed hosts, and how each ended.

    \b
    Examples:
      kprov history
      kprov history -n 5 --json
      kprov history --host root@192.168.78.141      the runs that the host recorded
      kprov history show 20261124-181500-ab12       the details of one run

    The list includes runs that failed before they changed anything. Times are UTC. This machine keeps the newest 200
    runs; a host records the runs that took its lock. For a host of a cluster, the runs of all its hosts are listed.
    """
    if ctx.invoked_subcommand is not None:
        return
    with command("history", as_json=as_json) as output:
        if host is None:
            if only:
                raise UsageError("--only needs --host", where="--only", hint="name a host of the cluster: --host HOST")
            output.finish(operation.local_history(number))
            return
        with fleet(Whom(access, None, (host,), only), output.journal, tolerant=True) as found:
            report = operation.hosts_history(found, number)
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
