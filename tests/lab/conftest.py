"""Fixtures of the tests on lab hosts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.machine import Machine, boot


@pytest.fixture(scope="module")
def machine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A fresh host for the tests of one module, which run in their order and share its state."""
    with boot(101, tmp_path_factory.mktemp(request.module.__name__)) as machine:
        yield machine
