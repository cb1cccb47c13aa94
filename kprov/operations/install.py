"""install, upgrade and plan: from a request to a proven broker."""

from __future__ import annotations

from collections.abc import Iterator

from kprov.errors import ExitCode, PreflightError, Problem
from kprov.events import about
from kprov.host.connection import Connection
from kprov.operations.apply_and_prove import apply_and_prove
from kprov.operations.cluster.install import install_cluster, plan_cluster
from kprov.operations.dialogue import Dialogue
from kprov.operations.fleet import fleet
from kprov.operations.installed import installed
from kprov.operations.prepare import Prepared, prepare
from kprov.operations.releases import verify_local_archives
from kprov.operations.report import NextStep, Report
from kprov.operations.request import Goal, Request
from kprov.operations.reset import reset_problem
from kprov.plan import Plan
from kprov.receipt import State
from kprov.rollout.plan import ClusterPlan
from kprov.smoke import SmokeResult
from kprov.words import counted


def install(request: Request, dialogue: Dialogue, *, command: str, smoke_test: bool) -> Report:
    """Plan, show the plan, ask, apply it and prove it; command: ``install`` or ``upgrade``.

    Raises UsageError for wrong settings, PreflightError for every reason that the host gives, DeclinedError, and what
    ``execute`` raises.
    """
    goals = _verified(request, dialogue)
    with fleet(request.whom, dialogue.journal, [goal.login for goal in goals]) as found:
        if found.several:
            goals = request.goals_on(found, goals)
            return install_cluster(found, request, goals, dialogue, command=command, smoke_test=smoke_test)
        return _install_one(found.connections[0], request, goals[0], dialogue, command=command, smoke_test=smoke_test)


def _install_one(
    connection: Connection, request: Request, goal: Goal, dialogue: Dialogue, *, command: str, smoke_test: bool
) -> Report:
    """The same for a single host; a release that does not become ready there is rolled back."""
    where = goal.login.name
    prepared = _prepared(connection, request, goal, dialogue)
    plan = prepared.plan
    if command == "upgrade" and plan.before.spec is None:
        what = "kprov has installed nothing on this host"
        raise PreflightError(what, where=where, hint="install it: kprov install HOST")
    dialogue.show(plan)
    if plan.changes:
        dialogue.confirm(_question(prepared, where))
    proven = plan.empty and (not smoke_test or plan.before.state is State.DONE)
    with dialogue.changing() as shown:
        emit = about(where, shown)
        proving = smoke_test and not proven
        result = apply_and_prove(
            connection, request, prepared, command, emit, smoke_test=proving, planned=dialogue.record
        )
    if proven:
        return Report(command)
    return _report(command, request, prepared, where, result)


def plan(request: Request, dialogue: Dialogue, *, exit_code: bool) -> Report:
    """What ``install`` would change. exit_code: whether changes are an exit code of their own."""
    goals = _verified(request, dialogue)
    with fleet(request.whom, dialogue.journal, [goal.login for goal in goals]) as found:
        if found.several:
            shown: Plan | ClusterPlan = plan_cluster(found, request, request.goals_on(found, goals), dialogue)
        else:
            shown = _prepared(found.connections[0], request, goals[0], dialogue).plan
    changes = exit_code and not shown.empty
    return Report("plan", (shown,), code=ExitCode.CHANGES if changes else ExitCode.DONE)


def _verified(request: Request, dialogue: Dialogue) -> list[Goal]:
    """The wanted nodes, checked as far as possible before a host is contacted."""
    goals = request.goals()
    with dialogue.progress() as emit:
        verify_local_archives(goals[0].node.cluster, request.archives, emit, whole=request.config is not None)
    return goals


def _prepared(connection: Connection, request: Request, goal: Goal, dialogue: Dialogue) -> Prepared:
    with dialogue.progress() as emit:
        return prepare(connection, request, goal, emit)


def _question(prepared: Prepared, where: str) -> str:
    """The question before the changes; a step that cannot be undone has its own question."""
    changes = counted(len(prepared.plan.changes), "change")
    if step := prepared.raised:
        return (
            f"Raise the protocol on {where} from {step.was} to {step.now}, in {changes}? "
            f"After that, you cannot go back to a Kafka before {step.now}."
        )
    return f"Make these {changes} on {where}?"


def _report(command: str, request: Request, prepared: Prepared, where: str, result: SmokeResult | None) -> Report:
    """The result of the smoke test, and what to do next; result: None if there was no smoke test."""
    data: tuple[object, ...] = (result,) if result is not None else ()
    if result is not None and not result.passed:
        failed = Problem("the smoke test failed", where, hint="the failed step above says why")
        back = reset_problem(request, where, prepared.plan, result.failure)
        return Report(command, data, (failed, back) if back else (failed,), ExitCode.NOT_READY)
    if prepared.plan.before.fresh:
        data = (*data, installed([prepared.node]))
    return Report(command, (*data, _next_step(prepared)))


def _next_step(prepared: Prepared) -> NextStep:
    if prepared.before and prepared.held:
        return NextStep("kprov upgrade HOST --finish", tuple(_before_finishing(prepared, prepared.before)))
    return NextStep("kprov status HOST")


def _before_finishing(prepared: Prepared, before: Goal) -> Iterator[str]:
    """What to check before the upgrade is finished, and how to go back instead."""
    yield f"the broker is held at the protocol {prepared.held} until you finish the upgrade; before that:"
    yield "  see that your own clients produce and consume"
    yield "  see that all runs as it should: kprov status HOST"
    yield "  look for problems since the upgrade: kprov logs HOST --since 1h"
    if (was := before.node.broker.version) != prepared.node.broker.version:
        yield f"  or go back, as long as you have not finished: kprov upgrade HOST --kafka-version {was}"
