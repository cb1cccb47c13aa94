"""kprov uninstall."""

from __future__ import annotations

from pathlib import Path

import click

from kprov.cli.options import (
    access_options,
    bare_host,
    command,
    config_option,
    confirm,
    host_argument,
    json_option,
    junit_option,
    yes_option,
)
from kprov.errors import PreflightError, Problem, StepError
from kprov.operations.session import Access
from kprov.operations.uninstall import apply_uninstall, plan_uninstall
from kprov.ui.output import counted


@click.command()
@host_argument
@config_option
@access_options
@yes_option
@json_option
@junit_option
@click.option(
    "--purge",
    is_flag=True,
    help="Also remove the data: all messages are lost. With --force, also copies of edited files.",
)
@click.option("--force", is_flag=True, help="Also remove files that were edited; a copy stays unless --purge is given.")
def uninstall(
    *,
    host: str | None,
    config: Path | None,
    access: Access,
    yes: bool,
    as_json: bool,
    junit: Path | None,
    purge: bool,
    force: bool,
) -> None:
    """Remove everything that install created on HOST.

    The data stay unless you give --purge. Copies of edited files (NAME.edited-TIME) stay as well, unless you give both
    --purge and --force.

    \b
    Examples:
      kprov uninstall root@192.168.78.141
      kprov uninstall kafka-1 --purge --yes
    """
    with command("uninstall", as_json=as_json, junit=junit) as output:
        login = access.login(bare_host(host, config))
        with access.connect(login, output.journal) as connection:
            plan = plan_uninstall(connection, purge=purge, force=force)
            if plan.obstacles:
                raise PreflightError([Problem(item.what, login.name, hint=item.hint) for item in plan.obstacles])
            output.plan(plan, diffs=False)
            if not plan.empty:
                question = f"Make these {counted(len(plan.changes), 'change')} on {login.name}"
                lost = f", and lose for good: {', '.join(plan.lost)}" if plan.lost else ""
                confirm(f"{question}{lost}?", yes=yes)
            with output.changing() as emit:
                result = apply_uninstall(connection, plan, emit)
        output.uninstalled(result)
        if result.leftovers:
            raise StepError(
                f"{counted(len(result.leftovers), 'thing')} left over",
                where=login.name,
                cause="\n".join(result.leftovers),
                hint="others put something into them: look, then remove them by hand",
            )
