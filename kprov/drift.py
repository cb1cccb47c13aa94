"""Drift: the differences between a host and its receipt. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kprov.kinds import labels
from kprov.kinds.base import ABSENT, Answer
from kprov.receipt import Receipt


@dataclass(frozen=True)
class Drift:
    """One difference. id: of the entry in the receipt; what: in words, without a full stop."""

    id: str
    what: str


def drift(receipt: Receipt, answers: Mapping[str, Answer]) -> tuple[Drift, ...]:
    """Every difference, in the receipt's order.

    What an interrupted run did not reach is not drift; the receipt's state shows it. SELinux labels that could not be
    compared are listed, since they may be wrong.
    """
    why = labels.uncompared(answers)
    unread = (Drift(labels.ID, f"cannot be compared with SELinux's policy: {why}"),) if why else ()
    return unread + tuple(
        Drift(entry.id, what)
        for entry in receipt.made.values()
        if not entry.pending
        for what in entry.drift(answers.get(entry.id, ABSENT))
    )
