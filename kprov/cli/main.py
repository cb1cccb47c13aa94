"""The kprov command: puts the commands together and turns what goes wrong into messages and exit codes."""

from __future__ import annotations

import sys
import traceback

import click

from kprov import __version__
from kprov.cli.fetch import fetch
from kprov.cli.install import install, plan
from kprov.cli.lab import lab
from kprov.cli.render import render
from kprov.cli.services import restart, start, status, stop
from kprov.cli.smoke_test import smoke_test
from kprov.cli.uninstall import uninstall
from kprov.errors import ExitCode, KprovError
from kprov.ui.output import show_error


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="kprov")
def cli() -> None:
    """Provision Apache Kafka with ZooKeeper and a JDK over plain SSH.

    \b
    Examples:
      kprov install root@192.168.78.141      from an empty host to a proven broker
      kprov smoke-test root@192.168.78.141   create, produce, consume, delete
      kprov uninstall root@192.168.78.141    take it all back

    Nothing is needed on the host but sshd, /bin/sh, the core utilities, tar, gzip and systemd.
    """


for _command in (install, plan, smoke_test, status, start, stop, restart, uninstall, render, fetch, lab):
    cli.add_command(_command)


def run() -> None:
    """Run the command line and end the process with its exit code."""
    sys.exit(main(sys.argv[1:]))


def main(arguments: list[str]) -> int:
    """Run the command line; the exit code as documented in docs/exit-codes.md."""
    try:
        return int(cli.main(arguments, prog_name="kprov", standalone_mode=False) or ExitCode.DONE)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE
    except KprovError as error:
        show_error(error)
        return error.code
    except (KeyboardInterrupt, click.Abort):
        click.echo("\ninterrupted: run the same command again, it goes on from where the host is", err=True)
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return ExitCode.DONE
    except Exception:  # the border: whatever gets here is a bug
        click.echo(traceback.format_exc(), err=True)
        click.echo(f"this is a bug in kprov {__version__}: please report it with the lines above", err=True)
        return ExitCode.BUG
