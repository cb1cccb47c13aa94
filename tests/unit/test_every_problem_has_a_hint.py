"""Every problem with settings or archives says how to fix it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import kprov

ROOT = Path(kprov.__file__).parent
FILES = sorted(path for package in ("spec", "releases") for path in (ROOT / package).glob("*.py"))
# The position of the hint among the arguments of each call that makes a problem.
HINTS = {
    "Problem": 3,
    "UsageError": 3,
    "UnreachableError": 3,
    "ArchiveNotFoundError": 3,
    "NotCataloguedError": 3,
    "unwritable": 4,
    "wrong": 1,
}


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """The calls in a module that make a problem."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in HINTS:
            yield node.func.id, node


def has_hint(name: str, call: ast.Call) -> bool:
    """Whether the call passes a hint that is not an empty text."""
    named = [keyword.value for keyword in call.keywords if keyword.arg == "hint"]
    given = [*named, *call.args[HINTS[name] :]]
    return bool(given) and not (isinstance(given[0], ast.Constant) and not given[0].value)


def collects(name: str, call: ast.Call) -> bool:
    """Whether the call only collects problems that were made elsewhere."""
    return name == "UsageError" and len(call.args) == 1 and not call.keywords


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_problem_has_a_hint(path: Path) -> None:
    assert [call.lineno for name, call in calls(path) if not collects(name, call) and not has_hint(name, call)] == []


def test_the_search_finds_problems() -> None:
    assert sum(len(list(calls(path))) for path in FILES) > 100
