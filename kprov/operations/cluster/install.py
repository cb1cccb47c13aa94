"""install, upgrade and plan for several hosts: one plan, one question, one rollout, one proof."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

from kprov.errors import ExitCode, KprovError, NotReadyError, PreflightError, Problem, StepError
from kprov.events import Emit, about
from kprov.node.apply import Application, locked
from kprov.node.lock import lock_order
from kprov.node.receipt_store import mark_proven
from kprov.operations.cluster.prepare import Part, prepare_cluster
from kprov.operations.dialogue import Dialogue
from kprov.operations.fleet import Fleet
from kprov.operations.installed import installed
from kprov.operations.report import NextStep, Report
from kprov.operations.request import Goal, Request
from kprov.operations.rollback import Failure, roll_back
from kprov.receipt import State
from kprov.roles.of_node import roles_of
from kprov.rollout.plan import ClusterPlan
from kprov.rollout.run import Member, Patience, Rollout
from kprov.rollout.together import one_at_a_time, together
from kprov.smoke import SmokeResult
from kprov.smoke.cluster import cluster_smoke_test
from kprov.words import counted


def install_cluster(
    found: Fleet, request: Request, goals: Sequence[Goal], dialogue: Dialogue, *, command: str, smoke_test: bool
) -> Report:
    """Plan, show the plan, ask, roll it out and prove it; command: ``install`` or ``upgrade``.

    Raises UsageError, PreflightError with the reasons of all hosts, DeclinedError, and what the rollout raises.
    """
    dialogue.reaching(len(goals))
    with dialogue.progress() as emit:
        parts = prepare_cluster(found.connections, request, goals, one_at_a_time(emit))
    if command == "upgrade" and all(part.prepared.plan.before.spec is None for part in parts):
        where = ", ".join(part.connection.login.name for part in parts)
        raise PreflightError(
            "kprov has installed nothing on these hosts", where=where, hint="install it: kprov install HOST"
        )
    with dialogue.progress() as emit:
        rollout = _rollout(found, request, parts, one_at_a_time(emit))
        shown = rollout.planned()
        rollout.require_spare()
    dialogue.show(shown)
    if shown.changes:
        dialogue.confirm(_question(shown, parts))
    states = {part.prepared.plan.before.state for part in parts}
    if shown.empty and (not smoke_test or states == {State.DONE}):
        return Report(command)
    with dialogue.changing() as emit:
        rollout = _rollout(found, request, parts, one_at_a_time(emit))
        try:
            result = _applied(rollout, command, smoke_test=smoke_test)
        except (StepError, NotReadyError) as error:
            raise _rolled_back(error, rollout, request, parts, dialogue) from error
    return _report(command, parts, result)


def _rolled_back(
    error: KprovError, rollout: Rollout, request: Request, parts: Sequence[Part], dialogue: Dialogue
) -> KprovError:
    """The error to raise for a roll that failed: a node whose new release does not become ready goes back.

    The nodes before it keep the new release and those after it the old one, which may run side by side until the
    upgrade is finished.
    """
    acting = [member.connection for member in rollout.acting]
    part = next((part for part in parts if acting == [part.connection]), None)
    if part is None or (before := part.prepared.before) is None:
        return error
    where = part.connection.login.name
    releases = ", ".join(f"{role.product.label} {role.version}" for role in reversed(roles_of(part.prepared.node)))
    failure = Failure(error, f"{releases} did not become ready")
    emit = about(where, rollout.emit)
    return roll_back(part.connection, request, part.prepared, emit, dialogue.record, before=before, failure=failure)


def plan_cluster(found: Fleet, request: Request, goals: Sequence[Goal], dialogue: Dialogue) -> ClusterPlan:
    """What install or upgrade would change on all hosts, and in which stages."""
    dialogue.reaching(len(goals))
    with dialogue.progress() as emit:
        guarded = one_at_a_time(emit)
        parts = prepare_cluster(found.connections, request, goals, guarded)
        return _rollout(found, request, parts, guarded).planned()


def _rollout(found: Fleet, request: Request, parts: Sequence[Part], emit: Emit) -> Rollout:
    members = [
        Member(
            part.connection,
            part.prepared.node,
            part.prepared.plan,
            {
                role.name: service
                for role, service in zip(roles_of(part.prepared.node), part.prepared.services, strict=True)
            },
            about(part.connection.login.name, emit),
        )
        for part in parts
    ]
    patience = Patience.asked(request.ready, request.in_sync, downtime=request.downtime)
    return Rollout(members, patience, found.abandon, emit)


@contextmanager
def all_locked(rollout: Rollout, command: str) -> Iterator[list[Application]]:
    """Hold the locks of all hosts, taken in one fixed order: two runs never wait for each other.

    Raises LockedError, and PreflightError if a host is no longer what its plan was made from; nothing is changed yet.
    """
    with ExitStack() as stack:
        applied = {
            member.address: stack.enter_context(locked(member.connection, member.plan, command))
            for member in sorted(rollout.members, key=lambda item: lock_order(item.connection))
        }
        rollout.applications.update(applied)
        yield list(applied.values())


def _applied(rollout: Rollout, command: str, *, smoke_test: bool) -> SmokeResult | None:
    """Roll out and prove, under the locks of all hosts; the result of the smoke test, None without one."""
    with all_locked(rollout, command) as applied:
        rollout.begin()
        rollout.roll()
        rollout.await_brokers()
        rollout.finish()
        if not smoke_test:
            return None
        result = cluster_smoke_test(rollout.asked, rollout.emit)
        if result.passed:
            together([partial(mark_proven, item.connection, item.plan.after) for item in rollout.members])
        else:
            for item in applied:
                item.held.code, item.held.problem = ExitCode.NOT_READY, "the smoke test failed"
    return result


def _question(shown: ClusterPlan, parts: Sequence[Part]) -> str:
    changes, hosts = counted(shown.changes, "change"), counted(len(parts), "host")
    raised = next((part.prepared.raised for part in parts if part.prepared.raised), None)
    if raised:
        return (
            f"Raise the protocol of the cluster from {raised.was} to {raised.now}, in {changes} on {hosts}? "
            f"After that, you cannot go back to a Kafka before {raised.now}."
        )
    return f"Make these {changes} on {hosts}?"


def _report(command: str, parts: Sequence[Part], result: SmokeResult | None) -> Report:
    data: tuple[object, ...] = (result,) if result is not None else ()
    where = ", ".join(part.connection.login.name for part in parts)
    if result is not None and not result.passed:
        failed = Problem("the smoke test failed", where, hint="the failed step above says why")
        return Report(command, data, (failed,), ExitCode.NOT_READY)
    if all(part.prepared.plan.before.fresh for part in parts):
        data = (*data, installed([part.prepared.node for part in parts]))
    held = next((part.prepared.held for part in parts if part.prepared.held and part.prepared.before), "")
    if held:
        before = (
            f"the brokers are held at the protocol {held} until you finish the upgrade; before that:",
            "  see that your own clients produce and consume",
            "  see that all runs as it should: kprov status HOST",
        )
        return Report(command, (*data, NextStep("kprov upgrade HOST --finish", before)))
    return Report(command, (*data, NextStep("kprov status HOST")))
