"""What holds for every test."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
from xdist.scheduler import LoadFileScheduling

# A shell starts what it puts into the background with Ctrl-C ignored, and so would every run of kprov be started.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A busy machine fails no property test; pytest's own time limit ends one that hangs.
hypothesis.settings.register_profile("kprov", deadline=None)
hypothesis.settings.load_profile("kprov")


@pytest.fixture(autouse=True, scope="module")
def own_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Runs of kprov are journalled, not among those of the user who runs the tests, nor of an earlier module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


# By how long they take.
_LONGEST = [
    f"tests/lab/test_{name}.py"
    for name in (
        *("cluster_upgrade", "cluster_faults", "cluster", "acceptance", "molecule", "documented_sessions"),
        *("data_directories", "standalone", "faults_services", "bundled", "host_conditions", "upgrade", "host_paths"),
        *("drift", "versions", "faults_killed_late", "faults_killed", "surroundings", "status", "runs", "remembered"),
        *("faults_host", "verify", "access", "playbooks", "firewall", "hardened"),
    )
]
_WITHOUT_SERVICES = ("test_access_login.py", "test_lab_hosts.py")  # on lab hosts, but nothing is installed there


def starts_services(module: str) -> bool:
    """Whether the tests of a module start services on a lab host."""
    return "tests/lab/" in module and not module.endswith(_WITHOUT_SERVICES)


class _LabsOnTwoWorkers(LoadFileScheduling):  # type: ignore[misc]
    """Two workers run the modules that start services on lab hosts, and then help the third, which runs the others.

    No more than two hosts start services at once, and while both wait for them, the third has the processors. The
    longest modules come first, so that all workers end at about the same time.
    """

    def _assign_work_unit(self, node: Any) -> None:
        with_services = node.gateway.id != "gw2"
        fitting = [module for module in self.workqueue if starts_services(module) is with_services]
        fitting.sort(key=lambda module: _LONGEST.index(module) if module in _LONGEST else len(_LONGEST))
        if fitting:
            self.workqueue.move_to_end(fitting[0], last=False)
        elif not with_services:
            node.shutdown()
            return
        super()._assign_work_unit(node)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    """How modules are handed out, if whole modules are."""
    return _LabsOnTwoWorkers(config, log) if config.option.dist == "loadfile" else None
