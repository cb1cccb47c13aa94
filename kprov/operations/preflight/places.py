"""Directories that need disk space: how much an install needs there, and what the host says about the file system."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kprov.checks.subject import Place
from kprov.kinds.base import ABSENT, Answer, Call
from kprov.operations.preflight.answers import number
from kprov.operations.preflight.paths import STATE, UNIT_FILES, written_directories
from kprov.releases.archive import Archive
from kprov.releases.chosen import Releases
from kprov.releases.product import Product
from kprov.roles.common import RELEASES, release_path
from kprov.roles.java import java_path
from kprov.roles.of_node import roles_of
from kprov.topology import Node

_SETTINGS_TAKE = 2**20  # units, /etc/profile.d and the accounts
# How many files and directories a release has at most: ZooKeeper's archives contain sources and documents.
_FILES_IN = {Product.KAFKA: 500, Product.ZOOKEEPER: 5000, Product.JAVA: 3000}
_FILES_OF_UNITS, _FILES_IN_A_PLACE = 20, 50
_LOGS_MAY_TAKE = 500 * 2**20  # ten files of 50 MB (templates/log4j.properties.j2)


def disk_questions(node: Node) -> list[Call]:
    """The questions about the file systems."""
    temporary = (role.temporary for role in roles_of(node))
    paths = (RELEASES, STATE, UNIT_FILES, *written_directories(node), *temporary)
    return [("probe_disk", f"disk:{path}", path) for path in dict.fromkeys(paths)]


def places(node: Node, releases: Releases, seen: Mapping[str, Answer]) -> Iterator[Place]:
    """Each directory with what an install needs there; releases that are on the host need nothing."""
    missing = [item for item in releases.every if _absent(item, seen)]
    unpacked = sum(item.unpacked or 2 * item.size for item in missing)
    files = sum(_FILES_IN[item.product] for item in missing)
    yield _place(seen, RELEASES, "unpacking the releases", needed=unpacked, runs=True, files=files)
    yield _place(seen, STATE, "the uploaded archives", needed=sum(item.size for item in missing), keeps=True)
    yield _place(seen, UNIT_FILES, "the units", needed=_SETTINGS_TAKE, keeps=True, files=_FILES_OF_UNITS)
    roles = roles_of(node)
    for data in (data for role in roles for data in role.data):
        new = seen.get(f"data:{data.path}", ABSENT).get("status") == "absent"
        needed = data.starts_with if new else 0
        yield _place(seen, data.path, data.purpose, needed=needed, advised=data.soon, keeps=True)
    for role in roles:
        yield _place(seen, role.logs, "the logs", advised=_LOGS_MAY_TAKE)
    for role in roles:
        purpose = f"{role.product.label}'s temporary files and the codecs' libraries"
        yield _place(seen, role.temporary, purpose, runs=True)


def _place(
    seen: Mapping[str, Answer],
    path: str,
    purpose: str,
    *,
    needed: int = 0,
    advised: int = 0,
    runs: bool = False,
    keeps: bool = False,
    files: int = _FILES_IN_A_PLACE,
) -> Place:
    answer = seen.get(f"disk:{path}", ABSENT)
    return Place(
        purpose,
        path,
        answer.get("mount", ""),
        answer.get("type", ""),
        frozenset(answer.get("options", "").split(",")),
        answer.get("device", ""),
        number(answer, "kib"),
        number(answer, "inodes"),
        needed,
        advised,
        runs,
        keeps,
        files,
    )


def _absent(archive: Archive, seen: Mapping[str, Answer]) -> bool:
    path = java_path(archive) if archive.product is Product.JAVA else release_path(archive)
    return seen.get(f"release:{path}", ABSENT).get("status") != "present"
