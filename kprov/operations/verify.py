"""verify: the testinfra suite against one host, or each host of a cluster, over kprov's own connections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kprov.errors import ExitCode, Problem, UsageError
from kprov.events import Emit, about
from kprov.host.connection import Connection
from kprov.operations.fleet import Fleet
from kprov.operations.report import OnHosts, Report
from kprov.operations.session import installed
from kprov.words import counted

if TYPE_CHECKING:
    from kprov.verify.run import Verified


@dataclass(frozen=True)
class Verification:
    """The tests of one host, in the order in which they ran."""

    host: str
    tests: tuple[Verified, ...]

    @property
    def passed(self) -> bool:
        return all(test.status != "failed" for test in self.tests)


def require_suite() -> None:
    """Raises UsageError if the optional extra is not installed; asked before a host is reached."""
    try:
        import pytest  # noqa: F401, PLC0415 (the optional extra "verify")
        import testinfra  # noqa: F401, PLC0415
    except ImportError as error:
        raise UsageError(
            "the suite needs pytest and testinfra",
            where="kprov verify",
            cause=str(error),
            hint="pip install pytest pytest-testinfra",
        ) from None


def verify(found: Fleet, emit: Emit, *, clients: bool) -> Report:
    """Run the suite against each host that acts, one after the other; tests that failed are a problem.

    Raises UsageError without the extra, PreflightError if nothing is installed.
    """
    results = [_verified(connection, emit, clients=clients) for connection in found.acting]
    problems = tuple(_problem(result) for result in results if not result.passed)
    data = (OnHosts(tuple(results)),) if found.several else tuple(results)
    return Report("verify", data, problems, ExitCode.NOT_READY if problems else ExitCode.DONE)


def _verified(connection: Connection, emit: Emit, *, clients: bool) -> Verification:
    require_suite()
    from kprov.verify.run import run_suite  # noqa: PLC0415 (needs the optional extra)

    installed(connection)
    where = connection.login.name
    return Verification(where, run_suite(connection, about(where, emit), clients=clients))


def _problem(result: Verification) -> Problem:
    failed = [test for test in result.tests if test.status == "failed"]
    return Problem(
        f"{counted(len(failed), 'test')} failed",
        result.host,
        "\n".join(f"{test.name}: {test.detail.splitlines()[0]}" for test in failed),
        "see what install would change: kprov plan HOST",
    )
