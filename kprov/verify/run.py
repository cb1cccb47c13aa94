"""Run the suite in this process and return its results."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from testinfra.host import Host

from kprov.errors import StepError
from kprov.events import Emit, StepDone, StepFailed
from kprov.host.connection import Connection
from kprov.verify.backend import KprovBackend
from kprov.verify.conftest import HOSTS_PLUGIN


@dataclass(frozen=True)
class Verified:
    """The result of one test: its name and parameters, status (passed, failed, skipped), duration and reason."""

    name: str
    status: str
    seconds: float
    detail: str = ""


@dataclass
class _Collector:
    """A pytest plugin that gives the suite its hosts and collects the results."""

    hosts: list[Host]
    emit: Emit
    results: list[Verified] = field(default_factory=list)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and report.passed:
            return
        name = report.nodeid.rpartition("::")[2].replace(f"[{self.hosts[0].backend.get_pytest_id()}-", "[")
        name = name.removesuffix(f"[{self.hosts[0].backend.get_pytest_id()}]")
        status = "skipped" if report.skipped else "failed" if report.failed else "passed"
        self.results.append(Verified(name, status, round(report.duration, 2), _why(report)))
        event = StepFailed if report.failed else StepDone
        if report.failed or report.duration > 1:
            self.emit(event(0, 0, name, report.duration))


def _why(report: pytest.TestReport) -> str:
    if report.passed:
        return ""
    if isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(crash.message if crash else report.longrepr).removeprefix("AssertionError: ").strip()


def run_suite(connection: Connection, emit: Emit, *, clients: bool) -> tuple[Verified, ...]:
    """Run every test on one host. clients: also those that use the services as clients do.

    Raises StepError if the suite itself fails.
    """
    collector = _Collector([Host(KprovBackend(connection))], emit)
    words = [str(Path(__file__).parent), "-c", os.devnull, "--rootdir", str(Path(__file__).parent)]
    words += ["-p", "no:terminal", "-p", "no:cacheprovider", "-p", "testinfra.plugin"]
    words += [] if clients else ["-m", "not clients"]
    with _no_foreign_settings():
        code = pytest.main(words, plugins=[_Named(collector)])
    if code not in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED} or not collector.results:
        raise StepError(
            "the testinfra suite did not finish",
            where=connection.login.name,
            cause=f"pytest: {code!r}",
            hint="run it with pytest for details: pytest --pyargs kprov.verify --hosts=ssh://HOST",
        )
    return tuple(collector.results)


class _Named:
    """Registers the collector under the name that the suite looks up."""

    def __init__(self, collector: _Collector) -> None:
        self._collector = collector

    def pytest_configure(self, config: pytest.Config) -> None:
        config.pluginmanager.register(self._collector, HOSTS_PLUGIN)


@contextmanager
def _no_foreign_settings() -> Iterator[None]:
    """Keep the user's own pytest options and plugins out of the suite."""
    before = {name: os.environ.pop(name, None) for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS")}
    autoload = os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        yield
    finally:
        before["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = autoload
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
