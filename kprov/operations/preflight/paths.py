"""Which paths an installation uses: where it writes, what it reads, and whose services go there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from kprov.roles.base import UsedPath
from kprov.roles.common import RELEASES
from kprov.roles.java import java_program
from kprov.roles.of_node import roles_of
from kprov.topology import Node

STATE = "/var/lib/kprov"
UNIT_FILES = "/etc/systemd/system"
_PROFILE = "/etc/profile.d"


def used_paths(node: Node) -> tuple[UsedPath, ...]:
    """Every path that kprov or a service must be able to reach, each once."""
    roles = roles_of(node)[::-1]  # the order in which messages name them: the broker first
    everybody = tuple(role.user for role in roles)
    return _merged(
        [
            *(path for role in roles for path in role.used_paths()),
            UsedPath(node.java_home, "Java", everybody),
            UsedPath(java_program(node.java_home), "Java", everybody),
            UsedPath(RELEASES, "the releases", everybody),
            *(UsedPath(path, "what kprov writes") for path in (STATE, UNIT_FILES, _PROFILE)),
        ]
    )


def _merged(paths: Iterable[UsedPath]) -> tuple[UsedPath, ...]:
    """Each path once, with the users of all services that use it."""
    found: dict[str, UsedPath] = {}
    for item in paths:
        before = found.get(item.path, item)
        found[item.path] = replace(before, users=tuple(dict.fromkeys((*before.users, *item.users))))
    return tuple(found.values())


def written_directories(node: Node) -> tuple[str, ...]:
    """Directories that the services write to and that stay."""
    roles = roles_of(node)
    data = (place.path for role in roles for place in role.data)
    return tuple(dict.fromkeys((*data, *(role.logs for role in roles))))
