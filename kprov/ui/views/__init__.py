"""One view for each kind of data in a report: lines for people, a document for programs, cases for CI."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kprov.commands import Way
from kprov.operations.check import Checked
from kprov.operations.fetch import Fetched
from kprov.operations.history import Runs, RunShown
from kprov.operations.logs import Logs
from kprov.operations.render import Rendered
from kprov.operations.report import NextStep
from kprov.operations.services import ServicesChanged
from kprov.operations.status import Status
from kprov.operations.uninstall import Uninstalled
from kprov.operations.verify import Verification
from kprov.plan import Plan
from kprov.smoke import SmokeResult
from kprov.ui.views import (
    check,
    fetch,
    history,
    logs,
    next_step,
    plan,
    render,
    services,
    smoke,
    status,
    uninstall,
    verify,
)
from kprov.ui.views.view import View

# Each takes the item and the way to the host, for the commands in its document.
_VIEWS: Mapping[type, Callable[[Any, Way], View]] = {
    Checked: check.view,
    Fetched: fetch.view,
    Logs: logs.view,
    NextStep: next_step.view,
    Plan: plan.view,
    Rendered: render.view,
    Runs: history.list_view,
    RunShown: history.run_view,
    ServicesChanged: services.view,
    SmokeResult: smoke.view,
    Status: status.view,
    Uninstalled: uninstall.view,
    Verification: verify.view,
}


def view_of(item: object, way: Way) -> View:
    """The view of one item of a report; way: how the run reaches its host."""
    return _VIEWS[type(item)](item, way)


__all__ = ["View", "view_of"]
