"""The kprov command: puts the commands together, and turns errors into messages and exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NoReturn

import click
from click.shell_completion import CompletionItem

from kprov import __version__
from kprov.cli.group import Group
from kprov.cli.streams import guard_standard_streams
from kprov.errors import ExitCode, KprovError, UsageError

# Where each command is, and its summary for the list of commands. A command is imported when somebody runs it, so that
# a short command and `kprov --help` start fast.
_COMMANDS: Mapping[str, tuple[str, str]] = {
    "install": ("kprov.cli.install:install", "Install Kafka, ZooKeeper and Java on HOST and test them."),
    "plan": ("kprov.cli.install:plan", "Show what install or upgrade would change on HOST."),
    "upgrade": ("kprov.cli.install:upgrade", "Move HOST to other releases of Kafka, ZooKeeper or Java."),
    "check": ("kprov.cli.check:check", "Check whether HOST meets the requirements."),
    "smoke-test": ("kprov.cli.smoke_test:smoke_test", "Produce and consume five messages on HOST."),
    "verify": ("kprov.cli.verify:verify", "Compare HOST with its receipt, using the testinfra suite."),
    "status": ("kprov.cli.status:status", "Show whether Kafka and ZooKeeper run on HOST, and drift."),
    "start": ("kprov.cli.services:start", "Start ZooKeeper and Kafka on HOST; wait until ready."),
    "stop": ("kprov.cli.services:stop", "Stop Kafka, then ZooKeeper, on HOST."),
    "restart": ("kprov.cli.services:restart", "Restart ZooKeeper and Kafka on HOST; wait until ready."),
    "logs": ("kprov.cli.logs:logs", "Show the problems found in HOST's logs."),
    "history": ("kprov.cli.history:history", "List the runs that changed hosts, and how each ended."),
    "uninstall": ("kprov.cli.uninstall:uninstall", "Remove everything that install created on HOST."),
    "render": ("kprov.cli.render:render", "Write the files that install would create to a directory."),
    "init": ("kprov.cli.init:init", "Write a commented settings file for HOST."),
    "fetch": ("kprov.cli.fetch:fetch", "Download and verify the archives of a release."),
    "completion": ("kprov.cli.completion:completion", "Print the script that makes a shell complete kprov."),
    "lab": ("kprov.cli.lab:lab", "Create throwaway hosts on this machine to try kprov on."),
}


class _Commands(Group):
    """Lists and imports the commands of the table, in its order."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name][0].partition(":")
        found = getattr(import_module(module), name)
        return found if isinstance(found, click.Command) else None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The commands of the table; click would import every command for its help."""
        named = [
            CompletionItem(name, help=text) for name, (_, text) in _COMMANDS.items() if name.startswith(incomplete)
        ]
        return [*named, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, from the table: click would import every command for it."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in _COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. click takes every EPIPE for a closed standard output, and exits with 1 without a message."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:  # of a socket or a program: standard output has its own error
            raise RuntimeError("a pipe or a socket was closed") from error


def _show_version(context: click.Context, option: click.Parameter, value: bool) -> None:
    """The first line is for people, the others help whoever reads a bug report."""
    if not value:
        return
    import platform  # noqa: PLC0415 (only when it is needed)
    from importlib.metadata import version  # noqa: PLC0415

    from kprov.releases import catalogue  # noqa: PLC0415
    from kprov.releases.product import Product  # noqa: PLC0415

    click.echo(f"kprov {__version__}")
    made_of = (f"{name} {version(name)}" for name in ("fabric", "paramiko", "jinja2", "click"))
    click.echo(f"Python {platform.python_version()}, {', '.join(made_of)}")
    oldest, *_, newest = catalogue.known_versions(Product.KAFKA)
    click.echo(f"installs Kafka {oldest} to {newest}")
    context.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the versions of kprov and of what it is made of, and exit.",
)
def cli() -> None:
    """Provision Apache Kafka with ZooKeeper and a JDK over plain SSH.

    \b
    Examples:
      kprov install root@192.168.78.141      from an empty host to a tested broker
      kprov smoke-test root@192.168.78.141   create, produce, consume, delete
      kprov uninstall root@192.168.78.141    remove everything

    The host needs only sshd, /bin/sh, the core utilities, tar, gzip and systemd.
    """


def run() -> NoReturn:
    """Run the command line and end the process with its exit code.

    The process ends without the interpreter's own clearing up: that takes a quarter of a second for all the modules,
    and every file and connection is closed by whoever opened it.
    """
    guard_standard_streams()
    code = main(sys.argv[1:])
    try:
        sys.stdout.flush()
    except KprovError as error:
        code = code or error.code
    sys.stderr.flush()
    os._exit(code)


def _explained(error: click.ClickException, arguments: list[str]) -> UsageError:
    """What click found wrong with the command line, said as kprov says everything else."""
    what = error.format_message().rstrip(".")
    if what[:2].istitle():  # not the name of an option or a variable
        what = what[0].lower() + what[1:]
    context = error.ctx if isinstance(error, click.UsageError) else None
    named = "kprov " + arguments[0] if arguments and arguments[0] in _COMMANDS else "kprov"
    command = context.command_path if context is not None else named
    return UsageError(what, hint=f"see what it takes: {command} --help")


def main(arguments: list[str]) -> int:
    """Run the command line; the exit code as documented in docs/exit-codes.md."""
    try:
        return int(cli.main(arguments, prog_name="kprov", standalone_mode=False, obj=tuple(arguments)) or ExitCode.DONE)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        from kprov.ui.output import Output, show_error  # noqa: PLC0415 (only when it is needed)

        said = _explained(error, arguments)
        if "--json" not in arguments:
            show_error(said)
            return ExitCode.USAGE
        output = Output(arguments[0], as_json=True)
        output.failed(said)
        output.close(ExitCode.USAGE)
        return ExitCode.USAGE
    except KprovError as error:
        from kprov.ui.output import show_error  # noqa: PLC0415 (only when it is needed)

        show_error(error)
        return error.code
    except (KeyboardInterrupt, click.Abort):
        click.echo("error: interrupted", err=True)
        return ExitCode.INTERRUPTED
    except Exception:  # everything that gets here is a bug
        from kprov.cli.bug import told  # noqa: PLC0415 (only when it is needed)

        click.echo(told(arguments), err=True)
        return ExitCode.BUG
