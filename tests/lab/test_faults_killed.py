"""kprov is killed, or interrupted, at every step of its plan; the next run goes on, and comes to the same host.

One chain on one host: each run is ended at the next place, so that each is met on a host as a killed run left it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pytest
from support.converged import Converged, converged
from support.machine import Machine
from support.stopped_kprov import Call, Stop, run

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

# Before which command of a step its shell is ended, so that it is half done: a copy that has not its owner yet, some of
# many links, an archive unpacked in part. Steps of one command are ended before it; after it they are done.
HALF: dict[str, int | Literal["tar"]] = {
    "put_file": 3,
    "put_link": 3,
    "put_links": 5,
    "write_receipt": 3,
    "start_unit": 3,
    "unpack_release": "tar",
}
KILLED = -9
INTERRUPTED = 130


@dataclass(frozen=True)
class Reference:
    """An undisturbed install: the calls that it made, in order, and what became of the host."""

    steps: list[Call]
    state: Converged


@pytest.fixture(scope="module")
def reference(machine: Machine) -> Reference:
    """The host after an undisturbed install; it is then taken back."""
    machine.ssh("mkdir -p /usr/local/own && echo theirs >/usr/local/own/file && echo '# theirs' >/etc/profile.d/own.sh")
    done = run(machine, "install", "--no-smoke-test", check=0)
    state = converged(machine)
    run(machine, "uninstall", "--purge", "--yes", check=0)
    # A kill before reload_units is one after the file before it, a kill after it is one before the next step.
    own = ("write_receipt", "clear_stage", "clear_uploads", "reload_units")
    return Reference([call for call in done.steps() if call[0] not in own], state)


def install(machine: Machine, *stops: Stop) -> int:
    return run(machine, "install", "--no-smoke-test", faults=stops).code


def half(place: Call) -> int | Literal["tar"]:
    """The command of a step before which it is half done."""
    if place[0] == "make_directory" and place[2:] != ("root", "root", "0755"):
        return 2  # it is there, and still root's
    if place[0] == "put_links" and place[3] == "*.jar":
        return 1  # there is only one to be made
    return HALF.get(place[0], 1)


def goes_on(machine: Machine, reference: Reference) -> None:
    """An install that nobody disturbs comes to the same host, and the one after it has nothing to do."""
    run(machine, "install", "--no-smoke-test", check=0)
    assert converged(machine).differences(reference.state) == []
    assert run(machine, "install", "--no-smoke-test", check=0).steps() == []


def test_killed_before_during_and_after_each_step(machine: Machine, reference: Reference) -> None:
    """Three kills at each step, at the receipt before and after them, and at each archive on its way."""
    assert len(reference.steps) > 36
    places: list[Call] = [("write_receipt",)]
    places += [("receive_upload", call[1]) for call in reference.steps if call[0] == "unpack_release"]
    places += reference.steps
    for place in places:
        for moment in ("before", "during", "after"):
            stop = Stop(place, moment, at=half(place))
            assert install(machine, stop) == KILLED, f"{moment} {place} was not met"
    # Now only Kafka is to be started: the receipt after its gate, and then the last one.
    for moment in ("during", "after", "during", "after"):
        stop = Stop(("write_receipt",), moment, 2, HALF["write_receipt"])
        assert install(machine, stop) == KILLED, f"{moment} the second receipt was not met"
    goes_on(machine, reference)
    run(machine, "uninstall", "--purge", "--yes", check=0)


def test_interrupted_at_each_step(machine: Machine, reference: Reference) -> None:
    """Ctrl-C: the run ends with 130 and says how to go on; the lock is free at once."""
    for place in reference.steps:
        ended = run(machine, "install", "--no-smoke-test", faults=[Stop(place, "interrupt")])
        assert ended.code == INTERRUPTED, f"{place} was not met\n{ended.err}"
        assert "run the same command again: it goes on from where the host is" in ended.err
        assert machine.ssh("ls -d /var/lib/kprov/lock", check=False) == "", place
    goes_on(machine, reference)


def test_what_was_half_made_or_half_removed_is_uninstalled(machine: Machine, reference: Reference) -> None:
    """An install that was killed in the middle goes without a trace, and so does what a killed uninstall had left."""
    machine.kprov("uninstall", "--purge", "--yes", check=None)  # of the test before, if there was one
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
