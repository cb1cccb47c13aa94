"""What all tests share: whether there is a lab, and that the user's own files stay out of it."""

from __future__ import annotations

import os
from functools import cache

import pytest

from kprov.lab import requirements


@cache
def _no_lab() -> str:
    """Why lab hosts cannot be booted here; empty if they can."""
    return "; ".join(map(str, requirements.missing(requirements.examine())))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A lab test is skipped where there is no lab, and fails there if KPROV_LAB=required."""
    if item.get_closest_marker("lab") is None or not (why := _no_lab()):
        return
    if os.environ.get("KPROV_LAB") == "required":
        pytest.fail(f"no lab: {why}", pytrace=False)
    pytest.skip(f"no lab: {why}")
