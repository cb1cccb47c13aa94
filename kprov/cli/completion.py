"""kprov completion."""

from __future__ import annotations

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from kprov.cli.help import Command

_SHELLS: dict[str, type[ShellComplete]] = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(list(_SHELLS)))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that makes a shell complete kprov.

    \b
    Examples:
      eval "$(kprov completion bash)"   in ~/.bashrc
      eval "$(kprov completion zsh)"    in ~/.zshrc
      kprov completion fish             written to ~/.config/fish/completions/kprov.fish

    It completes commands and options, hosts of ~/.ssh/config and kprov.yaml, versions, broker properties and checks.
    """
    root = ctx.find_root()
    click.echo(_SHELLS[shell](root.command, {}, "kprov", "_KPROV_COMPLETE").source())
