"""What a command found or did, and how it ended; ``kprov.ui`` has a view for each kind of data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from kprov.errors import ExitCode, Problem


@dataclass(frozen=True)
class NextStep:
    """The command to type next, with HOST for the host of the run. before: lines of what to look at first."""

    command: str
    before: tuple[str, ...] = ()


class OfHost(Protocol):
    """Data about one host."""

    @property
    def host(self) -> str:
        """Its name."""


@dataclass(frozen=True)
class OnHosts:
    """The same kind of data about several hosts."""

    items: tuple[OfHost, ...]


@dataclass(frozen=True)
class Report:
    """The result of one command.

    data: what there is to show, in that order; each item has a view of its own. problems: what went wrong although the
    command has a result, such as tests that failed. code: how the command ends.
    """

    command: str
    data: tuple[object, ...] = ()
    problems: tuple[Problem, ...] = ()
    code: ExitCode = ExitCode.DONE
