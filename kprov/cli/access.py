"""The options that say how to reach HOST. Importing this module loads the SSH libraries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from kprov.cli.options import HOST_ARGUMENTS, VERBOSE, asker
from kprov.cli.passwords import PasswordFiles
from kprov.commands import HostArguments
from kprov.events import Event
from kprov.operations.session import Access
from kprov.spec.target import Target, parse_target
from kprov.ui.progress import plain_line

F = TypeVar("F", bound=Callable[..., Any])
_FILE = click.Path(path_type=Path)


def access_options(function: F) -> F:
    """How to reach the host; the function gets one ``access``."""

    def wrap(**values: Any) -> Any:
        click.get_current_context().meta[VERBOSE] = values["verbose"]
        password_files = PasswordFiles(values.pop("password_file"), values.pop("sudo_password_file"))
        access = Access(
            values.pop("ssh_config"),
            values.pop("identity"),
            values.pop("accept_new_host_key"),
            asker(),
            password_files.read,
            password_files.arguments,
            _print_line,
            values.pop("verbose"),
        )
        click.get_current_context().meta[HOST_ARGUMENTS] = _host_arguments(
            values.get("hosts") or ((values["host"],) if values.get("host") else ()), values.get("config"), access
        )
        return function(access=access, **values)

    wrap.__name__, wrap.__doc__ = function.__name__, function.__doc__
    wrap.__click_params__ = getattr(function, "__click_params__", [])  # type: ignore[attr-defined]
    for option in (
        click.option("-v", "--verbose", count=True, help="List every change and step; -vv also counts the traffic."),
        click.option("--accept-new-host-key", is_flag=True, help="Trust a host key that is not in known_hosts yet."),
        click.option(
            "--sudo-password-file",
            type=_FILE,
            metavar="FILE",
            help="Read the sudo password from FILE; - is standard input.",
        ),
        click.option(
            "--password-file",
            type=_FILE,
            metavar="FILE",
            help="Read the login password from FILE; - is standard input.",
        ),
        click.option("--ssh-config", type=_FILE, metavar="FILE", help="Read this file instead of ~/.ssh/config."),
        click.option("-i", "--identity", type=_FILE, metavar="FILE", help="Log in with this private key."),
    ):
        wrap = option(wrap)
    return wrap  # type: ignore[return-value]


def _host_arguments(hosts: Sequence[str], config: Path | None, access: Access) -> HostArguments:
    """The arguments for the commands that this run shows. ssh takes no port in HOST, so it gets -p."""
    host, *others = hosts or ("",)
    target = parse_target(host)
    ssh: list[str] = []
    if isinstance(target, Target):
        ssh += ["-F", str(access.ssh_config)] if access.ssh_config else []
        ssh += ["-i", str(access.identity)] if access.identity else []
        ssh += ["-p", str(target.port)] if target.port else []
        ssh.append(f"{target.user}@{target.name}" if target.user else target.name)
    return HostArguments(host, config, tuple(access.arguments), tuple(ssh), tuple(others))


def _print_line(event: Event) -> None:
    """For events before a command shows its own progress."""
    if (line := plain_line(event)) is not None:
        click.echo(line, err=True)
