"""What the results of the checks mean for an install, and the names by which a check can be ignored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kprov.checks import NAMES, Outcome, Result
from kprov.errors import Problem, UsageError, did_you_mean


def require_names(names: Iterable[str]) -> None:
    """Raise UsageError for a name that no check has."""
    if wrong := [name for name in names if name not in NAMES]:
        known = f"the checks are {', '.join(NAMES)}"
        raise UsageError(
            [
                Problem(f"there is no check {name}", "--ignore", hint=f"{did_you_mean(name, NAMES)} {known}".lstrip())
                for name in wrong
            ]
        )


def stopping(results: Iterable[Result], ignored: Sequence[str]) -> list[Result]:
    """The results that stop an install."""
    return [item for item in results if item.status is Outcome.FAIL and item.check not in ignored]


def in_short(results: Iterable[Result], ignored: Sequence[str]) -> str:
    """One line about the results that do not stop an install but matter; empty if there are none."""
    results = tuple(results)
    parts = []
    named: set[str] = set()
    for words, names in (
        ("failed and {} ignored", [r.check for r in results if r.status is Outcome.FAIL and r.check in ignored]),
        ("gave warnings", [r.check for r in results if r.status is Outcome.WARN]),
        ("could not be answered", [r.check for r in results if r.status is Outcome.UNKNOWN]),
    ):
        if new := [name for name in dict.fromkeys(names) if name not in named]:
            named.update(new)
            count, was = ("1 check", "was") if len(new) == 1 else (f"{len(new)} checks", "were")
            parts.append(f"{count} {words.format(was)} ({', '.join(new)})")
    return "; ".join(parts)
