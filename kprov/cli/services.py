"""kprov start, stop, restart and status."""

from __future__ import annotations

from pathlib import Path

import click

from kprov.cli.access import access_options
from kprov.cli.options import (
    accept_data_option,
    bare_host,
    command,
    config_option,
    host_argument,
    json_option,
    ready_option,
)
from kprov.operations.services import change_services
from kprov.operations.session import Access
from kprov.operations.status import report as status_report


def _verb(name: str, text: str) -> click.Command:
    @click.command(name, help=text)
    @host_argument
    @config_option
    @access_options
    @json_option
    def run(
        *,
        host: str | None,
        config: Path | None,
        access: Access,
        as_json: bool,
        ready: int | None = None,
        accepted: tuple[str, ...] = (),
    ) -> None:
        with command(name, as_json=as_json) as output:
            login = access.login(bare_host(host, config))
            with access.connect(login, output.journal) as connection, output.changing() as emit:
                report = change_services(connection, name, emit, output.record, ready=ready, accepted=accepted)
            output.finish(report)

    return run if name == "stop" else accept_data_option(ready_option(run))


start = _verb("start", "Start ZooKeeper and Kafka on HOST; wait until ready.\n\nExample: kprov start kafka-1")
stop = _verb("stop", "Stop Kafka, then ZooKeeper, on HOST.\n\nExample: kprov stop kafka-1")
restart = _verb(
    "restart",
    "Restart ZooKeeper and Kafka on HOST; wait until ready.\n\nExample: kprov restart kafka-1",
)


@click.command()
@host_argument
@config_option
@access_options
@json_option
def status(host: str | None, config: Path | None, access: Access, as_json: bool) -> None:
    """Show whether Kafka and ZooKeeper run on HOST, and drift.

    \b
    Examples:
      kprov status root@192.168.78.141
      kprov status kafka-1 --json

    Also shown: the reason if a service does not run, versions, units, ports and restarts.
    """
    with command("status", as_json=as_json) as output:
        login = access.login(bare_host(host, config))
        with access.connect(login, output.journal) as connection, output.progress():
            report = status_report(connection)
        output.finish(report)
