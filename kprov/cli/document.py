"""Generates docs/commands.md from the commands: ``python -m kprov.cli.document``."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator

import click

from kprov.cli.help import grouped_options
from kprov.cli.main import cli

_HEAD = """# Commands

`HOST` is what `ssh HOST` takes: `[user@]name[:port]`, or an alias of ssh_config. `kprov COMMAND --help` shows the same
as this page, which is made from it.
"""


def commands() -> str:
    """The page."""
    parts = [_HEAD]
    for words, command in each_command(cli, ("kprov",)):
        if not isinstance(command, click.Group):
            parts.append(f"## {' '.join(words)}\n\n{_text(command)}\n{_options(command)}")
    return "\n".join(parts)


def each_command(group: click.Group, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command below a group, groups as well, with the words that one types."""
    context = click.Context(group)
    for name in group.list_commands(context):
        if (command := group.get_command(context, name)) is not None:
            yield (*words, name), command
            if isinstance(command, click.Group):
                yield from each_command(command, (*words, name))


def _text(command: click.Command) -> str:
    """The help: its paragraphs, and its examples as they are typed."""
    found = []
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        lines = paragraph.removeprefix("\b\n").splitlines()
        if lines[0].startswith("Examples:"):
            found.append("```text\n" + inspect.cleandoc("\n".join(lines[1:])) + "\n```\n")
        elif lines[0].startswith("Example: "):
            found.append("```text\n" + lines[0].removeprefix("Example: ") + "\n```\n")
        else:
            found.append(" ".join(line.strip() for line in lines) + "\n")
    return "\n".join(found)


def _options(command: click.Command) -> str:
    lines = []
    for title, options in grouped_options(command).items():
        told = [option for option in options if "--help" not in option.opts]
        if not told:
            continue
        lines += ["", f"| {title} | |", "|---|---|"]
        for option in told:
            words = ", ".join(f"`{word}`" for word in (*option.opts, *option.secondary_opts))
            value = "" if option.is_flag or option.count else f" {option.make_metavar(click.Context(command))}"
            cells = [cell.replace("|", "\\|") for cell in (f"{words}{value}", option.help or "")]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.stdout.write(commands())
