"""What is where after the first install, and what to type to try it."""

from __future__ import annotations

import dataclasses

from kprov.commands import HostArguments
from kprov.operations.installed import Installed
from kprov.ui.views.view import View


def view(found: Installed, _: HostArguments) -> View:
    """A line for each question that a person has now; the document has no words.

    The terminal breaks a long line, so that a command can be copied as a whole.
    """
    rows = {
        "settings": ", ".join(found.settings),
        "data": ", ".join(found.data),
        "logs": ", ".join(found.logs),
        "produce": found.produce,
        "consume": found.consume,
        "remove": "kprov uninstall HOST",
    }
    return View(
        {"installed": dataclasses.asdict(found)},
        tuple(f"  {name:<8}  {text}" for name, text in rows.items()),
    )
