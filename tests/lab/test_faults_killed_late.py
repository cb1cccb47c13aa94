"""kprov is killed at the second half of its steps, or interrupted; the next run continues and reaches the same host."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from support.kill_chain import (
    HALF,
    INTERRUPTED,
    KILLED,
    Reference,
    install,
    kill_at_each,
    one_of_each_kind,
    recovers,
    reference_of,
)
from support.machine import Machine
from support.stopped_kprov import Call, Stop, run

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def reference(machine: Machine) -> Reference:
    return reference_of(machine)


def test_killed_during_each_kind_of_late_step(machine: Machine, reference: Reference) -> None:
    """A kill in the middle of each kind of step of the second half, of the last step, and at the receipts after it."""
    places = one_of_each_kind(reference.second_half)
    kill_at_each(machine, [*places, *(call for call in reference.steps[-1:] if call not in places)], ["during"])
    # Only Kafka is left to be started: the receipt after its gate comes next, and then the last one.
    for moment in ("during", "after", "during", "after"):
        stop = Stop(("write_receipt",), moment, 2, HALF["write_receipt"])
        assert install(machine, stop) == KILLED, f"{moment} the second receipt was not reached"
    recovers(machine, reference)
    run(machine, "uninstall", "--purge", "--yes", check=0)


def test_interrupted_at_each_kind_of_step(machine: Machine, reference: Reference) -> None:
    interrupt_at(machine, one_of_each_kind(reference.steps))
    recovers(machine, reference)
    run(machine, "uninstall", "--purge", "--yes", check=0)


@pytest.mark.soak
def test_interrupted_at_each_step(machine: Machine, reference: Reference) -> None:
    interrupt_at(machine, reference.steps)
    recovers(machine, reference)
    run(machine, "uninstall", "--purge", "--yes", check=0)


@pytest.mark.soak
def test_killed_before_during_and_after_each_late_step(machine: Machine, reference: Reference) -> None:
    kill_at_each(machine, reference.second_half, ["before", "during", "after"])
    recovers(machine, reference)


def interrupt_at(machine: Machine, places: Sequence[Call]) -> None:
    """Ctrl-C at each place: the run ends with 130, says how to continue, and releases the lock at once."""
    for place in places:
        stop = Stop(place, "interrupt")
        ended = run(machine, "install", "--no-smoke-test", faults=[stop])
        if ended.code == 0:  # the run before was interrupted so late that it had already made this step
            run(machine, "uninstall", "--purge", "--yes", check=0)
            ended = run(machine, "install", "--no-smoke-test", faults=[stop])
        assert ended.code == INTERRUPTED, f"{place} was not reached\n{ended.err}"
        assert "run the same command again to continue" in ended.err
        assert machine.ssh("ls -d /var/lib/kprov/lock", check=False) == "", place
