"""The files that render wrote."""

from __future__ import annotations

from kprov.commands import HostArguments
from kprov.operations.render import Rendered
from kprov.ui.views.view import View


def view(result: Rendered, _: HostArguments) -> View:
    """Their paths, and the number of files."""
    paths = [str(path) for path in result.files]
    return View({"files": paths}, (*paths, f"{len(paths)} files in {result.folder}"))
