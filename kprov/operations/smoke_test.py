"""smoke-test: proves that clients are served."""

from __future__ import annotations

import re
from functools import partial

from kprov.errors import ExitCode, Problem, UsageError
from kprov.events import Emit, about
from kprov.operations.fleet import Fleet
from kprov.operations.prove import prove, prove_cluster
from kprov.operations.report import Report
from kprov.operations.session import installed
from kprov.rollout.health import Asked
from kprov.rollout.together import one_at_a_time, together

# Kafka's own rule (common/internals/Topic.java).
_TOPIC = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}")


def require_topic_name(name: str | None) -> None:
    """Raise UsageError for an invalid topic name, before a host is contacted."""
    if name is not None and not _TOPIC.fullmatch(name):
        hint = "a name holds up to 249 letters, digits, '.', '_' and '-'"
        raise UsageError(f"{name!r} is not the name of a topic", where="--topic", hint=hint)


def smoke_test(found: Fleet, emit: Emit, topic: str | None, *, keep: bool) -> Report:
    """Run the smoke test against what is installed. Raises PreflightError if nothing is, and what prove raises."""
    where = ", ".join(connection.login.name for connection in found.connections)
    if found.several:
        nodes = together([partial(installed, connection) for connection in found.connections], found.abandon)
        asked = [Asked(connection, of.node) for connection, of in zip(found.connections, nodes, strict=True)]
        result = prove_cluster(asked, one_at_a_time(emit), topic, keep=keep)
    else:
        connection = found.connections[0]
        result = prove(connection, installed(connection).node, about(where, emit), topic, keep=keep)
    if result.passed:
        return Report("smoke-test", (result,))
    failed = Problem("the smoke test failed", where, hint="the failed step above says why")
    return Report("smoke-test", (result,), (failed,), ExitCode.NOT_READY)
