"""One view for each kind of data in a report: lines for people, a document for programs, cases for CI."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

from kprov.commands import HostArguments
from kprov.ui.views.view import View

# The view of each class, as module:function. Views are imported when they are needed: most of them load the module of
# an operation, and with it the SSH libraries. Each takes the item and the
# arguments that reach the host, which complete the commands in its document.
_VIEWS: Mapping[str, str] = {
    "kprov.lab.archives.store.Built": "lab:archives_view",
    "kprov.lab.lab.LabStatus": "lab:view",
    "kprov.operations.check.Checked": "check:view",
    "kprov.operations.fetch.Fetched": "fetch:view",
    "kprov.operations.history.RunShown": "history:run_view",
    "kprov.operations.history.Runs": "history:list_view",
    "kprov.operations.init.Initialised": "init:view",
    "kprov.operations.installed.Installed": "installed:view",
    "kprov.operations.logs.LogLine": "logs:line_view",
    "kprov.operations.logs.Logs": "logs:view",
    "kprov.operations.render.Rendered": "render:view",
    "kprov.operations.report.NextStep": "next_step:view",
    "kprov.operations.report.OnHosts": "on_hosts:view",
    "kprov.operations.services.ServicesChanged": "services:view",
    "kprov.operations.status.Status": "status:view",
    "kprov.operations.cluster.status.ClusterStatus": "cluster_status:view",
    "kprov.operations.uninstall.Uninstalled": "uninstall:view",
    "kprov.operations.verify.Verification": "verify:view",
    "kprov.plan.plan.Plan": "plan:view",
    "kprov.rollout.plan.ClusterPlan": "cluster_plan:view",
    "kprov.smoke.steps.FailoverResult": "smoke:failover_view",
    "kprov.smoke.steps.SmokeResult": "smoke:view",
}


def view_of(item: object, host: HostArguments) -> View:
    """The view of one item of a report; host: how the run reaches it."""
    kind = type(item)
    module, _, name = _VIEWS[f"{kind.__module__}.{kind.__qualname__}"].partition(":")
    view: Callable[[object, HostArguments], View] = getattr(import_module(f"{__name__}.{module}"), name)
    return view(item, host)


__all__ = ["View", "view_of"]
