"""kprov is killed at the first half of its steps; the next run continues and reaches the same host.

The second half is in test_faults_killed_late.py, so that the two chains can run side by side.
"""

from __future__ import annotations

import pytest
from support.kill_chain import (
    KILLED,
    Reference,
    half,
    install,
    kill_at_each,
    one_of_each_kind,
    recovers,
    reference_of,
)
from support.machine import Machine
from support.stopped_kprov import Stop, run

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def reference(machine: Machine) -> Reference:
    return reference_of(machine)


def test_killed_during_each_kind_of_early_step(machine: Machine, reference: Reference) -> None:
    """A kill in the middle of the first receipt, of an archive on its way and of each kind of early step."""
    kill_at_each(machine, one_of_each_kind(reference.first_half), ["during"])
    recovers(machine, reference)
    run(machine, "uninstall", "--purge", "--yes", check=0)


def test_what_was_half_made_or_half_removed_is_uninstalled(machine: Machine, reference: Reference) -> None:
    """An install that was killed in the middle leaves no trace, and neither does a killed uninstall."""
    before = machine.tree()
    for name in ("receive_upload", "unpack_release", "put_links", "put_file", "start_unit"):
        place = (name,) if name == "receive_upload" else next(call for call in reference.steps if call[0] == name)
        assert install(machine, Stop(place, "during", at=half(place))) == KILLED, place
        if name in {"put_links", "start_unit"}:
            for call in ("remove_tree", "remove_links") if name == "start_unit" else ("remove_tree",):
                killed = run(machine, "uninstall", "--purge", "--yes", faults=[Stop((call,), "during", at=1)])
                assert killed.code == KILLED, call
        run(machine, "uninstall", "--purge", "--yes", check=0)
        assert machine.tree() == before, place


@pytest.mark.soak
def test_killed_before_during_and_after_each_early_step(machine: Machine, reference: Reference) -> None:
    kill_at_each(machine, reference.first_half, ["before", "during", "after"])
    recovers(machine, reference)
