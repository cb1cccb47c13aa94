"""kprov check."""

from __future__ import annotations

from pathlib import Path

import click

from kprov.cli.access import access_options
from kprov.cli.config_file import config_option
from kprov.cli.help import Command
from kprov.cli.options import (
    adopt_option,
    archives_option,
    command,
    hosts_argument,
    ignore_option,
    json_option,
    junit_option,
    spec_options,
)
from kprov.operations import check as operation
from kprov.operations.request import Request
from kprov.operations.session import Access
from kprov.spec.load import Flag


@click.command(cls=Command)
@hosts_argument
@config_option
@spec_options
@archives_option
@adopt_option
@access_options
@ignore_option
@json_option
@junit_option
def check(
    *,
    hosts: tuple[str, ...],
    config: Path | None,
    flags: list[Flag],
    archives: Path | None,
    adopt: bool,
    access: Access,
    ignored: tuple[str, ...],
    as_json: bool,
    junit: Path | None,
) -> None:
    """Check whether HOST meets the requirements.

    \b
    Examples:
      kprov check root@192.168.78.141
      kprov check kafka-1 --kafka-version 3.9.2 --java temurin-17
      kprov check kafka-1 --ignore memory

    Nothing is changed. The result of each check is passed, warning, failed or unknown, with a fix for anything that
    did not pass. The exit code is 3 if a check fails. install runs the same checks.
    """
    with command("check", as_json=as_json, junit=junit) as output:
        request = Request(config, hosts, tuple(flags), access, archives, adopt, ignored)
        output.finish(operation.check(request, output))
