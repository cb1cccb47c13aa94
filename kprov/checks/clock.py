"""Compares the host's clock with the operator's, and looks for a time service."""

from __future__ import annotations

from collections.abc import Iterator

from kprov.checks.result import Finding, advice, good, unseen
from kprov.checks.subject import Subject

# More than this confuses retention, certificates and people who compare logs.
_TOLERATED_SECONDS = 5.0
_CHRONY = "install and start chrony: systemctl enable --now chronyd"


def clock(host: Subject) -> Iterator[Finding]:
    """The difference between the clocks that network delay cannot explain."""
    if host.skew is None:
        yield unseen("the host's time could not be read", "check it with date")
    elif abs(host.skew) > _TOLERATED_SECONDS:
        ahead = "ahead of" if host.skew > 0 else "behind"
        yield advice(
            f"the host's clock is {abs(host.skew):.0f} s {ahead} this machine's",
            f"set the one that is wrong; {_CHRONY}",
        )
    else:
        yield good(f"the host's clock is within {max(1, round(abs(host.skew) + 0.5))} s of this machine's")


def time_sync(host: Subject) -> Iterator[Finding]:
    """A time service runs. A container shares the clock of its machine and needs none."""
    if host.keepers:
        state = {"yes": "; the clock is synchronized", "no": "; the clock is not synchronized yet"}
        yield good(f"{', '.join(host.keepers)} runs{state.get(host.synchronized, '')}")
    elif host.synchronized == "yes":
        yield good("the kernel reports a synchronized clock")
    elif host.container:
        yield good(f"the host is a container ({host.container}) and shares the clock of its machine")
    else:
        yield advice("no time service runs on the host", _CHRONY)
