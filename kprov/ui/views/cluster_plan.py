"""The plan for a cluster: what all hosts share is said once, and the stages come last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text

from kprov.commands import HostArguments
from kprov.kinds.base import Change
from kprov.plan import Plan
from kprov.rollout.plan import ClusterPlan, StagePlanned
from kprov.ui.views.plan import brief_lines, change_lines, document_of
from kprov.ui.views.view import Line, View
from kprov.words import counted

_INDENT = 4


def view(cluster: ClusterPlan, host: HostArguments) -> View:
    """The changes with the hosts that they are for, unless it is all of them; then the stages."""
    document = {
        "plans": {plan.host: document_of(plan, host) for plan in cluster.plans},
        "stages": [{"unit": item.unit, "work": item.work, "hosts": list(item.hosts)} for item in cluster.stages],
    }
    changes = [
        (change, "" if len(hosts) == len(cluster.plans) else f"  [{', '.join(hosts)}]")
        for change, hosts in _shared(cluster.plans)
    ]
    lines = tuple(line for change, hosts in changes for line in change_lines(change, hosts))
    rest = tuple(_rest(cluster))
    return View(document, (*lines, *rest), _INDENT, brief=(*brief_lines(changes), *rest))


def _rest(cluster: ClusterPlan) -> Iterator[Line]:
    for prefix, texts in (
        ("  keeps ", {plan.host: plan.kept for plan in cluster.plans}),
        ("  loses ", {plan.host: plan.lost for plan in cluster.plans}),
        ("  note: ", {plan.host: plan.notes for plan in cluster.plans}),
    ):
        every: dict[str, list[str]] = {}
        for name, said in texts.items():
            for text in said:
                every.setdefault(text, []).append(name)
        for text, names in every.items():
            whose = "" if len(names) == len(cluster.plans) else f"{', '.join(names)}: "
            yield f"{prefix}{whose}{text}"
    for number, stage in enumerate(cluster.stages, 1):
        yield Text(f"stage {number}: {_stage(stage)}")
    for plan in cluster.plans:
        yield f"{plan.host}: {counted(len(plan.changes), 'change') if plan.changes else 'nothing to do'}"


def _shared(plans: Sequence[Plan]) -> list[tuple[Change, list[str]]]:
    """The changes that look the same on several hosts once, in the order of the first host that has each."""
    found: dict[tuple[str, str, str, str], tuple[Change, list[str]]] = {}
    for plan in plans:
        for change in plan.changes:
            diff = "" if change.action == "create" else change.diff
            key = (change.action, change.title, change.reason, diff)
            found.setdefault(key, (change, []))[1].append(plan.host)
    return list(found.values())


def _stage(stage: StagePlanned) -> str:
    together = " at the same time" if len(stage.hosts) > 1 else ""
    return f"{stage.work} {stage.unit} on {', '.join(stage.hosts)}{together}"
