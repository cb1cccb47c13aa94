"""Operating system, architecture and systemd."""

from __future__ import annotations

from collections.abc import Iterator

from kprov.checks.result import Finding, bad, good, unseen
from kprov.checks.subject import Subject

# 7.0 and 7.1 ship 208, which lacks ProtectSystem and more (docs/hosts.md).
_OLDEST_SYSTEMD = 219


def operating_system(host: Subject) -> Iterator[Finding]:
    """Linux, of any distribution."""
    if host.system != "Linux":
        yield bad(f"the host runs {host.system}, not Linux", "choose a Linux host with systemd")
    else:
        yield good(f"{host.os_name or 'Linux'}, kernel {host.kernel or 'unknown'}")


def architecture(host: Subject) -> Iterator[Finding]:
    """A machine that Java's archives are made for, with a user space of 64 bits."""
    kind = f"{host.machine}, {host.bits} bit" if host.bits else host.machine
    hint = "Java's archives are for 64-bit x86_64 and aarch64"
    if host.machine not in {"x86_64", "aarch64"} or host.bits == 32:
        yield bad(f"the host is {kind}", hint)
    elif not host.bits:
        yield unseen(f"the host is {kind}; there is no getconf to tell whether its programs are 64 bit", hint)
    else:
        yield good(kind)


def systemd(host: Subject) -> Iterator[Finding]:
    """systemd as PID 1, and new enough for the units."""
    if host.systemd is None:
        yield bad("systemd is not running as the host's init", "choose a host that boots with systemd")
    elif host.systemd < _OLDEST_SYSTEMD:
        what = f"systemd {host.systemd} is older than {_OLDEST_SYSTEMD}"
        yield bad(what, "CentOS 7.0 and 7.1 have 208: update to 7.2 or later")
    else:
        yield good(f"systemd {host.systemd}")
