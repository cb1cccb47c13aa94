"""Passwords from the terminal or from a file: never from the command line or the environment."""

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
    """--password-file and --sudo-password-file; None where not given."""

    login: Path | None
    sudo: Path | None

    @property
    def arguments(self) -> tuple[str, ...]:
        """The options for the command to type next; what came on standard input is asked for then."""
        given = (("--password-file", self.login), ("--sudo-password-file", self.sudo))
        return tuple(word for option, path in given if path and path != _STANDARD_INPUT for word in (option, str(path)))

    def read(self) -> Passwords:
        """Read the files, once. Raises UsageError where one of them holds no password, or others could read it."""
        return self._passwords

    @cached_property
    def _passwords(self) -> Passwords:
        login = _read(self.login, "--password-file") if self.login else None
        sudo = _read(self.sudo, "--sudo-password-file") if self.sudo else None
        return Passwords(_ask if on_terminal() else None, login, sudo)


def _ask(question: str) -> Secret:
    return Secret(click.prompt(question, hide_input=True, default="", show_default=False, err=True))


def _read(path: Path, option: str) -> Secret:
    """The first line of a file, a pipe, or of what is left of standard input."""
    try:
        if path == _STANDARD_INPUT:
            line = sys.stdin.readline()
        else:
            status = path.stat()
            if stat.S_ISREG(status.st_mode) and status.st_mode & 0o077:
                raise UsageError(
                    f"others may read or write {path}",
                    where=option,
                    hint=f"chmod 600 {path}, and think of who has seen it",
                )
            with path.open(encoding="utf-8") as stream:
                line = stream.readline()
    except (OSError, UnicodeDecodeError) as error:
        what = getattr(error, "strerror", None) or "it is not UTF-8"
        raise UsageError(f"{path} cannot be read: {what}", where=option, hint="name a file or a pipe") from None
    if not (text := line.rstrip("\r\n")):
        raise UsageError(f"there is no password in {path}", where=option, hint="its first line is the password")
    return Secret(text)
