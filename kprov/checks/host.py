"""Operating system, architecture, systemd, and the commands that kprov calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from kprov.errors import Problem

# 7.0 and 7.1 ship 208, which lacks ProtectSystem and more (docs/hosts.md).
_OLDEST_SYSTEMD = 219


class HostFacts(Protocol):
    """The part of the facts that is looked at here."""

    @property
    def system(self) -> str: ...
    @property
    def machine(self) -> str: ...
    @property
    def bits(self) -> int: ...
    @property
    def systemd(self) -> int | None: ...
    @property
    def missing(self) -> tuple[str, ...]: ...


def check_host(facts: HostFacts, where: str) -> Iterator[Problem]:
    """What makes a host impossible to provision."""
    if facts.system != "Linux":
        yield Problem(f"the host runs {facts.system}, not Linux", where, hint="choose a Linux host with systemd")
        return
    if facts.machine not in {"x86_64", "aarch64"} or facts.bits == 32:
        kind = f"{facts.machine}, {facts.bits} bit" if facts.bits else facts.machine
        yield Problem(f"the host is {kind}", where, hint="Java's archives are for 64-bit x86_64 and aarch64")
    if facts.systemd is None:
        yield Problem("systemd is not running as the host's init", where, hint="choose a host that boots with systemd")
    elif facts.systemd < _OLDEST_SYSTEMD:
        yield Problem(
            f"systemd {facts.systemd} is older than {_OLDEST_SYSTEMD}",
            where,
            hint="CentOS 7.0 and 7.1 have 208: update to 7.2 or later",
        )
    if facts.missing:
        yield Problem(
            f"the host lacks {', '.join(facts.missing)}",
            where,
            hint="install coreutils, sed, grep, tar, gzip and the package with useradd (shadow-utils, passwd)",
        )
