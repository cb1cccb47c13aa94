"""A mistake in the command line is said as every other error: what, and what to do, in the same form."""

from __future__ import annotations

import pytest

from kprov.cli.main import main
from kprov.errors import ExitCode


@pytest.mark.parametrize(
    ("words", "what", "help_of"),
    [
        (["start", "kafka-1", "--no-such"], "no such option", "kprov start"),
        (["status", "kafka-1", "--ssh-config"], "option '--ssh-config' requires an argument", "kprov status"),
        (["install", "kafka-1", "--ready-timeout", "soon"], "invalid value for '--ready-timeout'", "kprov install"),
        (["completion", "tcsh"], "invalid value for '{bash|zsh|fish}'", "kprov completion"),
        (["history", "show"], "missing argument 'ID'", "kprov history show"),
        (["frobnicate"], "there is no command 'frobnicate'", "kprov"),
    ],
)
def test_it_has_the_form_of_every_error(
    words: list[str], what: str, help_of: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == ExitCode.USAGE
    out, err = capsys.readouterr()
    first, *rest = err.splitlines()
    assert out == ""
    assert first.startswith(f"error: {what}")
    assert not first.endswith(".")
    assert rest == [f"  -> see what it takes: {help_of} --help"]
