"""What an operation needs of the person who started it: to show a plan, to ask about it, and to report progress."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from kprov.events import Emit
from kprov.journal import Journal
from kprov.plan import Plan


class Dialogue(Protocol):
    """How an operation talks to the operator while it runs; the result comes afterwards, in its report."""

    @property
    def journal(self) -> Journal | None:
        """The journal of this run; None for commands that change nothing."""

    def progress(self) -> AbstractContextManager[Emit]:
        """Show the events of the block."""

    def changing(self) -> AbstractContextManager[Emit]:
        """The same for work that changes a host: a run that is interrupted from here on may have changed something."""

    def show(self, plan: Plan) -> None:
        """Show a plan before the operator is asked about it, and write it to the journal."""

    def record(self, plan: Plan) -> None:
        """Write a plan to the journal only: nobody is asked about it."""

    def confirm(self, question: str) -> None:
        """Ask. Raises DeclinedError for a no, and where there is no terminal to ask on."""
