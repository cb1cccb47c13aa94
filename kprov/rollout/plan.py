"""The plan for a cluster: a plan for each node, and the order in which their services act. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from kprov.plan import Plan
from kprov.rollout.stages import Work


@dataclass(frozen=True)
class StagePlanned:
    """A stage as the operator sees it. unit: the service. hosts: their names; several act at the same time."""

    unit: str
    work: Work
    hosts: tuple[str, ...]


@dataclass(frozen=True)
class ClusterPlan:
    """The plans of all nodes. stages: as they would be if the rollout began now."""

    plans: tuple[Plan, ...]
    stages: tuple[StagePlanned, ...] = ()

    @property
    def changes(self) -> int:
        """How many changes there are on all hosts together."""
        return sum(len(plan.changes) for plan in self.plans)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do on any host."""
        return all(plan.empty for plan in self.plans)
