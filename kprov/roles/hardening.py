"""What is kept from the services: in their units as far as systemd 219 goes, and on later ones in a drop-in."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import PurePosixPath

from kprov.kinds.base import Resource
from kprov.kinds.directory import Directory
from kprov.kinds.file import File
from kprov.roles.templates import render

# The first systemd that knows each line (its NEWS). An older one would warn about it at each start.
_SINCE: tuple[tuple[int, str], ...] = (
    (231, "RestrictRealtime=yes"),
    (232, "ProtectKernelTunables=yes"),
    (232, "ProtectKernelModules=yes"),
    (232, "ProtectControlGroups=yes"),
    (232, "RemoveIPC=yes"),
    (233, "RestrictNamespaces=yes"),
    (235, "LockPersonality=yes"),
    # Refused with an error and not with a signal: Java tries one or the other, and continues without it.
    (239, "SystemCallFilter=@system-service"),
    (239, "SystemCallFilter=~@privileged @resources"),
    (239, "SystemCallErrorNumber=EPERM"),
    (242, "ProtectHostname=yes"),
    (242, "RestrictSUIDSGID=yes"),
    (244, "ProtectKernelLogs=yes"),
    (245, "ProtectClock=yes"),
    (247, "ProtectProc=invisible"),
)
_STRICT_SINCE = 232
_HOMES = ("/home", "/root", "/run/user")  # what ProtectHome= is about
_SYSTEM = ("/usr", "/boot", "/etc")  # what ProtectSystem=full makes read-only
PROTECTED = (*_HOMES, *_SYSTEM)


def as_written_and_real(paths: Iterable[str], real: Mapping[str, str]) -> list[str]:
    """Each path, and where it leads if a symbolic link is on the way: systemd follows no link to find its mounts."""
    return list(dict.fromkeys(name for path in paths for name in (path, real.get(path, path))))


def protect_home(paths: Iterable[str], real: Mapping[str, str]) -> str:
    """ProtectHome= for a service that uses these paths: all of it is hidden, or read-only where one lies there."""
    return "read-only" if any(_protected(path, _HOMES, real) for path in paths) else "yes"


def writable(paths: Iterable[str], real: Mapping[str, str], optional: Collection[str] = ()) -> list[str]:
    """Where those lead that ProtectSystem=full and ProtectHome=read-only would make read-only, for systemd."""
    return [place(path, real, optional) for path in paths if _protected(path, PROTECTED, real)]


def place(path: str, real: Mapping[str, str], optional: Collection[str] = ()) -> str:
    """Where a path leads, for a list of writable directories; with ``-`` where it may be missing."""
    return f"{'-' if path in optional else ''}{real.get(path, path)}"


def mount_units(paths: Iterable[str]) -> list[str]:
    """The mount units on which these paths may lie, named by systemd's rule (systemd-escape --path)."""
    tops = (top for path in paths for top in (PurePosixPath(path), *PurePosixPath(path).parents))
    return [f"{_escaped(str(top))}.mount" for top in sorted(set(tops)) if str(top) != "/"]


def _escaped(path: str) -> str:
    plain = [
        character if (character.isascii() and character.isalnum()) or character in ":_/" else ""
        for character in path.strip("/")
    ]
    return "".join(
        text.replace("/", "-") or ("." if character == "." and place else _bytes(character))
        for place, (text, character) in enumerate(zip(plain, path.strip("/"), strict=True))
    )


def _bytes(character: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in character.encode())


def hardening(unit: str, systemd: int, written: Iterable[str]) -> list[Resource]:
    """The drop-in for a systemd that knows more than 219; nothing for one that does not.

    written: every directory that the service writes to; all others become read-only.
    """
    lines = [line for since, line in _SINCE if systemd >= since]
    if not lines:
        return []
    if systemd >= _STRICT_SINCE:
        lines += ["ProtectSystem=strict", f"ReadWritePaths={' '.join(written)}"]
    folder = f"/etc/systemd/system/{unit}.d"
    text = render("hardening.conf", unit=unit, lines=lines)
    return [Directory(folder, shared=True), File(f"{folder}/kprov-hardening.conf", text)]


def _protected(path: str, tops: Iterable[str], real: Mapping[str, str]) -> bool:
    """Whether a path lies or leads into one of these directories, which may be links themselves."""
    return any(
        name == top or name.startswith(f"{top}/")
        for name in as_written_and_real([path], real)
        for top in as_written_and_real(tops, real)
    )
