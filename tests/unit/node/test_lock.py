"""The lock: who holds it, and what happens to a run that does not get it."""

from __future__ import annotations

import os

import pytest
from support.applying import change, connection, order, plan, run
from support.local_host import LocalHost

from kprov.errors import LockedError, StepError
from kprov.node.lock import host_lock


def test_a_run_that_does_not_get_the_lock_says_who_holds_it(host: LocalHost) -> None:
    with (
        host_lock(connection(host), "upgrade"),
        pytest.raises(LockedError) as caught,
        host_lock(connection(host), "install"),
    ):
        raise AssertionError("two runs at once")
    problem = caught.value.problems[0]
    assert f"process {os.getpid()}" in problem.what
    assert "since 2" in problem.what
    assert problem.what.endswith("kprov upgrade")
    assert problem.where == "here"


def test_the_lock_of_another_run_is_not_released(host: LocalHost) -> None:
    lock = host.state / "lock"
    with host_lock(connection(host), "install"):
        (lock / "holder").write_text("session=1:1\n")
    assert lock.exists()


def test_a_locked_host_is_left_alone(host: LocalHost) -> None:
    with host_lock(connection(host), "upgrade"), pytest.raises(LockedError):
        run(host, plan(change("a")))
    assert order(host) == []


def test_a_lock_that_cannot_be_taken_ends_the_run(host: LocalHost) -> None:
    host.state.rmdir()
    host.state.symlink_to(host.folder)
    with pytest.raises(StepError, match="lock could not be taken") as caught:
        run(host, plan(change("a")))
    assert "symbolic link" in caught.value.problems[0].cause
