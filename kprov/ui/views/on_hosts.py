"""The same kind of data about several hosts: the lines of each, and a document keyed by host."""

from __future__ import annotations

from kprov.commands import HostArguments
from kprov.operations.report import OnHosts
from kprov.ui.views import view_of
from kprov.ui.views.view import View


def view(items: OnHosts, host: HostArguments) -> View:
    """The views of all hosts, one after the other."""
    views = {item.host: view_of(item, host.at(item.host)) for item in items.items}
    every = list(views.values())
    return View(
        {"hosts": {name: dict(one.document) for name, one in views.items()}},
        tuple(line for one in every for line in one.lines),
        max((one.indent for one in every), default=0),
        tuple(case for one in every for case in one.cases),
        tuple(line for one in every for line in (one.lines if one.brief is None else one.brief)),
    )
