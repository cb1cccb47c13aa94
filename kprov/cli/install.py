"""kprov install, upgrade and plan."""

from __future__ import annotations

from pathlib import Path

import click

from kprov.cli.access import access_options
from kprov.cli.config_file import config_option
from kprov.cli.help import Command
from kprov.cli.options import (
    accept_data_option,
    adopt_option,
    archives_option,
    command,
    downtime_option,
    hosts_argument,
    ignore_option,
    in_sync_option,
    json_option,
    junit_option,
    ready_option,
    spec_options,
    yes_option,
)
from kprov.operations import install as operation
from kprov.operations.request import Request
from kprov.operations.session import Access
from kprov.spec.load import Flag

_NO_SMOKE_TEST = click.option("--no-smoke-test", is_flag=True, help="Skip the smoke test at the end.")


@click.command(cls=Command)
@hosts_argument
@config_option
@spec_options
@archives_option
@adopt_option
@access_options
@accept_data_option
@ignore_option
@yes_option
@json_option
@junit_option
@_NO_SMOKE_TEST
@ready_option
@in_sync_option
@downtime_option
def install(
    *,
    hosts: tuple[str, ...],
    config: Path | None,
    flags: list[Flag],
    archives: Path | None,
    adopt: bool,
    access: Access,
    accepted: tuple[str, ...],
    ignored: tuple[str, ...],
    yes: bool,
    as_json: bool,
    junit: Path | None,
    no_smoke_test: bool,
    ready: int | None,
    in_sync: int | None,
    downtime: bool,
) -> None:
    """Install Kafka, ZooKeeper and Java on HOST and test them.

    \b
    Examples:
      kprov install root@192.168.78.141
      kprov install kafka-1 kafka-2 kafka-3
      kprov install kafka-1 --zookeeper bundled --java temurin-11
      kprov install kafka-1 --kafka-version 3.9.2 --set num.partitions=3 --yes
      kprov install --config kprov.yaml --archives ./archives

    HOST is what ssh takes: [user@]name[:port] or an alias from ssh_config. The user is root or has sudo. Several
    HOSTs are one cluster. kprov prints the plan and asks before it changes anything. Options that you leave out keep
    the values that they had on these hosts; with --config the file replaces all of them. With other versions it does
    what upgrade does; upgrade refuses hosts on which nothing is installed.
    """
    request = Request(
        config,
        hosts,
        tuple(flags),
        access,
        archives,
        adopt,
        ignored,
        accepted,
        ready=ready,
        in_sync=in_sync,
        downtime=downtime,
    )
    _run("install", request, yes=yes, as_json=as_json, junit=junit, smoke_test=not no_smoke_test)


@click.command(cls=Command)
@hosts_argument
@config_option
@spec_options
@archives_option
@access_options
@accept_data_option
@ignore_option
@yes_option
@json_option
@junit_option
@_NO_SMOKE_TEST
@ready_option
@in_sync_option
@downtime_option
@click.option("--finish", is_flag=True, help="Switch to the new release's protocol; this cannot be undone.")
def upgrade(
    *,
    hosts: tuple[str, ...],
    config: Path | None,
    flags: list[Flag],
    archives: Path | None,
    access: Access,
    accepted: tuple[str, ...],
    ignored: tuple[str, ...],
    yes: bool,
    as_json: bool,
    junit: Path | None,
    no_smoke_test: bool,
    ready: int | None,
    in_sync: int | None,
    downtime: bool,
    finish: bool,
) -> None:
    """Move HOST to other releases of Kafka, ZooKeeper or Java.

    \b
    Examples:
      kprov upgrade kafka-1 --kafka-version 1.1.1
      kprov upgrade kafka-1 --kafka-version 3.9.2 --zookeeper-version 3.8.6 --archives ./archives
      kprov upgrade kafka-1 --kafka-version 1.0.0       back, possible until --finish
      kprov upgrade kafka-1 --finish                    the last step; cannot be undone

    The new release is unpacked beside the old one, links are switched, and each affected service restarts once. The
    data stay. The broker keeps speaking the previous release's protocol until --finish, which shows both protocols
    and asks. A release that does not become ready is rolled back, and the exit code is 6.
    """
    request = Request(
        config,
        hosts,
        tuple(flags),
        access,
        archives,
        ignored=ignored,
        accepted=accepted,
        finish=finish,
        ready=ready,
        in_sync=in_sync,
        downtime=downtime,
    )
    _run("upgrade", request, yes=yes, as_json=as_json, junit=junit, smoke_test=not no_smoke_test)


def _run(name: str, request: Request, *, yes: bool, as_json: bool, junit: Path | None, smoke_test: bool) -> None:
    """Run install or upgrade; they differ only in their texts and options."""
    with command(name, as_json=as_json, junit=junit, yes=yes) as output:
        output.finish(operation.install(request, output, command=name, smoke_test=smoke_test))


@click.command(cls=Command)
@hosts_argument
@config_option
@spec_options
@archives_option
@adopt_option
@access_options
@accept_data_option
@ignore_option
@json_option
@junit_option
@click.option("--exit-code", is_flag=True, help="Exit with 10 if there are changes.")
@click.option("--finish", is_flag=True, help="Show what upgrade --finish would change.")
def plan(
    *,
    hosts: tuple[str, ...],
    config: Path | None,
    flags: list[Flag],
    archives: Path | None,
    adopt: bool,
    access: Access,
    accepted: tuple[str, ...],
    ignored: tuple[str, ...],
    as_json: bool,
    junit: Path | None,
    exit_code: bool,
    finish: bool,
) -> None:
    """Show what install or upgrade would change on HOST.

    \b
    Examples:
      kprov plan root@192.168.78.141
      kprov plan kafka-1 --set num.partitions=3
      kprov plan kafka-1 --kafka-version 1.1.1 --exit-code
      kprov plan kafka-1 --finish

    Nothing is changed.
    """
    with command("plan", as_json=as_json, junit=junit) as output:
        request = Request(config, hosts, tuple(flags), access, archives, adopt, ignored, accepted, finish=finish)
        output.finish(operation.plan(request, output, exit_code=exit_code))
