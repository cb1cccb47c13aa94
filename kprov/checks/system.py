"""Operating system, architecture and systemd."""

from __future__ import annotations

from collections.abc import Iterator

from kprov.checks.result import Finding, bad, good, unseen
from kprov.checks.subject import Subject

# 7.0 and 7.1 ship 208, which lacks ProtectSystem and more (docs/hosts.md).
_OLDEST_SYSTEMD = 219


def operating_system(host: Subject) -> Iterator[Finding]:
    """The host runs Linux, of any distribution."""
    if host.system != "Linux":
        yield bad(f"the host runs {host.system}, not Linux", "choose a Linux host with systemd")
    else:
        yield good(f"{host.os_name or 'Linux'}, kernel {host.kernel or 'unknown'}")


def architecture(host: Subject) -> Iterator[Finding]:
    """The host has an architecture that Java archives exist for, and a 64-bit user space."""
    kind = f"{host.machine}, {host.bits} bit" if host.bits else host.machine
    hint = "choose a host with a 64-bit x86_64 or aarch64 system: the Java archives are for these"
    if host.machine not in {"x86_64", "aarch64"} or host.bits == 32:
        yield bad(f"the host is {kind}", hint)
    elif not host.bits:
        yield unseen(
            f"the host is {kind}; without getconf, whether its programs are 64 bit is unknown",
            "check with file /bin/sh: it must be a 64-bit program",
        )
    else:
        yield good(kind)


def systemd(host: Subject) -> Iterator[Finding]:
    """systemd runs as PID 1 and is new enough for the units."""
    if host.systemd is None:
        yield bad("systemd is not running as the host's init", "choose a host that boots with systemd")
    elif host.systemd < _OLDEST_SYSTEMD:
        what = f"systemd {host.systemd} is older than {_OLDEST_SYSTEMD}"
        yield bad(what, "update the host; CentOS 7.0 and 7.1 have 208, 7.2 has 219")
    else:
        yield good(f"systemd {host.systemd}")
