"""The files that init wrote."""

from __future__ import annotations

from kprov.commands import HostArguments
from kprov.operations.init import Initialised
from kprov.ui.views.view import View


def view(found: Initialised, _: HostArguments) -> View:
    """A line for each."""
    paths = [str(path) for path in found.files]
    return View({"files": paths}, tuple(f"{path} was written" for path in paths))
