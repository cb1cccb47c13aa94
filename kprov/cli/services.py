"""kprov start, stop, restart and status."""

from __future__ import annotations

from pathlib import Path

import click

from kprov.cli.access import access_options
from kprov.cli.config_file import config_option
from kprov.cli.help import Command
from kprov.cli.options import (
    accept_data_option,
    command,
    downtime_option,
    hosts_argument,
    in_sync_option,
    json_option,
    only_option,
    ready_option,
)
from kprov.errors import UsageError
from kprov.operations.cluster.services import change_services
from kprov.operations.cluster.status import report as status_report
from kprov.operations.cluster.status import watch as watch_status
from kprov.operations.fleet import Whom, fleet, is_installed
from kprov.operations.services import ServicesAsked
from kprov.operations.session import Access


def _verb(name: str, text: str) -> click.Command:
    @click.command(name, cls=Command, help=text)
    @hosts_argument
    @config_option
    @access_options
    @only_option
    @json_option
    def run(
        *,
        hosts: tuple[str, ...],
        config: Path | None,
        access: Access,
        only: tuple[str, ...],
        as_json: bool,
        ready: int | None = None,
        accepted: tuple[str, ...] = (),
        in_sync: int | None = None,
        downtime: bool = False,
    ) -> None:
        with command(name, as_json=as_json) as output:
            whom = Whom(access, config, hosts, only)
            # Whether a broker may stop is asked of all hosts; what does not run is started wherever that is possible.
            tolerant = name == "start"
            with (
                fleet(whom, output.journal, tolerant=tolerant, needs=is_installed) as found,
                output.changing(found.count) as emit,
            ):
                asked = ServicesAsked(name, accepted, ready, in_sync, downtime=downtime)
                report = change_services(found, asked, emit, output.record)
            output.finish(found.completed(report))

    if name != "stop":
        run = accept_data_option(ready_option(run))
    return run if name == "start" else in_sync_option(downtime_option(run))


start = _verb("start", "Start ZooKeeper and Kafka on HOST; wait until ready.\n\nExample: kprov start kafka-1")
stop = _verb("stop", "Stop Kafka, then ZooKeeper, on HOST.\n\nExample: kprov stop kafka-1")
restart = _verb(
    "restart",
    "Restart ZooKeeper and Kafka on HOST; wait until ready.\n\nExample: kprov restart kafka-1",
)


@click.command(cls=Command)
@hosts_argument
@config_option
@access_options
@json_option
@click.option("--exit-code", is_flag=True, help="Exit with 6 unless everything serves.")
@click.option("--watch", is_flag=True, help="Show it again every two seconds, until Ctrl-C.")
def status(
    *, hosts: tuple[str, ...], config: Path | None, access: Access, as_json: bool, exit_code: bool, watch: bool
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
        if watch and (as_json or exit_code):
            option = "--json" if as_json else "--exit-code"
            raise UsageError(f"{option} cannot be used with --watch", where="--watch", hint="leave out one of the two")
        with fleet(Whom(access, config, hosts), output.journal, tolerant=True) as found:
            if watch:
                report = watch_status(found, output.show_again)
            else:
                with output.progress():
                    report = status_report(found, exit_code=exit_code)
        output.finish(report)
