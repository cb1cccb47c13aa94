"""Which directories kprov may create, use and remove on a host."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from kprov.errors import Problem

_ELSEWHERE = "choose a directory below /usr/local, /var/lib, /opt, /srv or /home"
_UNSAFE = re.compile(r"[^A-Za-z0-9._/+@=-]")  # other characters need quoting in units, start scripts or .properties
_LONGEST_NAME, _LONGEST_PATH = 255, 1024  # NAME_MAX; well below PATH_MAX, for the files inside
# Everything below these belongs to the system. The services' users cannot enter /root.
_SYSTEM_TREES = ("/bin", "/boot", "/etc", "/lib", "/lib64", "/root", "/sbin", "/usr")
_LOST_AT_BOOT = ("/dev", "/proc", "/run", "/sys", "/var/run")
_CLEANED = ("/tmp", "/var/tmp")  # noqa: S108 (CentOS 7 deletes files after 10 and 30 days: tmpfiles.d/tmp.conf)
# Directories of the Filesystem Hierarchy Standard that packages share; kprov may use directories inside them.
_LOCAL = ("bin", "etc", "games", "include", "lib", "lib64", "libexec", "man", "sbin", "share", "src")
_VAR = ("account", "backups", "cache", "crash", "db", "games", "lib", "local", "lock", "log", "mail", "opt", "spool")
_SHARED = frozenset([*(f"/usr/local/{name}" for name in _LOCAL), *(f"/var/{name}" for name in _VAR)])
# Where kprov itself unpacks releases and keeps its receipt.
_OWN = re.compile(r"/usr/local/(?:java|kafka_\d[^/]*|(?:apache-)?zookeeper-\d[^/]*)(?:/.*)?|/var/lib/kprov(?:/.*)?")


def path_problem(path: str) -> Problem | None:
    """What is wrong with the form of a path; None if it is a plain absolute path."""
    if not path.startswith("/"):
        if not path:
            return Problem("the path is empty", hint="write an absolute path, for instance /var/lib/kafka")
        plain = path.lstrip("./")
        example = f"/{plain}" if "/" in plain else f"/srv/{plain or 'kafka'}"
        return Problem(f"{path!r} is a relative path", hint=f"write an absolute path, for instance {example}")
    if match := _UNSAFE.search(path):
        return Problem(
            f"{path!r} contains {match[0]!r}, which start scripts cannot handle",
            hint="use letters, digits, . _ - + @ = and /",
        )
    parts = path.rstrip("/").split("/")[1:]
    if any(part in {"", ".", ".."} for part in parts):
        return Problem(f"{path!r} is not a plain path", hint="remove '.', '..' and double slashes")
    if len(path) > _LONGEST_PATH or any(len(part) > _LONGEST_NAME for part in parts):
        return Problem(
            f"{path[:60] + '...'!r} is too long",
            hint=f"use at most {_LONGEST_PATH} characters, and {_LONGEST_NAME} in each part",
        )
    return None


def directory_problem(path: str) -> Problem | None:
    """Why kprov must not create, own and perhaps remove this directory; None if it may."""
    if problem := path_problem(path):
        return problem
    plain = plain_path(path)
    if problem := volatile_problem(plain):
        return problem
    system = any(_inside(plain, tree) for tree in _SYSTEM_TREES) and not plain.startswith("/usr/local/")
    if system or plain in _SHARED:
        return Problem(f"{path!r} belongs to the system", hint=_ELSEWHERE)
    if plain.count("/") < 2:
        hint = _ELSEWHERE if plain == "/" else f"choose a directory below it, for instance {plain}/kafka"
        return Problem(f"{path!r} is at the top of the file system", hint=hint)
    if _OWN.fullmatch(plain):
        return Problem(f"{path!r} is reserved for kprov's releases and receipts", hint="choose another directory")
    return None


def volatile_problem(path: str) -> Problem | None:
    """Why files below this path would not last; None if they would."""
    if any(_inside(path, tree) for tree in _CLEANED):
        return Problem(f"the system deletes old files in {path!r}", hint=_ELSEWHERE)
    if any(_inside(path, tree) for tree in _LOST_AT_BOOT):
        return Problem(f"{path!r} is emptied by a reboot", hint=_ELSEWHERE)
    return None


def plain_path(path: str) -> str:
    """The path without a slash at its end."""
    return path.rstrip("/") or "/"


def overlap(one: str, two: str) -> bool:
    """Whether two directories are the same, or one lies in the other."""
    return _inside(one, two) or _inside(two, one)


def _inside(path: str, tree: str) -> bool:
    return PurePosixPath(path).is_relative_to(tree)
