"""Every kprov command that the READMEs, the pages of docs/ and the help texts show is one that kprov takes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from kprov.cli.document import each_command
from kprov.cli.main import cli

ROOT = Path(__file__).parents[2]
_LINE = re.compile(r"^\s*(?:\$ )?(kprov [a-z-]+.*?)(?:\s{2,}.*|\s+#.*)?$", re.MULTILINE)


_PAGES = (ROOT / "README.md", ROOT / "README.zh-CN.md", *sorted((ROOT / "docs").rglob("*.md")))


def _documented() -> Iterator[str]:
    pages = [page.read_text(encoding="utf-8") for page in _PAGES]
    texts = [block for page in pages for block in re.findall(r"```(?:console|sh)\n(.*?)```", page, re.DOTALL)]
    texts += [command.help or "" for _, command in each_command(cli)] + [cli.help or ""]
    for text in texts:
        yield from (match[1] for match in _LINE.finditer(text) if "..." not in match[1])


DOCUMENTED = sorted(set(_documented()))


def test_there_are_documented_commands() -> None:
    """The lines are found at all."""
    assert len(DOCUMENTED) > 25


@pytest.mark.parametrize("line", DOCUMENTED)
def test_a_documented_command_is_understood(line: str) -> None:
    """Its command exists and takes these options."""
    words = shlex.split(line)[1:]
    command: click.Command = cli
    context = click.Context(cli, info_name="kprov")
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name = words.pop(0)
        found = command.get_command(context, name)
        assert found is not None, f"{line}: there is no command {name}"
        command = found
    command.make_context(command.name, words, parent=context)


@pytest.mark.parametrize("command", [command for _, command in each_command(cli)], ids=lambda command: command.name)
def test_help_begins_with_an_example(command: click.Command) -> None:
    """What to type is what a reader looks for."""
    assert re.search(r"kprov [a-z]", command.help or ""), f"{command.name} shows no example"
