"""What a run asks for: the command line, a kprov.yaml, and what the host remembers of earlier runs.

A kprov.yaml says all of it. Without one, what no flag names is taken from the host's receipt: any operator's machine
can run the same short command, and nothing that another one asked for is undone.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kprov.errors import Problem, UsageError
from kprov.host.ssh_config import Login
from kprov.operations.kept import remembered
from kprov.operations.one_host import one_host
from kprov.operations.preflight.outcome import require_names
from kprov.operations.session import Access
from kprov.receipt import Receipt
from kprov.spec.load import Flag, load
from kprov.spec.target import parse_target
from kprov.topology import Node, topology


@dataclass(frozen=True)
class Goal:
    """A node as it is wanted, and how to log in there."""

    node: Node
    login: Login


@dataclass(frozen=True)
class Request:
    """The words of one run.

    config: a kprov.yaml. host: HOST as it was typed. archives: a folder that is searched first. adopt: whether
    existing files are adopted. ignored: checks that do not stop the run. finish: whether a held protocol is raised.
    accepted: data directories that are used as they are, whatever the receipt remembers of them.
    back: what the host goes back to, whatever its receipt says; drop: ids of releases that go then. ready: seconds
    until a service must serve.
    """

    config: Path | None
    host: str | None
    flags: tuple[Flag, ...]
    access: Access
    archives: Path | None = None
    adopt: bool = False
    ignored: tuple[str, ...] = ()
    accepted: tuple[str, ...] = ()
    finish: bool = False
    back: Goal | None = None
    drop: frozenset[str] = frozenset()
    ready: int | None = None

    def goal(self) -> Goal:
        """All that can be said before the host is reached; raises UsageError with every mistake.

        Without a kprov.yaml the host may know versions and settings that the options are added to: what depends on
        these is not judged yet.
        """
        require_names(self.ignored)
        whole = self.config is not None
        return Goal(*self.access.reach(one_host(self.config, self.host, self.flags, whole=whole)))

    def goal_on(self, goal: Goal, receipt: Receipt) -> Goal:
        """What is asked of a host that has this receipt; raises UsageError."""
        if self.back is not None:
            return self.back
        if self.config is not None:
            return goal
        spec = receipt.spec if receipt.spec is not None else remembered(receipt)
        if spec is None:
            load(None, self.host, self.flags)  # nothing is added to what the options say: all of it can be judged
            return goal
        cluster = load(None, self.host, [*_login_flags(self.host or ""), *self.flags], _base(spec))
        return Goal(topology(cluster)[0], goal.login)

    def notes(self, goal: Goal, receipt: Receipt) -> Iterator[str]:
        """What the user should know about where the settings are from."""
        if receipt.restored:
            yield "the receipt on the host was cut off: the one before it is used, and all is looked at again"
        if self.config is not None or self.back is not None:
            return
        if receipt.spec is None:
            if remembered(receipt) is not None:
                yield "options you did not give have the values of the installation whose data uninstall kept"
            return
        yield "what no option names is as it was asked of this host before"
        host = goal.node.host
        if host.address != goal.login.hostname and host.advertised is None:
            yield (
                f"the host is reached at {goal.login.hostname} and stays known as {host.address}; "
                "--advertised changes what clients are told"
            )


def _base(spec: Any) -> dict[str, Any]:
    """The receipt's specification, as a file would say it: without what only looks like a wish."""
    tree: dict[str, Any] = copy.deepcopy(dict(spec))
    own = {*tree.get("kafka", {}).get("properties", {}), *tree["hosts"][0].get("broker", {}).get("properties", {})}
    if own & {"listeners", "port"}:
        tree["kafka"].pop("port", None)  # the default, which these would contradict
    return tree


def _login_flags(host: str) -> Iterator[Flag]:
    target = parse_target(host)
    if isinstance(target, Problem):
        raise UsageError(target.what, where="HOST", hint=target.hint)
    for key, value in (("user", target.user), ("port", target.port)):
        if value is not None:
            yield Flag("HOST", ("hosts", 0, "ssh", key), value)
