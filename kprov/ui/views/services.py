"""What start, stop or restart did."""

from __future__ import annotations

from kprov.commands import HostArguments
from kprov.operations.services import ServicesChanged
from kprov.ui.views.view import View


def view(result: ServicesChanged, _: HostArguments) -> View:
    """One line for the host."""
    return View({"done": list(result.done)}, (f"{result.host}: {', '.join(result.done) or 'nothing to do'}",))
