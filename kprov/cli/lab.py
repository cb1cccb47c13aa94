"""`kprov lab`: throwaway hosts to try kprov on."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

from kprov.cli.group import Group
from kprov.cli.lab_archives import archives
from kprov.cli.options import json_option
from kprov.commands import Way
from kprov.lab.lab import Lab, LabStatus
from kprov.lab.layout import DEFAULT_NAME, DEFAULT_SUBNET, MOST_HOSTS, parse_subnet
from kprov.ui import progress

F = TypeVar("F", bound=Callable[..., Any])

_REMOTE_COMMAND = "kprov.lab.ssh"


def name_option(function: F) -> F:
    """The lab that a command is about."""
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
    the_lab = Lab(name, subnet=parse_subnet(subnet) if subnet else None, mirror=mirror)
    with progress() as emit:
        the_lab.up(count, firewalld=firewalld, emit=emit)
    _show(the_lab.status(), as_json)


@lab.command()
@name_option
def down(name: str) -> None:
    """Remove the lab's hosts with their network and all files.

    \b
    Examples:
      kprov lab down
      kprov lab down --name second
    """
    with progress() as emit:
        Lab(name).down(emit=emit)


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
    _show(Lab(name).status(), as_json)


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
@click.argument("command", nargs=-1)
@click.pass_context
def ssh(ctx: click.Context, name: str, host: str | None, command: tuple[str, ...]) -> None:
    """Log in to HOST (default: the first), or run COMMAND there.

    \b
    Examples:
      kprov lab ssh
      kprov lab ssh root@kafka-2
      kprov lab ssh -- systemctl status
      kprov lab ssh kafka-2 -- sudo journalctl -b
    """
    words = Lab(name).ssh_command(host, *command, *ctx.meta.get(_REMOTE_COMMAND, ()))
    os.execvp(words[0], words)  # noqa: S606 (no shell is wanted)


def _show(status: LabStatus, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(document(status), indent=2))
        return
    if not status.hosts:
        click.echo(f"the lab {status.name!r} is not up")
        return
    for host in status.hosts:
        state = f"runs, PID 1 is {host.leader} here" if host.leader else "does not run"
        click.echo(f"{host.name}  {host.address}  {state}")
        click.echo(f"    ssh -F {status.ssh_config} {host.name}          (vagrant, with sudo; or root@{host.name})")
    first = status.hosts[0]
    way = Way(str(first.address), options=("--ssh-config", str(status.ssh_config)))
    click.echo(way.completed("\nnext: kprov install HOST"))


def document(status: LabStatus) -> dict[str, object]:
    """The JSON document, version 1: fields are added to it, never changed."""
    return {
        "version": 1,
        "kind": "lab",
        "name": status.name,
        "subnet": str(status.subnet),
        "firewalld": status.firewalld,
        "state_dir": str(status.state_dir),
        "ssh_config": str(status.ssh_config),
        "hosts": [
            {
                "name": host.name,
                "address": str(host.address),
                "root": str(host.root),
                "namespace": host.namespace,
                "leader": host.leader,
            }
            for host in status.hosts
        ],
    }
