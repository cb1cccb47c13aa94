"""verify: the testinfra suite against one host, over kprov's own connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kprov.errors import ExitCode, Problem, UsageError
from kprov.events import Emit, about
from kprov.host.connection import Connection
from kprov.operations.report import Report
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
            hint="pip install 'kprov[verify]'",
        ) from None


def verify(connection: Connection, emit: Emit, *, clients: bool) -> Report:
    """Run the suite; tests that failed are a problem.

    Raises UsageError without the extra, PreflightError if nothing is installed.
    """
    require_suite()
    from kprov.verify.run import run_suite  # noqa: PLC0415 (needs the optional extra)

    installed(connection)
    where = connection.login.name
    result = Verification(where, run_suite(connection, about(where, emit), clients=clients))
    if result.passed:
        return Report("verify", (result,))
    failed = [test for test in result.tests if test.status == "failed"]
    problem = Problem(
        f"{counted(len(failed), 'test')} failed",
        where,
        "\n".join(f"{test.name}: {test.detail.splitlines()[0]}" for test in failed),
        "see what install would change: kprov plan HOST",
    )
    return Report("verify", (result,), (problem,), ExitCode.NOT_READY)
