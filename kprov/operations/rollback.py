"""Rolls a host back to the releases that it ran before, and reports it.

The report is an error of the kind of the first cause. Its problems come in this order: the first cause, what happened
during the rollback, and the state that the host is in now. It promises nothing that was not checked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kprov.errors import InterruptedRunError, KprovError, Problem
from kprov.events import Emit, Message, Warned
from kprov.host.connection import Connection
from kprov.host.facts import probe
from kprov.kinds.service import UnitState
from kprov.operations.prepare import Prepared, apply_prepared, prepare
from kprov.operations.prove import prove_install
from kprov.operations.request import Goal, Request
from kprov.operations.reset import reset_command
from kprov.operations.session import receipt_of
from kprov.plan import Plan
from kprov.receipt import QUESTION, State
from kprov.roles.base import units
from kprov.roles.of_node import roles_of
from kprov.spec.settings import changed

COMMAND = "rollback"  # the name that the lock and the host's journal show


@dataclass(frozen=True)
class Failure:
    """Why a host is rolled back.

    error: the first cause. what: a sentence about the releases that were asked for, without a full stop.
    """

    error: KprovError
    what: str


@dataclass(frozen=True)
class Rollback:
    """What happened during a rollback.

    target: the release that it goes back to. applied: whether its plan was applied and every service became ready.
    proven: whether the smoke test passed after that. problems: why it was not applied or not proven.
    interrupted: whether Ctrl-C ended it.
    """

    target: str
    applied: bool = False
    proven: bool = False
    problems: tuple[Problem, ...] = ()
    interrupted: bool = False


@dataclass(frozen=True)
class HostNow:
    """The state of a host after a rollback.

    kafka: the version in its receipt. finished: whether the run that wrote the receipt has finished. units: each
    unit with systemd's word for its state. unknown: why nothing is known; empty if the host was probed.
    """

    kafka: str = ""
    finished: bool = True
    units: tuple[tuple[str, str], ...] = ()
    unknown: str = ""

    def __str__(self) -> str:
        """The state in one sentence, without a full stop."""
        if self.unknown:
            return f"the state of the host is not known: {self.unknown}"
        last = "is installed" if self.finished else "is being installed, and that run did not finish"
        units = ", ".join(f"{unit} is {state}" for unit, state in self.units)
        return f"the host now: according to its receipt, Kafka {self.kafka} {last}; {units}"

    @property
    def active(self) -> bool:
        """Whether every unit runs."""
        return not self.unknown and all(state == "active" for _, state in self.units)


def roll_back(
    connection: Connection,
    request: Request,
    prepared: Prepared,
    emit: Emit,
    planned: Callable[[Plan], None],
    *,
    before: Goal,
    failure: Failure,
) -> KprovError:
    """Roll back to the releases that ran before; returns the error to raise.

    before: the goal of the previous run. planned: called with the plan of the rollback before it is applied.
    """
    target = f"Kafka {before.node.cluster.kafka.version}"
    for problem in failure.error.problems:
        emit(Warned(f"{problem}; rolling back to {target}"))
    back = _attempt(connection, _request_back(request, prepared.plan, before), before, emit, planned)
    now = (
        HostNow(unknown="it was not looked at")
        if back.interrupted
        else look(connection, units(roles_of(prepared.node)))
    )
    return report(failure, back, now, connection.login.name, _by_hand(request, prepared.plan))


def report(failure: Failure, back: Rollback, now: HostNow, where: str, by_hand: str) -> KprovError:
    """The error to raise: the first cause, the rollback, the state of the host now. Pure.

    by_hand: how the user can restore the earlier releases after a rollback that failed.
    """
    if back.proven:
        happened = [Problem(f"{failure.what}; rolled back to {back.target}, and the smoke test passed", where)]
        hint = "fix the first cause above before you try again"
    elif back.applied:
        happened = [
            _prefixed(f"{failure.what}; rolled back to {back.target}, but it was not proven", problem)
            for problem in back.problems
        ]
        hint = "run the smoke test again: kprov smoke-test HOST"
    else:
        happened = [
            _prefixed(f"{failure.what}; the rollback to {back.target} failed", problem) for problem in back.problems
        ]
        hint = f"fix the causes above; {by_hand}".removesuffix("; ")
    look_again = "" if now.active and back.applied else "check what runs: kprov status HOST; "
    state = Problem(str(now), where, hint=f"{look_again}{hint}")
    kind = InterruptedRunError if back.interrupted else type(failure.error)
    return kind([*failure.error.problems, *happened, state])


def _prefixed(what: str, problem: Problem) -> Problem:
    return Problem(f"{what}: {problem.what}", problem.where, problem.cause, problem.hint)


def look(connection: Connection, units: Sequence[str]) -> HostNow:
    """The state of the host now. A host that does not answer is no error here."""
    try:
        seen = probe(connection, [QUESTION, *(("probe_unit", unit, unit) for unit in units)])
        receipt = receipt_of(seen["receipt"], connection.login.name)
    except KprovError as error:
        return HostNow(unknown=error.problems[0].what)
    if receipt is None:
        return HostNow(unknown="it has no receipt")
    states = tuple((unit, UnitState.of(seen[unit]).properties.get("ActiveState", "unknown")) for unit in units)
    return HostNow(str(receipt.releases.get("kafka", "")), receipt.state is not State.APPLYING, states)


def _attempt(
    connection: Connection, request: Request, before: Goal, emit: Emit, planned: Callable[[Plan], None]
) -> Rollback:
    """Apply the plan of the rollback and run the smoke test; every failure becomes part of the result."""
    target = f"Kafka {before.node.cluster.kafka.version}"
    applied = False
    try:
        prior = prepare(connection, request, before, emit)
        planned(prior.plan)
        apply_prepared(connection, prior, COMMAND, emit, request.ready)
        applied = True
        emit(Message(f"{connection.login.name}: {target} is ready again"))
        smoke = prove_install(connection, prior.node, prior.plan.after, COMMAND, emit)
    except KprovError as error:
        return Rollback(target, applied, problems=error.problems)
    except KeyboardInterrupt:
        interrupted = Problem("interrupted", connection.login.name)
        return Rollback(target, applied, problems=(interrupted,), interrupted=True)
    failed = () if smoke.passed else (Problem("the smoke test failed", connection.login.name, smoke.failure),)
    return Rollback(target, applied, proven=smoke.passed, problems=failed)


def _request_back(request: Request, plan: Plan, before: Goal) -> Request:
    """The request for the earlier goal, without this run's settings; releases that this run added are removed."""
    return Request(
        None,
        request.hosts,
        (),
        request.access,
        request.archives,
        ignored=request.ignored,
        accepted=request.accepted,
        back=before,
        drop=frozenset(change.id for change in plan.changes if change.upload),
        ready=request.ready,
    )


def _by_hand(request: Request, plan: Plan) -> str:
    """The command that restores the earlier releases."""
    if plan.before.spec is None or plan.after.spec is None:
        return ""
    return reset_command(request, changed(plan.before.spec, plan.after.spec))
