"""The table of views."""

from __future__ import annotations

from importlib import import_module

import pytest

from kprov.commands import HostArguments
from kprov.operations.report import OnHosts
from kprov.operations.verify import Verification
from kprov.ui.views import _VIEWS, view_of
from kprov.verify.run import Verified


@pytest.mark.parametrize(("kind", "view"), _VIEWS.items())
def test_the_table_names_classes_and_functions_that_exist(kind: str, view: str) -> None:
    """Where the class is defined: that is the name by which a view is found."""
    module, _, name = kind.rpartition(".")
    found = getattr(import_module(module), name)
    assert (found.__module__, found.__qualname__) == (module, name)
    module, _, name = view.partition(":")
    assert callable(getattr(import_module(f"kprov.ui.views.{module}"), name))


TESTS = (
    Verified("test_a", "passed", 0.1),
    Verified("test_b", "failed", 0.1, "it is gone\nreally"),
    *(Verified(f"test_label_{number}", "skipped", 0.0, "SELinux is off") for number in range(3)),
)


@pytest.mark.parametrize("several", [False, True])
def test_verify_names_what_failed_and_says_once_why_others_were_not_run(several: bool) -> None:
    """With -v it lists every test."""
    one = Verification("box", TESTS)
    item = OnHosts((one,)) if several else one
    view = view_of(item, HostArguments())
    assert [str(line) for line in view.brief or ()] == [
        "FAILED   test_b",
        "           it is gone",
        "           really",
        "skipped  3 tests: SELinux is off",
        "box: 1 passed, 1 failed, 3 skipped",
    ]
    assert len(view.lines) == 11
