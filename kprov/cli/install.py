"""kprov install and kprov plan."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from kprov.cli.options import (
    access_options,
    command,
    config_option,
    confirm,
    host_argument,
    json_option,
    one_host,
    spec_options,
    yes_option,
)
from kprov.errors import ExitCode, NotReadyError
from kprov.operations import install as operation
from kprov.operations.prove import prove_install
from kprov.operations.session import Access
from kprov.spec.load import Flag
from kprov.ui import progress
from kprov.ui.output import counted

_ARCHIVES = click.option(
    "--archives",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Look for the archives here first, by their upstream names.",
)


@click.command()
@host_argument
@config_option
@spec_options
@_ARCHIVES
@access_options
@yes_option
@json_option
@click.option("--no-smoke-test", is_flag=True, help="Leave out the smoke test at the end.")
def install(
    *,
    host: str | None,
    config: Path | None,
    flags: list[Flag],
    archives: Path | None,
    access: Access,
    yes: bool,
    as_json: bool,
    no_smoke_test: bool,
) -> None:
    """Install Kafka, ZooKeeper and Java on HOST, start them and prove that clients are served.

    \b
    Examples:
      kprov install root@192.168.78.141
      kprov install kafka-1 --zookeeper bundled --java temurin-11
      kprov install kafka-1 --kafka-version 3.9.2 --set num.partitions=3 --yes
      kprov install --config kprov.yaml --archives ./archives

    HOST is what ssh takes: [user@]name[:port] or an alias of ssh_config; the user is root or has sudo without
    a password. The plan is printed and asked for before anything is changed.
    """
    with command("install", as_json=as_json) as output:
        cluster, node, login = access.reach(*one_host(config, host, flags))
        with progress() as emit:
            releases = operation.find_releases(cluster, archives, emit)
        with access.connect(login) as connection:
            with progress() as emit:
                prepared = operation.prepare(connection, cluster, node, releases, emit)
            output.plan(prepared.plan, diffs=True)
            plan = prepared.plan
            if plan.empty and (no_smoke_test or plan.before.state == "done"):
                return
            if plan.changes:
                confirm(f"Make these {counted(len(plan.changes), 'change')} on {login.name}?", yes=yes)
            with progress() as emit:
                if not plan.empty:
                    operation.carry_out(connection, prepared, emit)
                # What a run before this one has made and not proven is proven now.
                result = None if no_smoke_test else prove_install(connection, prepared.runtime, plan.after, emit)
        if result is not None:
            output.smoke(result)
            if not result.passed:
                raise NotReadyError("the smoke test failed", where=login.name, hint="the failed step above says why")
        output.next_command(shlex.join(["kprov", "status", host or login.name, *access.arguments]))


@click.command()
@host_argument
@config_option
@spec_options
@_ARCHIVES
@access_options
@json_option
@click.option("--exit-code", is_flag=True, help="End with 10 if there are changes.")
def plan(
    *,
    host: str | None,
    config: Path | None,
    flags: list[Flag],
    archives: Path | None,
    access: Access,
    as_json: bool,
    exit_code: bool,
) -> None:
    """Show what install would change on HOST, and change nothing.

    \b
    Examples:
      kprov plan root@192.168.78.141
      kprov plan kafka-1 --set num.partitions=3
    """
    with command("plan", as_json=as_json) as output:
        cluster, node, login = access.reach(*one_host(config, host, flags))
        with progress() as emit:
            releases = operation.find_releases(cluster, archives, emit)
            with access.connect(login) as connection:
                prepared = operation.prepare(connection, cluster, node, releases, emit)
        output.plan(prepared.plan, diffs=True)
        if exit_code and not prepared.plan.empty:
            output.code = ExitCode.CHANGES
