"""The kprov command: puts the commands together and turns what goes wrong into messages and exit codes."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from kprov import __version__
from kprov.cli.group import Group
from kprov.cli.streams import guard_standard_streams
from kprov.errors import ExitCode, KprovError, UsageError

# Where each command is; it is imported when it is asked for, so that a short command starts fast.
_COMMANDS: Mapping[str, str] = {
    "install": "kprov.cli.install:install",
    "plan": "kprov.cli.install:plan",
    "upgrade": "kprov.cli.install:upgrade",
    "check": "kprov.cli.check:check",
    "smoke-test": "kprov.cli.smoke_test:smoke_test",
    "verify": "kprov.cli.verify:verify",
    "status": "kprov.cli.services:status",
    "start": "kprov.cli.services:start",
    "stop": "kprov.cli.services:stop",
    "restart": "kprov.cli.services:restart",
    "logs": "kprov.cli.logs:logs",
    "history": "kprov.cli.history:history",
    "uninstall": "kprov.cli.uninstall:uninstall",
    "render": "kprov.cli.render:render",
    "fetch": "kprov.cli.fetch:fetch",
    "lab": "kprov.cli.lab:lab",
}


class _Commands(Group):
    """Lists and imports the commands of the table, in its order."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        found = getattr(import_module(module), name)
        return found if isinstance(found, click.Command) else None

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. click takes every EPIPE for a closed standard output and ends with 1 and no word."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:  # of a socket or a program: standard output has its own error
            raise RuntimeError("a pipe or a socket was closed") from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="kprov")
def cli() -> None:
    """Provision Apache Kafka with ZooKeeper and a JDK over plain SSH.

    \b
    Examples:
      kprov install root@192.168.78.141      from an empty host to a tested broker
      kprov smoke-test root@192.168.78.141   create, produce, consume, delete
      kprov uninstall root@192.168.78.141    remove everything

    The host needs only sshd, /bin/sh, the core utilities, tar, gzip and systemd.
    """


def run() -> None:
    """Run the command line and end the process with its exit code."""
    guard_standard_streams()
    code = main(sys.argv[1:])
    try:
        sys.stdout.flush()
    except KprovError as error:
        code = code or error.code
    sys.exit(code)


def main(arguments: list[str]) -> int:
    """Run the command line; the exit code as documented in docs/exit-codes.md."""
    try:
        return int(cli.main(arguments, prog_name="kprov", standalone_mode=False, obj=tuple(arguments)) or ExitCode.DONE)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        if "--json" not in arguments:
            error.show()
            return ExitCode.USAGE
        from kprov.ui.output import Output  # noqa: PLC0415 (only when it is needed)

        output = Output(arguments[0], as_json=True)
        output.failed(UsageError(error.format_message(), hint="kprov --help shows commands and options"))
        output.close(ExitCode.USAGE)
        return ExitCode.USAGE
    except KprovError as error:
        from kprov.ui.output import show_error  # noqa: PLC0415 (only when it is needed)

        show_error(error)
        return error.code
    except (KeyboardInterrupt, click.Abort):
        click.echo("error: interrupted", err=True)
        return ExitCode.INTERRUPTED
    except Exception:  # the border: whatever gets here is a bug
        click.echo(traceback.format_exc(), err=True)
        click.echo(f"this is a bug in kprov {__version__}: please report it with the lines above", err=True)
        return ExitCode.BUG
