"""The paths to the directories and programs that an install uses: broken links and closed directories."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from kprov.checks.result import Finding, bad, good, unseen
from kprov.checks.subject import Closed, ResolvedPath, Subject
from kprov.spec.directory import overlap, path_problem, volatile_problem


def paths(host: Subject) -> Iterator[Finding]:
    """Every path can be created or written, and no two data directories are the same or one inside the other."""
    found = [*_broken(host.ways), *_misled(host.ways), *_shared(host.ways)]
    yield from found
    if not found:
        linked = [f"{way.path} leads to {way.real}" for way in host.ways if way.real != way.path]
        yield good(", ".join(linked) or "no path contains a symbolic link")


def access(host: Subject) -> Iterator[Finding]:
    """The users of the services can enter every directory above what they use, and can run Java."""
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
        what = f"{users} cannot enter {path} (mode {first.mode}, {first.owner}), which contains {', '.join(uses)}"
        yield bad(what, f"allow it with chmod o+x {path}, or choose another directory")
    unknown = [way.path for way in host.ways if not way.judged]
    if unknown:
        what = f"whether the users of the services can reach {', '.join(unknown)} could not be determined"
        yield unseen(what, f"check with namei -l {' '.join(unknown)}")
    elif not closed:
        yield good("the users of the services can reach every directory that they use")


def _broken(ways: tuple[ResolvedPath, ...]) -> Iterator[Finding]:
    """Dangling links, and files where directories should be; each is reported once."""
    for dangling, target in dict.fromkeys((way.dangling, way.target) for way in ways if way.dangling):
        uses = ", ".join(way.path for way in ways if way.dangling == dangling)
        what = f"{dangling} is a symbolic link to {target}, which does not exist; this blocks {uses}"
        yield bad(what, f"create {target}, mount its file system, or remove the link")
    for blocked in dict.fromkeys(way.blocked for way in ways if way.blocked):
        uses = ", ".join(way.path for way in ways if way.blocked == blocked)
        yield bad(f"{blocked} is not a directory, which blocks {uses}", "move it away, or choose another path")


def _misled(ways: tuple[ResolvedPath, ...]) -> Iterator[Finding]:
    """Links to places whose names a unit cannot contain, or where files are lost."""
    for way in ways:
        if way.real == way.path or way.dangling or way.blocked:
            continue
        if problem := path_problem(way.real) or volatile_problem(way.real):
            yield bad(f"{way.path} leads to {way.real}: {problem.what}", "change the link, or choose another directory")


def _shared(ways: tuple[ResolvedPath, ...]) -> Iterator[Finding]:
    """Data directories with different paths that are the same on the host, or one inside the other."""
    for one, two in itertools.combinations([way for way in ways if way.data], 2):
        if overlap(one.real, two.real) and not overlap(one.path, two.path):
            what = f"{one.path} leads to {one.real} and {two.path} to {two.real}, which overlap"
            yield bad(what, "choose directories that do not overlap")
