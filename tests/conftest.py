"""What holds for every test."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

# A shell starts what it puts into the background with Ctrl-C ignored, and so would every run of kprov be started.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="module")
def own_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Runs of kprov are journalled, not among those of the user who runs the tests, nor of an earlier module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield
