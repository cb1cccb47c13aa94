"""The command to type next, below the lines to read first."""

from __future__ import annotations

from kprov.commands import Way
from kprov.operations.report import NextStep
from kprov.ui.views.view import View


def view(step: NextStep, way: Way) -> View:
    """The command, completed with the options with which this run reached its host."""
    return View({"next": way.completed(step.command)}, (*step.before, f"next: {step.command}"))
