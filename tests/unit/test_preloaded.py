"""A run of kprov that a test's time limit ends leaves nothing behind for the next one."""

from __future__ import annotations

import signal
import socket
from types import FrameType

import pytest
from support.preloaded import run_kprov


class _TimeIsUpError(Exception):
    pass


def _time_is_up(number: int, frame: FrameType | None) -> None:
    raise _TimeIsUpError


def test_the_run_after_one_whose_time_was_up_gets_its_own_answer() -> None:
    before = signal.signal(signal.SIGALRM, _time_is_up)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        signal.setitimer(signal.ITIMER_REAL, 2)
        try:
            with pytest.raises(_TimeIsUpError):
                run_kprov(["status", f"root@127.0.0.1:{port}"])
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
    assert run_kprov(["--version"])[1].startswith("kprov")
    assert run_kprov(["install", "--no-such-option"])[0] == 2
