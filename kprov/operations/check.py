"""check: what would stop an install on a host, and what else an operator should know. Changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from kprov.checks import NAMES, Outcome, Result
from kprov.errors import ExitCode, UsageError
from kprov.events import Emit, ignore
from kprov.host.connection import Connection
from kprov.operations.cluster.prepare import resolve_cluster, surveyed
from kprov.operations.dialogue import Dialogue
from kprov.operations.fleet import Fleet, fleet
from kprov.operations.preflight.between import with_between
from kprov.operations.preflight.outcome import stopping
from kprov.operations.prepare import plan_for
from kprov.operations.releases import known_releases, verify_local_archives
from kprov.operations.report import OnHosts, Report
from kprov.operations.request import Goal, Request
from kprov.operations.resolve import resolve
from kprov.operations.session import peek_receipt
from kprov.operations.survey import Survey
from kprov.rollout.together import one_at_a_time, together

CHECKS = NAMES


@dataclass(frozen=True)
class Checked:
    """The results for one host, by theme; ``ignored``: the checks that do not stop an install."""

    host: str
    results: tuple[Result, ...]
    ignored: tuple[str, ...] = ()

    @property
    def failed(self) -> tuple[Result, ...]:
        """The results that stop an install."""
        return tuple(stopping(self.results, self.ignored))

    def count(self, status: Outcome) -> int:
        """How many results have this status."""
        return sum(item.status is status for item in self.results)


def check(request: Request, dialogue: Dialogue) -> Report:
    """Run every check against the host; the exit code says whether one failed."""
    goals = request.goals()
    with dialogue.progress() as emit:
        verify_local_archives(goals[0].node.cluster, request.archives, emit, whole=request.config is not None)
        with fleet(request.whom, dialogue.journal, [goal.login for goal in goals]) as found:
            goals = request.goals_on(found, goals)
            results = _checked(found, request, goals, one_at_a_time(emit))
    failed = any(item.failed for item in results)
    shown = (OnHosts(tuple(results)),) if len(results) > 1 else tuple(results)
    return Report("check", shown, code=ExitCode.PREFLIGHT if failed else ExitCode.DONE)


def _checked(found: Fleet, request: Request, goals: Sequence[Goal], emit: Emit) -> list[Checked]:
    """Run every check on each host and, if an install can be planned, name what is in its way.

    Raises UsageError for wrong settings, and PreflightError if a host cannot go back to that release.
    """
    if len(goals) == 1:
        runs = [resolve(found.connections[0], request, goals[0])]
    else:
        receipts = together([partial(peek_receipt, connection) for connection in found.connections], found.abandon)
        runs = resolve_cluster(receipts, request, goals)
    releases = [
        known_releases(run.goal.node.cluster, run.receipt, request.archives, emit, roles=run.goal.node.roles)
        for run in runs
    ]
    surveys = surveyed(found.connections, runs, releases)
    if found.several:
        surveys = with_between(found.connections, surveys)
    return [_of_host(connection, request, seen) for connection, seen in zip(found.connections, surveys, strict=True)]


def _of_host(connection: Connection, request: Request, found: Survey) -> Checked:
    results = found.results
    if not stopping(results, request.ignored):
        results += _in_the_way(connection, request, found)
    return Checked(connection.login.name, results, request.ignored)


def _in_the_way(connection: Connection, request: Request, found: Survey) -> tuple[Result, ...]:
    """Versions that do not work together, and files that kprov did not create: neither can be ignored."""
    theme = "installation"
    try:
        plan = plan_for(connection, request, found, ignore).plan
    except UsageError as error:
        return tuple(Result("versions", theme, Outcome.FAIL, item.what, item.hint) for item in error.problems)
    if plan.obstacles:
        return tuple(Result("in-the-way", theme, Outcome.FAIL, item.what, item.hint) for item in plan.obstacles)
    changes = len(plan.changes)
    what = f"nothing is in the way of an install, which would make {changes} changes" if changes else "nothing to do"
    return (Result("in-the-way", theme, Outcome.PASS, what),)
