"""The host's clock against the operator's, and whether something keeps it."""

from __future__ import annotations

from collections.abc import Iterator

from kprov.checks.result import Finding, advice, good, unseen
from kprov.checks.subject import Subject

# Retention, certificates and people who compare logs bear this much.
_BEARABLE_SECONDS = 5.0
_KEEP = "install and start chrony: systemctl enable --now chronyd"


def clock(host: Subject) -> Iterator[Finding]:
    """The difference that remains when all that the way there could explain is taken off."""
    if host.skew is None:
        yield unseen("the host does not tell its time", "look with date")
    elif abs(host.skew) > _BEARABLE_SECONDS:
        ahead = "ahead of" if host.skew > 0 else "behind"
        yield advice(f"the host's clock is {abs(host.skew):.0f} s {ahead} this machine's", f"set one of them; {_KEEP}")
    else:
        yield good(f"the host's clock is within {max(1, round(abs(host.skew) + 0.5))} s of this machine's")


def time_sync(host: Subject) -> Iterator[Finding]:
    """A service that keeps the clock; a container has that of its machine."""
    if host.keepers:
        step = {"yes": ", the clock is in step", "no": ", the clock is not in step yet"}.get(host.synchronized, "")
        yield good(f"{', '.join(host.keepers)} keeps the time{step}")
    elif host.synchronized == "yes":
        yield good("the kernel's clock is in step")
    elif host.container:
        yield good(f"the host is a container ({host.container}): its clock is that of its machine")
    else:
        yield advice("nothing keeps the host's clock", _KEEP)
