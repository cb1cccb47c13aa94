"""kprov start, stop and restart."""

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
from kprov.operations.cluster.services import change_services
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
