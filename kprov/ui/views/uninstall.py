"""What an uninstall left: the data that stay, and the leftovers that the last probe found."""

from __future__ import annotations

import dataclasses

from kprov.commands import HostArguments
from kprov.operations.uninstall import Uninstalled
from kprov.ui.views.view import View
from kprov.words import counted


def view(result: Uninstalled, _: HostArguments) -> View:
    """One line for each, and the number of leftovers."""
    kept = (f"kept: {text}" for text in result.kept)
    left = (f"left over: {text}" for text in result.leftovers)
    last = f"{result.host}: {counted(len(result.leftovers), 'leftover')}"
    return View({"uninstall": dataclasses.asdict(result)}, (*kept, *left, last))
