"""What a check says: how it went, what was seen, and what mends it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How a check went. Unknown is a state of its own: what could not be seen has not passed."""

    PASS = "pass"  # noqa: S105 (no password)
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """What one check found; evidence and fix are sentences without a full stop."""

    status: Outcome
    evidence: str
    fix: str = ""


@dataclass(frozen=True)
class Result:
    """A finding under the name of its check, which is stable, and its theme."""

    check: str
    theme: str
    status: Outcome
    evidence: str
    fix: str = ""


def good(evidence: str) -> Finding:
    """It is as it should be."""
    return Finding(Outcome.PASS, evidence)


def advice(evidence: str, fix: str) -> Finding:
    """It will do, and could be better."""
    return Finding(Outcome.WARN, evidence, fix)


def bad(evidence: str, fix: str) -> Finding:
    """An install would fail, or what it makes would."""
    return Finding(Outcome.FAIL, evidence, fix)


def unseen(evidence: str, fix: str) -> Finding:
    """The host did not tell."""
    return Finding(Outcome.UNKNOWN, evidence, fix)
