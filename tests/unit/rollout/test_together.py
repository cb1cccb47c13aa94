"""Work on several hosts at once: results in order, and one error for all."""

from __future__ import annotations

import threading
import time

import pytest

from kprov.errors import (
    ConnectError,
    ExitCode,
    KprovError,
    LockedError,
    NotReadyError,
    PreflightError,
    Problem,
    StepError,
    UsageError,
)
from kprov.events import Event, Message
from kprov.rollout.together import merged, one_at_a_time, together


def failing(error: BaseException) -> None:
    raise error


def test_results_come_in_the_order_of_the_works() -> None:
    barrier = threading.Barrier(3, timeout=10)

    def work(number: int) -> int:
        barrier.wait()  # all of them run at the same time, or none passes
        time.sleep(0.01 * (3 - number))
        return number

    assert together([lambda n=number: work(n) for number in range(3)]) == [0, 1, 2]  # type: ignore[misc]


def test_every_work_ends_before_the_error_of_one_is_raised() -> None:
    ended = []

    def slow() -> None:
        time.sleep(0.05)
        ended.append(True)

    with pytest.raises(ConnectError):
        together([lambda: failing(ConnectError("gone", where="b")), slow])
    assert ended == [True]


def test_the_most_severe_error_counts_and_every_problem_is_named() -> None:
    errors = [ConnectError("gone", where="a"), StepError("failed", where="b"), NotReadyError("late", where="c")]
    with pytest.raises(StepError) as caught:
        together([lambda error=error: failing(error) for error in errors])  # type: ignore[misc]
    assert [problem.where for problem in caught.value.problems] == ["b", "a", "c"]


def test_the_same_problem_of_several_hosts_is_named_once() -> None:
    problem = Problem("wrong", "--set")
    assert merged([UsageError([problem]), UsageError([problem])]).problems == (problem,)


@pytest.mark.parametrize("kind", [LockedError, StepError, NotReadyError, ConnectError, PreflightError, UsageError])
def test_every_kind_of_error_has_its_rank(kind: type[KprovError]) -> None:
    assert merged([UsageError("x"), kind("y")]).code in {kind.code, ExitCode.USAGE}
    assert merged([kind("y")]).code is kind.code


def test_a_bug_in_one_of_them_goes_through() -> None:
    with pytest.raises(ZeroDivisionError):
        together([lambda: failing(StepError("x")), lambda: failing(ZeroDivisionError())])


def test_an_interrupt_abandons_what_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """The works wait for their hosts; without their connections they end."""
    gone = threading.Event()

    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("kprov.rollout.together.wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        together([lambda: gone.wait(10)] * 2, gone.set)
    assert gone.is_set()


def test_events_of_several_threads_come_one_at_a_time() -> None:
    busy, seen = threading.Lock(), []

    def emit(event: Event) -> None:
        assert busy.acquire(blocking=False), "two events at once"
        time.sleep(0.001)
        seen.append(event)
        busy.release()

    guarded = one_at_a_time(emit)
    together([lambda: [guarded(Message(str(n))) for n in range(5)]] * 4)
    assert len(seen) == 20
