"""The way to each path: where it leads, what blocks it, and which users cannot enter a directory on it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from kprov.checks.subject import Closed, ResolvedPath
from kprov.host.facts import Probe
from kprov.kinds.base import ABSENT, Answer, Call
from kprov.operations.preflight.paths import used_paths
from kprov.roles.hardening import PROTECTED
from kprov.topology import Node

_WAY = "way:"


def way_questions(node: Node) -> list[Call]:
    """The questions about the way to each path."""
    used = [_question(item.path, item.users) for item in used_paths(node)]
    return [*used, *(_question(path) for path in PROTECTED)]


def ways(node: Node, seen: Mapping[str, Answer], made: Collection[str]) -> Iterator[ResolvedPath]:
    """The way to each path that is used; made: paths that kprov made."""
    for item in used_paths(node):
        answer = seen.get(f"{_WAY}{item.path}", ABSENT)
        # The plan makes a directory of its own accessible again.
        closed = tuple(directory for directory in _closed(answer) if directory.path not in made)
        yield ResolvedPath(
            item.purpose,
            item.path,
            answer.get("real", item.path),
            answer.get("dangling", ""),
            answer.get("target", ""),
            answer.get("blocked", ""),
            closed,
            answer.get("judged") == "yes" or not item.users,
            item.data,
        )


def real_paths(answer: Probe) -> dict[str, str]:
    """Where each path that was asked for leads once symbolic links are followed."""
    found = {id_.removeprefix(_WAY): seen for id_, seen in answer.seen.items() if id_.startswith(_WAY)}
    return {path: seen["real"] for path, seen in found.items() if seen.get("real") and not seen.get("dangling")}


def _question(path: str, users: Sequence[str] = ()) -> Call:
    return ("probe_way", f"{_WAY}{path}", path, *users)


def _closed(answer: Answer) -> Iterator[Closed]:
    for line in answer.get("closed", "").splitlines():
        user, mode, owner, path = (*line.split(" ", 3), "", "", "")[:4]
        yield Closed(user, path, mode.rjust(4, "0"), owner)
