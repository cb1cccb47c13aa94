"""The table of views."""

from __future__ import annotations

from importlib import import_module

import pytest

from kprov.ui.views import _VIEWS


@pytest.mark.parametrize(("kind", "view"), _VIEWS.items())
def test_the_table_names_classes_and_functions_that_exist(kind: str, view: str) -> None:
    """Where the class is defined: that is the name by which a view is found."""
    module, _, name = kind.rpartition(".")
    found = getattr(import_module(module), name)
    assert (found.__module__, found.__qualname__) == (module, name)
    module, _, name = view.partition(":")
    assert callable(getattr(import_module(f"kprov.ui.views.{module}"), name))
