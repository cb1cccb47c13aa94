"""The ways to the directories and programs that an install uses: links that lead nowhere, and closed directories."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from kprov.checks.result import Finding, bad, good, unseen
from kprov.checks.subject import Closed, Subject, Way
from kprov.spec.directory import fleeting_problem, overlap, path_problem


def paths(host: Subject) -> Iterator[Finding]:
    """Every path leads to a place where its files can be, and no two data directories to the same one."""
    found = [*_broken(host.ways), *_misled(host.ways), *_shared(host.ways)]
    yield from found
    if not found:
        linked = [f"{way.path} leads to {way.real}" for way in host.ways if way.real != way.path]
        yield good(", ".join(linked) or "no symbolic link is on the way to any directory")


def access(host: Subject) -> Iterator[Finding]:
    """The services' users may search every directory above what they use, and run Java."""
    closed: dict[str, list[Closed]] = {}
    for item in dict.fromkeys(closed for way in host.ways for closed in way.closed):
        closed.setdefault(item.path, []).append(item)
    for path, items in closed.items():
        first = items[0]
        users = " and ".join(item.user for item in items)
        uses = dict.fromkeys(way.path for way in host.ways if any(item.path == path for item in way.closed))
        if path in uses:
            yield bad(f"{users} cannot run {path} (mode {first.mode}, {first.owner})", f"chmod o+rx {path}")
            continue
        what = f"{users} cannot pass {path} (mode {first.mode}, {first.owner}), which is above {', '.join(uses)}"
        yield bad(what, f"open it with chmod o+x {path}, or choose another directory")
    unknown = [way.path for way in host.ways if not way.judged]
    if unknown:
        hint = "look with namei -l"
        yield unseen(f"whether the services' users may reach {', '.join(unknown)} could not be seen", hint)
    elif not closed:
        yield good("the services' users can reach every directory that they use")


def _broken(ways: tuple[Way, ...]) -> Iterator[Finding]:
    """Links to nothing and files where directories should be, each once."""
    for dangling, target in dict.fromkeys((way.dangling, way.target) for way in ways if way.dangling):
        uses = ", ".join(way.path for way in ways if way.dangling == dangling)
        what = f"{dangling} is a symbolic link to {target}, which does not exist; it is on the way to {uses}"
        yield bad(what, f"create {target} or mount what belongs there, or remove the link")
    for blocked in dict.fromkeys(way.blocked for way in ways if way.blocked):
        uses = ", ".join(way.path for way in ways if way.blocked == blocked)
        yield bad(f"{blocked} is not a directory; it is on the way to {uses}", "move it away, or choose another place")


def _misled(ways: tuple[Way, ...]) -> Iterator[Finding]:
    """Links to places whose names a unit cannot carry, or where files do not stay."""
    for way in ways:
        if way.real == way.path or way.dangling or way.blocked:
            continue
        if problem := path_problem(way.real) or fleeting_problem(way.real):
            yield bad(f"{way.path} leads to {way.real}: {problem.what}", "change the link on the way, or the directory")


def _shared(ways: tuple[Way, ...]) -> Iterator[Finding]:
    """Data directories that are different as written and the same, or one inside the other, on the host."""
    for one, two in itertools.combinations([way for way in ways if way.data], 2):
        if overlap(one.real, two.real) and not overlap(one.path, two.path):
            what = f"{one.path} leads to {one.real} and {two.path} to {two.real}, which overlap"
            yield bad(what, "choose directories outside each other")
