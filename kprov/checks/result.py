"""The result of a check: its outcome, the evidence, and the fix."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How a check ended. UNKNOWN means that the host could not be examined; it is not a pass."""

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
    """The requirement is met."""
    return Finding(Outcome.PASS, evidence)


def advice(evidence: str, fix: str) -> Finding:
    """It works, but the operator should know."""
    return Finding(Outcome.WARN, evidence, fix)


def bad(evidence: str, fix: str) -> Finding:
    """The install, or the installed services, would fail."""
    return Finding(Outcome.FAIL, evidence, fix)


def unseen(evidence: str, fix: str) -> Finding:
    """The host could not be examined."""
    return Finding(Outcome.UNKNOWN, evidence, fix)
