"""Fixtures that load specifications, and that return the problems with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kprov.errors import Problem, UsageError
from kprov.spec.load import Flag, load
from kprov.spec.model import Cluster

Load = Callable[..., Cluster]
Wrong = Callable[..., list[Problem]]


def properties(values: dict[str, str]) -> list[Flag]:
    """The flags of ``--set``."""
    return [Flag(f"--set {name}", ("kafka", "properties", name), value) for name, value in values.items()]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Where the tests' kprov.yaml is."""
    return tmp_path / "kprov.yaml"


@pytest.fixture
def given(config: Path) -> Load:
    """Load a text of kprov.yaml, a HOST or several, ``--set`` values and flags; without a file HOST is kafka-1."""

    def run(
        text: str | None = None,
        host: str | list[str] | None = None,
        *flags: Flag,
        properties_set: dict[str, str] | None = None,
    ) -> Cluster:
        if text is not None:
            config.write_text(text, encoding="utf-8")
        named = host or ([] if text is not None else "kafka-1")
        targets = [named] if isinstance(named, str) else named
        return load(config if text is not None else None, targets, [*flags, *properties(properties_set or {})])

    return run


@pytest.fixture
def wrong(given: Load) -> Wrong:
    """The problems of what ``given`` takes; a test fails if there is none."""

    def run(*arguments: object, **options: object) -> list[Problem]:
        with pytest.raises(UsageError) as caught:
            given(*arguments, **options)
        return list(caught.value.problems)

    return run
