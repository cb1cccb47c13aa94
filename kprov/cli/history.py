"""kprov history."""

from __future__ import annotations

import dataclasses

import click

from kprov.cli.group import Group
from kprov.cli.options import access_options, bare_host, command, json_option
from kprov.history import Run, find, runs
from kprov.operations.history import host_history
from kprov.operations.session import Access
from kprov.ui.history import journal_lines, list_lines


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
            found, empty = runs(), "no run has been journalled on this machine"
        else:
            login = access.login(bare_host(host, None))
            with access.connect(login, output.journal) as connection:
                found, empty = host_history(connection), f"{login.name}: no run has been noted there"
        shown = found[:number]
        output.add("runs", [_document(run) for run in shown], list_lines(shown) if found else [empty])


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
        run, records = find(run_id)
        output.add("run", {**_document(run), "records": list(records)}, journal_lines(run, records))


def _document(run: Run) -> dict[str, object]:
    return {**dataclasses.asdict(run), "outcome": run.outcome}
