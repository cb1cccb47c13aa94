"""How to reset settings with which a service does not become ready: what changed, and the command that resets it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from kprov.errors import KprovError, NotReadyError, Problem
from kprov.operations.request import Request
from kprov.operations.session import recorded_spec
from kprov.plan import Plan
from kprov.spec.model import Cluster
from kprov.spec.settings import Setting, changed, reset_words
from kprov.topology import topology

# After a first install only these are offered: nobody wants to reset the choice of a release or a directory.
_TUNED = {
    "kafka.heap",
    "kafka.jmx_port",
    "kafka.port",
    "zookeeper.heap",
    "zookeeper.client_port",
    "hosts[0].advertised",
}


def with_reset_command(error: KprovError, request: Request, where: str, plan: Plan) -> KprovError:
    """The error with the command that resets changed settings, if they may be its cause."""
    starting = isinstance(error, NotReadyError) or any(" service " in problem.what for problem in error.problems)
    cause = "\n".join(f"{problem.what}\n{problem.cause}" for problem in error.problems)
    back = reset_problem(request, where, plan, cause) if starting else None
    return type(error)([*error.problems, back]) if back else error


def reset_problem(request: Request, where: str, plan: Plan, cause: str) -> Problem | None:
    """How to reset the settings that changed since the services last ran; None if none did.

    cause: the end of the log. If it names one of them, only that one is reset.
    """
    if plan.after.spec is None:
        return None
    ran = plan.before.ran
    settings = _of_first_install(plan.after.spec) if ran is None else changed(ran["spec"], plan.after.spec)
    named = [item for item in settings if item.name and item.name in cause]
    suspects = named or list(settings)
    if not suspects:
        return None
    what = "the log names a setting that changed" if named else "settings changed since the services last ran"
    lines = "\n".join(str(item) for item in suspects)
    return Problem(what, where, lines, reset_command(request, suspects))


def reset_command(request: Request, settings: Sequence[Setting]) -> str:
    """How to reset these to their old values: a command, or where to do it by hand; empty if there are none."""
    if request.config is not None:
        return f"put the old values back in {request.config}, then run the same command again"
    words, rest = reset_words(settings)
    by_hand = f"set {', '.join(item.key for item in rest)} back by hand" if rest else ""
    if not words:
        return by_hand
    command = shlex.join(["kprov", "install", "HOST", *words])
    return f"{by_hand}; take the others back with: {command}" if rest else f"take it back with: {command}"


def _of_first_install(spec: Mapping[str, Any]) -> tuple[Setting, ...]:
    """The tuning settings that differ from their defaults."""
    bare = Cluster.model_validate({"hosts": [{"address": spec["hosts"][0]["address"]}]})
    found = changed(recorded_spec(topology(bare)[0]), spec)
    return tuple(item for item in found if item.name or item.key in _TUNED)
