"""`kprov lab`: throwaway hosts to try kprov on."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

from kprov.cli.group import Group
from kprov.cli.lab_archives import archives
from kprov.cli.options import command, json_option
from kprov.lab.lab import Lab
from kprov.lab.layout import DEFAULT_NAME, DEFAULT_SUBNET, MOST_HOSTS, parse_subnet
from kprov.operations import lab as operation

F = TypeVar("F", bound=Callable[..., Any])

_REMOTE_COMMAND = "kprov.lab.ssh"


def name_option(function: F) -> F:
    """--name NAME, of the lab."""
    return click.option("--name", default=DEFAULT_NAME, show_default=True, metavar="NAME", help="Name of the lab.")(
        function
    )


@click.group(cls=Group)
def lab() -> None:
    """Create throwaway hosts on this machine to try kprov on.

    \b
    Examples:
      kprov lab up                 one host, 192.168.78.141
      kprov lab up --hosts 3       three
      kprov lab ssh kafka-2        log in
      kprov lab down               remove them completely

    The hosts run systemd and sshd. This needs Linux, root, and Debian's packages debootstrap and systemd-container.
    """


lab.add_command(archives)


@lab.command()
@click.option(
    "--hosts", "count", type=click.IntRange(1, MOST_HOSTS), help="Number of hosts; you can add more later.  [1]"
)
@click.option("--firewalld/--no-firewalld", default=None, help="Boot hosts with a firewall that admits only ssh.")
@click.option("--subnet", metavar="NET", help=f"Network of the hosts, which get .141, .142 ...  [{DEFAULT_SUBNET}]")
@click.option("--mirror", metavar="URL", help="Debian mirror to build from.  [the one that apt uses]")
@name_option
@json_option
def up(
    *, count: int | None, firewalld: bool | None, subnet: str | None, mirror: str | None, name: str, as_json: bool
) -> None:
    """Boot the lab's missing hosts and show how to reach each.

    \b
    Examples:
      kprov lab up
      kprov lab up --hosts 3 --firewalld
      kprov lab up --name second --subnet 10.78.0.0/24

    Running hosts are left alone. A host that died is booted again with the disk that it had.
    """
    with command("lab up", as_json=as_json) as output:
        the_lab = Lab(name, subnet=parse_subnet(subnet) if subnet else None, mirror=mirror)
        with output.progress() as emit:
            report = operation.up(the_lab, count, firewalld=firewalld, emit=emit)
        output.finish(report)


@lab.command()
@name_option
def down(name: str) -> None:
    """Remove the lab's hosts with their network and all files.

    \b
    Examples:
      kprov lab down
      kprov lab down --name second
    """
    with command("lab down", as_json=False) as output:
        with output.progress() as emit:
            report = operation.down(Lab(name), emit)
        output.finish(report)


@lab.command()
@name_option
@json_option
def status(name: str, as_json: bool) -> None:
    """List the lab's hosts and show how to reach each.

    \b
    Examples:
      kprov lab status
      kprov lab status --json
    """
    with command("lab status", as_json=as_json) as output:
        output.finish(operation.status(Lab(name)))


class _SshCommand(click.Command):
    """Keeps what comes after ``--`` apart from HOST: click would put both into the same arguments."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--" in args:
            cut = args.index("--")
            args, ctx.meta[_REMOTE_COMMAND] = args[:cut], tuple(args[cut + 1 :])
        return super().parse_args(ctx, args)


@lab.command(cls=_SshCommand, context_settings={"allow_interspersed_args": False})
@name_option
@click.argument("host", required=False)
@click.argument("words", metavar="[COMMAND]...", nargs=-1)
@click.pass_context
def ssh(ctx: click.Context, name: str, host: str | None, words: tuple[str, ...]) -> None:
    """Log in to HOST (default: the first), or run COMMAND there.

    \b
    Examples:
      kprov lab ssh
      kprov lab ssh root@kafka-2
      kprov lab ssh -- systemctl status
      kprov lab ssh kafka-2 -- sudo journalctl -b
    """
    login = Lab(name).ssh_command(host, *words, *ctx.meta.get(_REMOTE_COMMAND, ()))
    os.execvp(login[0], login)  # noqa: S606 (no shell is wanted)
