"""Reads passwords from the terminal or from a file, never from the command line or the environment."""

from __future__ import annotations

import stat
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import click

from kprov.errors import UsageError
from kprov.secret import Passwords, Secret

_STANDARD_INPUT = Path("-")


def on_terminal() -> bool:
    """Whether somebody can be asked; standard input that the caller has closed is None."""
    return bool(sys.stdin and sys.stdin.isatty() and sys.stderr.isatty())


@dataclass(frozen=True)
class PasswordFiles:
    """--password-file and --sudo-password-file; None if not given."""

    login: Path | None
    sudo: Path | None

    @property
    def arguments(self) -> tuple[str, ...]:
        """The options for the command to type next; without a password from standard input."""
        given = (("--password-file", self.login), ("--sudo-password-file", self.sudo))
        return tuple(word for option, path in given if path and path != _STANDARD_INPUT for word in (option, str(path)))

    def read(self) -> Passwords:
        """Read the files once. Raises UsageError if one has no password, or if other users could read it."""
        return self._passwords

    @cached_property
    def _passwords(self) -> Passwords:
        login = _read(self.login, "--password-file") if self.login else None
        sudo = _read(self.sudo, "--sudo-password-file") if self.sudo else None
        return Passwords(_ask if on_terminal() else None, login, sudo)


def _ask(question: str) -> Secret:
    return Secret(click.prompt(question, hide_input=True, default="", show_default=False, err=True))


def _read(path: Path, option: str) -> Secret:
    """The first line of a file or a pipe, or the next line of standard input."""
    try:
        if path == _STANDARD_INPUT:
            line = sys.stdin.readline()
        else:
            status = path.stat()
            if stat.S_ISREG(status.st_mode) and status.st_mode & 0o077:
                raise UsageError(
                    f"other users can read or write {path}",
                    where=option,
                    hint=f"chmod 600 {path}, and change the password if somebody may have read it",
                )
            with path.open(encoding="utf-8") as stream:
                line = stream.readline()
    except (OSError, UnicodeDecodeError) as error:
        what = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise UsageError(f"{path} cannot be read: {what}", where=option, hint="name a file or a pipe") from None
    if not (text := line.rstrip("\r\n")):
        raise UsageError(
            f"the first line of {path} is empty", where=option, hint="write the password on the first line"
        )
    return Secret(text)
