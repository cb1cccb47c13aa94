"""What an uninstall left: the data that stay, and what the last probe still found."""

from __future__ import annotations

import dataclasses

from kprov.commands import Way
from kprov.operations.uninstall import Uninstalled
from kprov.ui.views.view import View
from kprov.words import counted


def view(result: Uninstalled, _: Way) -> View:
    """Each with its path, and how many leftovers there are."""
    kept = (f"kept: {text}" for text in result.kept)
    left = (f"left over: {text}" for text in result.leftovers)
    last = f"{result.host}: {counted(len(result.leftovers), 'leftover')}"
    return View({"uninstall": dataclasses.asdict(result)}, (*kept, *left, last))
