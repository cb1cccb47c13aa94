"""Whether upstream still mends what will be installed."""

from __future__ import annotations

from collections.abc import Iterator

from kprov.checks.result import Finding, advice, good, unseen
from kprov.checks.subject import Subject


def end_of_life(host: Subject) -> Iterator[Finding]:
    """The chosen versions against the day on which upstream stopped."""
    old = [item for item in host.products if item.end_of_life and item.end_of_life <= host.today]
    current = [item for item in host.products if item.end_of_life > host.today]
    untold = [item.label for item in host.products if not item.end_of_life]
    for item in old:
        yield advice(f"{item.label} has had no fixes since {item.end_of_life}", "choose a later release where you can")
    for item in current:
        yield good(f"{item.label} gets fixes until {item.end_of_life}")
    if untold:
        yield unseen(f"no day is known for {', '.join(untold)}", "look at what its project says")
