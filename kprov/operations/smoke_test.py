"""smoke-test: proves that clients are served."""

from __future__ import annotations

import re
from functools import partial

from kprov.errors import ExitCode, Problem, UsageError
from kprov.events import about
from kprov.node.lock import host_locks
from kprov.operations.dialogue import Dialogue
from kprov.operations.fleet import Fleet
from kprov.operations.prove import prove, prove_cluster
from kprov.operations.report import Report
from kprov.operations.session import installed
from kprov.rollout.health import Asked
from kprov.rollout.together import one_at_a_time, together
from kprov.smoke import SmokeResult
from kprov.smoke.failover import choose, failover_test
from kprov.topology import Node

# Kafka's own rule (common/internals/Topic.java).
_TOPIC = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}")


def require_topic_name(name: str | None) -> None:
    """Raise UsageError for an invalid topic name, before a host is contacted."""
    if name is not None and not _TOPIC.fullmatch(name):
        hint = "a name holds up to 249 letters, digits, '.', '_' and '-'"
        raise UsageError(f"{name!r} is not the name of a topic", where="--topic", hint=hint)


def smoke_test(found: Fleet, dialogue: Dialogue, topic: str | None, *, keep: bool, failover: bool = False) -> Report:
    """Run the smoke test against what is installed; failover: then kill a broker while messages flow.

    Raises PreflightError if nothing is installed, DeclinedError, and what prove raises.
    """
    where = ", ".join(connection.login.name for connection in found.connections)
    asked = _asked(found) if found.several or failover else []
    victim = choose(asked) if failover else None
    if victim is not None:
        dialogue.confirm(f"Kill broker {victim.id} on {victim.where}, to see whether the others take its place?")
    results: list[SmokeResult] = []
    with dialogue.changing() as emit:
        guarded = one_at_a_time(emit)
        if asked:
            results.append(prove_cluster(asked, guarded, topic, keep=keep))
        else:
            results.append(prove(found.connections[0], _node(found), about(where, emit), topic, keep=keep))
        if victim is not None and results[0].passed:
            # No other run may stop a broker meanwhile.
            with host_locks(found.connections, "smoke-test"):
                results.append(failover_test(asked, victim, guarded))
    if all(result.passed for result in results):
        return Report("smoke-test", tuple(results))
    what = "the smoke test failed" if not results[0].passed else "the failover test failed"
    failed = Problem(what, where, hint="the failed step above says why")
    return Report("smoke-test", tuple(results), (failed,), ExitCode.NOT_READY)


def _node(found: Fleet) -> Node:
    return installed(found.connections[0]).node


def _asked(found: Fleet) -> list[Asked]:
    nodes = together([partial(installed, connection) for connection in found.connections], found.abandon)
    return [Asked(connection, of.node) for connection, of in zip(found.connections, nodes, strict=True)]
