"""The steps of one `up`, numbered and timed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from kprov.events import Emit, StepDone, StepFailed, StepStarted


class Steps:
    """Report through ``emit`` which of ``count`` steps is running."""

    def __init__(self, emit: Emit, count: int) -> None:
        self._emit = emit
        self._count = count
        self._number = 0

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Run the block as the next step, which fails if the block raises."""
        self._number += 1
        started = time.monotonic()
        self._emit(StepStarted(self._number, self._count, text))
        try:
            yield
        except BaseException:
            self._emit(StepFailed(self._number, self._count, text, time.monotonic() - started))
            raise
        self._emit(StepDone(self._number, self._count, text, time.monotonic() - started))
