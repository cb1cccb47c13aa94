"""kprov verify."""

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
)
from kprov.operations import verify as operation
from kprov.operations.fleet import Whom, fleet, is_installed
from kprov.operations.session import Access


@click.command(cls=Command)
@hosts_argument
@config_option
@access_options
@only_option
@json_option
@junit_option
@click.option("--no-clients", is_flag=True, help="Skip the tests that produce and consume; they take seconds.")
def verify(
    *,
    hosts: tuple[str, ...],
    config: Path | None,
    access: Access,
    only: tuple[str, ...],
    as_json: bool,
    junit: Path | None,
    no_clients: bool,
) -> None:
    """Compare HOST with its receipt, using the testinfra suite.

    \b
    Examples:
      kprov verify root@192.168.78.141
      kprov verify kafka-1 --junit verify.xml

    The suite tests files, users, units, ports, properties and topics. It also runs under pytest:

    pytest --pyargs kprov.verify --hosts=ssh://kafka-1
    """
    with command("verify", as_json=as_json, junit=junit) as output:
        operation.require_suite()
        whom = Whom(access, config, hosts, only)
        with (
            fleet(whom, output.journal, tolerant=True, needs=is_installed) as found,
            output.changing(found.count) as emit,
        ):
            report = operation.verify(found, emit, clients=not no_clients)
        output.finish(found.completed(report))
