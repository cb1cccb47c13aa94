"""The command to type next, after what to look at first."""

from __future__ import annotations

from kprov.commands import Way
from kprov.operations.report import NextStep
from kprov.ui.views.view import View


def view(step: NextStep, way: Way) -> View:
    """The command, which reaches the host as this run did."""
    return View({"next": way.completed(step.command)}, (*step.before, f"next: {step.command}"))
