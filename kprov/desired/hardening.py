"""What is kept from the services: in their units as far as systemd 219 goes, and on later ones in a drop-in."""

from __future__ import annotations

from collections.abc import Iterable

from kprov.desired.templates import render
from kprov.resources.base import Resource
from kprov.resources.files import Directory, File

# The first systemd that knows each line (its NEWS). An older one would warn about it at each start.
_SINCE: tuple[tuple[int, str], ...] = (
    (231, "RestrictRealtime=yes"),
    (232, "ProtectKernelTunables=yes"),
    (232, "ProtectKernelModules=yes"),
    (232, "ProtectControlGroups=yes"),
    (232, "RemoveIPC=yes"),
    (233, "RestrictNamespaces=yes"),
    (235, "LockPersonality=yes"),
    # Refused with an error and not with a signal: Java tries one or the other and goes on without it.
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


def protect_home(paths: Iterable[str]) -> str:
    """ProtectHome= for a service that uses these paths: all of it is hidden, or read-only where one lies there."""
    return "read-only" if any(_below(path, _HOMES) for path in paths) else "yes"


def writable(paths: Iterable[str]) -> list[str]:
    """Those that ProtectSystem=full and ProtectHome=read-only would make read-only; one with ``-`` may be missing."""
    return [path for path in paths if _below(path.removeprefix("-"), (*_SYSTEM, *_HOMES))]


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


def _below(path: str, tops: Iterable[str]) -> bool:
    return any(path == top or path.startswith(f"{top}/") for top in tops)
