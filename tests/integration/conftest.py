"""The suite of kprov.verify, run from this repository: no assertion stands here twice."""

from kprov.verify.conftest import pytest_configure, pytest_generate_tests

__all__ = ["pytest_configure", "pytest_generate_tests"]
