"""How an operation shows a plan, asks about it and reports progress, without knowing the terminal."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from kprov.events import Emit
from kprov.journal import Journal
from kprov.plan import Plan
from kprov.rollout.plan import ClusterPlan


class Dialogue(Protocol):
    """How an operation talks to the operator while it runs; the result comes afterwards, in its report."""

    @property
    def journal(self) -> Journal | None:
        """The journal of this run; None for commands that change nothing."""

    def reaching(self, hosts: int) -> None:
        """How many hosts the run is about, once that is known."""

    def progress(self) -> AbstractContextManager[Emit]:
        """Show the events of the block."""

    def changing(self) -> AbstractContextManager[Emit]:
        """The same for work that changes a host: after this, an interrupted run may have changed something."""

    def show(self, plan: Plan | ClusterPlan) -> None:
        """Show a plan before the operator is asked about it, and write it to the journal."""

    def record(self, plan: Plan) -> None:
        """Write a plan to the journal only, for a plan without a question."""

    def confirm(self, question: str) -> None:
        """Ask. Raises DeclinedError if the answer is no, or if there is no terminal."""
