"""check: what would stop an install on a host, and what else an operator should know. Changes nothing."""

from __future__ import annotations

from dataclasses import dataclass

from kprov.checks import Outcome, Result
from kprov.errors import ExitCode, UsageError
from kprov.events import Emit, ignore
from kprov.host.connection import Connection
from kprov.operations.dialogue import Dialogue
from kprov.operations.preflight.outcome import stopping
from kprov.operations.prepare import plan_for
from kprov.operations.releases import known_releases, verify_local_archives
from kprov.operations.report import Report
from kprov.operations.request import Goal, Request
from kprov.operations.resolve import resolve
from kprov.operations.survey import Survey, survey


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
    goal = request.goal()
    with dialogue.progress() as emit:
        verify_local_archives(goal.node.cluster, request.archives, emit, whole=request.config is not None)
        with request.access.connect(goal.login, dialogue.journal) as connection:
            result = _checked(connection, request, goal, emit)
    return Report("check", (result,), code=ExitCode.PREFLIGHT if result.failed else ExitCode.DONE)


def _checked(connection: Connection, request: Request, goal: Goal, emit: Emit) -> Checked:
    """Run every check and, if an install can be planned, name what is in its way.

    Raises UsageError for wrong settings, and PreflightError if the host cannot go back to that release.
    """
    run = resolve(connection, request, goal)
    releases = known_releases(run.goal.node.cluster, run.receipt, request.archives, emit)
    found = survey(connection, run.goal, run.receipt, releases)
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
