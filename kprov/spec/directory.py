"""Which directories kprov makes, fills and takes away again on a host."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from kprov.errors import Problem

_ELSEWHERE = "choose one below /usr/local, /var/lib, /opt, /srv or /home"
_UNSAFE = re.compile(r"[^A-Za-z0-9._/+@=-]")  # what units, start scripts and .properties carry without quoting
_LONGEST_NAME, _LONGEST_PATH = 255, 1024  # NAME_MAX; well below PATH_MAX, for what is made inside
# Everything below them is the system's. /root is closed to the services' users.
_SYSTEM_TREES = ("/bin", "/boot", "/etc", "/lib", "/lib64", "/root", "/sbin", "/usr")
_LOST_AT_BOOT = ("/dev", "/proc", "/run", "/sys", "/var/run")
_CLEANED = ("/tmp", "/var/tmp")  # noqa: S108 (files of 10 and 30 days go: CentOS 7's tmpfiles.d/tmp.conf)
# Directories of the Filesystem Hierarchy Standard in which packages have their own; what is in them is free to take.
_LOCAL = ("bin", "etc", "games", "include", "lib", "lib64", "libexec", "man", "sbin", "share", "src")
_VAR = ("account", "backups", "cache", "crash", "db", "games", "lib", "local", "lock", "log", "mail", "opt", "spool")
_SHARED = frozenset([*(f"/usr/local/{name}" for name in _LOCAL), *(f"/var/{name}" for name in _VAR)])
# Where kprov itself unpacks releases and keeps its receipt.
_OWN = re.compile(r"/usr/local/(?:java|kafka_\d[^/]*|(?:apache-)?zookeeper-\d[^/]*)(?:/.*)?|/var/lib/kprov(?:/.*)?")


def path_problem(path: str) -> Problem | None:
    """What is wrong with the way in which an absolute path is written; None if nothing is."""
    if not path.startswith("/"):
        if not path:
            return Problem("the path is empty", hint="write an absolute one, for instance /var/lib/kafka")
        plain = path.lstrip("./")
        example = f"/{plain}" if "/" in plain else f"/srv/{plain or 'kafka'}"
        return Problem(f"{path!r} is a relative path", hint=f"write an absolute one, for instance {example}")
    if match := _UNSAFE.search(path):
        return Problem(
            f"{path!r} has the character {match[0]!r}, which start scripts cannot carry",
            hint="use letters, digits, . _ - + @ = and /",
        )
    parts = path.rstrip("/").split("/")[1:]
    if any(part in {"", ".", ".."} for part in parts):
        return Problem(f"{path!r} is not a plain path", hint="leave out '.', '..' and doubled slashes")
    if len(path) > _LONGEST_PATH or any(len(part) > _LONGEST_NAME for part in parts):
        return Problem(f"{path[:60] + '...'!r} is too long for a path", hint="choose a shorter one")
    return None


def directory_problem(path: str) -> Problem | None:
    """What speaks against making, owning and perhaps removing this directory; None if nothing does."""
    if problem := path_problem(path):
        return problem
    plain = plain_path(path)
    if problem := fleeting_problem(plain):
        return problem
    system = any(_inside(plain, tree) for tree in _SYSTEM_TREES) and not plain.startswith("/usr/local/")
    if system or plain in _SHARED:
        return Problem(f"{path!r} is a directory of the system", hint=_ELSEWHERE)
    if plain.count("/") < 2:
        hint = _ELSEWHERE if plain == "/" else f"choose one below it, for instance {plain}/kafka"
        return Problem(f"{path!r} is at the top of the file system", hint=hint)
    if _OWN.fullmatch(plain):
        return Problem(f"{path!r} is where kprov keeps releases and receipts", hint="choose another one")
    return None


def fleeting_problem(path: str) -> Problem | None:
    """What speaks against keeping anything below this path; None if nothing does."""
    if any(_inside(path, tree) for tree in _CLEANED):
        return Problem(f"{path!r} is cleaned of old files by the system", hint=_ELSEWHERE)
    if any(_inside(path, tree) for tree in _LOST_AT_BOOT):
        return Problem(f"{path!r} does not outlive a reboot", hint=_ELSEWHERE)
    return None


def plain_path(path: str) -> str:
    """The path without a slash at its end."""
    return path.rstrip("/") or "/"


def overlap(one: str, two: str) -> bool:
    """Whether two directories are the same, or one lies in the other."""
    return _inside(one, two) or _inside(two, one)


def _inside(path: str, tree: str) -> bool:
    return PurePosixPath(path).is_relative_to(tree)
