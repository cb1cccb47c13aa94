"""The help of every command: an example first, every option explained and in its group, nothing cut."""

from __future__ import annotations

import re

import click
import pytest
from click.testing import CliRunner

from kprov.cli.main import _COMMANDS, cli
from kprov.spec.settings import OPTIONS

TITLES = ("What to install:", "How to log in:", "How it runs:", "Output:", "Options:")


def commands() -> dict[str, click.Command]:
    with click.Context(cli) as context:
        return {name: found for name in _COMMANDS if (found := cli.get_command(context, name)) is not None}


EVERY = commands()


def text_of(name: str) -> str:
    done = CliRunner().invoke(cli, [name, "--help"], terminal_width=80)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize("name", EVERY)
def test_examples_come_before_the_options(name: str) -> None:
    text = text_of(name)
    assert 0 < text.index("Example") < min(text.index(title) for title in TITLES if title in text)


@pytest.mark.parametrize("name", EVERY)
def test_every_option_is_explained_once(name: str) -> None:
    text = text_of(name)
    text = text[min(text.index(title) for title in TITLES if title in text) :]
    for option in EVERY[name].params:
        if isinstance(option, click.Option):
            assert option.help, option.opts
            pattern = re.compile(rf"  (-\w, )?{option.opts[-1]}\b(?!-)")
            assert len([line for line in text.splitlines() if pattern.match(line)]) == 1


@pytest.mark.parametrize("name", EVERY)
def test_no_line_is_cut_or_too_long(name: str) -> None:
    lines = text_of(name).splitlines()
    assert not [line for line in lines if line.endswith("...") and not line.startswith("Usage:")]
    assert not [line for line in lines if len(line) > 80 and not line.startswith(("    kprov", "    eval"))]


def test_many_options_are_in_groups() -> None:
    text = text_of("install")
    places = [text.index(f"\n{title}\n") for title in TITLES[:4]]
    assert places == sorted(places)
    assert (
        text.index("  --heap ")
        < places[1]
        < text.index(", --identity ")
        < places[2]
        < text.index(", --yes ")
        < places[3]
    )
    assert "[HOST]..." not in text[places[0] :]


def test_every_setting_is_in_the_first_group() -> None:
    """An option that is new must not end up among those that say how the command runs."""
    text = text_of("install").partition(TITLES[1])[0]
    assert [option for option in OPTIONS if not re.search(rf"^  (-\w, )?{option}\b", text, re.MULTILINE)] == []


@pytest.mark.parametrize("name", EVERY)
def test_the_summary_in_the_list_is_that_of_the_command(name: str) -> None:
    assert (EVERY[name].help or "").splitlines()[0] == _COMMANDS[name][1]


def test_the_same_option_means_the_same_everywhere() -> None:
    """Its help is the same text, unless a command does something of its own with it."""
    own = {"--to", "--exit-code", "--finish"}
    said: dict[str, dict[str, str]] = {}
    for name, command in EVERY.items():
        for option in command.params if name != "fetch" else ():  # it is about archives, not about a host
            if isinstance(option, click.Option) and not own & set(option.opts):
                said.setdefault(option.opts[-1], {})[name] = option.help or ""
    assert {option: texts for option, texts in said.items() if len(set(texts.values())) > 1} == {}
