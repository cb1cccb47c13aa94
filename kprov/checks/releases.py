"""Whether upstream still fixes the releases that will be installed."""

from __future__ import annotations

from collections.abc import Iterator

from kprov.checks.result import Finding, advice, good, unseen
from kprov.checks.subject import Subject


def end_of_life(host: Subject) -> Iterator[Finding]:
    """Compares today with the day on which upstream ends the support of each release."""
    old = [item for item in host.products if item.end_of_life and item.end_of_life <= host.today]
    current = [item for item in host.products if item.end_of_life > host.today]
    unknown = [item.label for item in host.products if not item.end_of_life]
    for item in old:
        yield advice(f"{item.label} has had no fixes since {item.end_of_life}", "choose a later release if you can")
    for item in current:
        yield good(f"{item.label} gets fixes until {item.end_of_life}")
    if unknown:
        yield unseen(
            f"the end of life of {', '.join(unknown)} is unknown to kprov", "check the support dates of the project"
        )
