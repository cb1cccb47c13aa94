"""kprov status."""

from __future__ import annotations

from pathlib import Path

import click

from kprov.cli.access import access_options
from kprov.cli.config_file import config_option
from kprov.cli.help import Command
from kprov.cli.options import command, hosts_argument, json_option
from kprov.errors import UsageError
from kprov.operations.cluster.status import report, watch
from kprov.operations.fleet import Whom, fleet
from kprov.operations.session import Access


@click.command(cls=Command)
@hosts_argument
@config_option
@access_options
@json_option
@click.option("--exit-code", is_flag=True, help="Exit with 6 unless everything serves.")
@click.option("--watch", "again", is_flag=True, help="Show it again every two seconds, until Ctrl-C.")
def status(
    *, hosts: tuple[str, ...], config: Path | None, access: Access, as_json: bool, exit_code: bool, again: bool
) -> None:
    """Show whether Kafka and ZooKeeper run on HOST, and drift.

    \b
    Examples:
      kprov status root@192.168.78.141
      kprov status kafka-1 --json
      kprov status kafka-1 --watch
      kprov status kafka-1 --exit-code || mail -s "Kafka" ops@example.com

    Also shown: the reason if a service does not run, versions, units, ports and restarts; of a cluster, a line
    for each node, the leader, the controller, and which partitions have replicas that are not in sync.
    """
    with command("status", as_json=as_json) as output:
        if again and (as_json or exit_code):
            option = "--json" if as_json else "--exit-code"
            raise UsageError(f"{option} cannot be used with --watch", where="--watch", hint="leave out one of the two")
        with fleet(Whom(access, config, hosts), output.journal, tolerant=True) as found:
            if again:
                shown = watch(found, output.show_again)
            else:
                with output.progress():
                    shown = report(found, exit_code=exit_code)
        output.finish(shown)
