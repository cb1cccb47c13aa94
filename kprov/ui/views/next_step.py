"""The command to type next, below the lines to read first."""

from __future__ import annotations

from kprov.commands import HostArguments
from kprov.operations.report import NextStep
from kprov.ui.views.view import View


def view(step: NextStep, host: HostArguments) -> View:
    """The command, completed with the options with which this run reached its host."""
    return View({"next": host.completed(step.command)}, (*step.before, f"next: {step.command}"))
