"""What the results of the checks mean for an install."""

from __future__ import annotations

import pytest

from kprov.checks import NAMES, Outcome, Result
from kprov.errors import UsageError
from kprov.operations.preflight.outcome import in_short, require_names, stopping


def result(check: str, status: Outcome) -> Result:
    return Result(check, "system", status, "seen", "fix it")


RESULTS = (
    result("memory", Outcome.FAIL),
    result("disk-space", Outcome.FAIL),
    result("swap", Outcome.WARN),
    result("clock", Outcome.WARN),
    result("clock", Outcome.WARN),
    result("entropy", Outcome.UNKNOWN),
    result("machine", Outcome.PASS),
)


def test_an_install_stops_at_what_failed_and_is_not_ignored() -> None:
    assert [item.check for item in stopping(RESULTS, ["memory", "swap"])] == ["disk-space"]


def test_what_did_not_stop_an_install_is_named_once_with_its_count() -> None:
    assert in_short(RESULTS, ["memory", "disk-space"]) == (
        "2 checks failed and were ignored (memory, disk-space); 2 checks gave warnings (swap, clock); "
        "1 check could not be answered (entropy)"
    )
    assert in_short(RESULTS[:1], ["memory"]) == "1 check failed and was ignored (memory)"


def test_nothing_is_printed_if_all_passed() -> None:
    assert in_short([result("machine", Outcome.PASS)], []) == ""


def test_a_name_that_no_check_has_is_refused_with_the_nearest() -> None:
    require_names(NAMES)
    with pytest.raises(UsageError) as caught:
        require_names([NAMES[0], f"{NAMES[1]}x"])
    (problem,) = caught.value.problems
    assert problem.what == f"there is no check {NAMES[1]}x"
    assert problem.hint.startswith(f"did you mean {NAMES[1]}?")
