"""A chain of installs on one host, each killed at the next step, so that each continues from a killed run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from support.converged import Converged, converged
from support.machine import Machine
from support.stopped_kprov import Call, Moment, Stop, run

# Before which command of a step its shell is ended, so that it is half done: a copy that has not its owner yet, some of
# many links, a release that is not in its place yet. Steps of one command are ended before it; after it they are done.
HALF: dict[str, int] = {
    "put_file": 3,
    "put_link": 3,
    "put_links": 5,
    "write_receipt": 3,
    "start_unit": 3,
    "unpack_release": 3,
}
KILLED = -9
INTERRUPTED = 130


@dataclass(frozen=True)
class Reference:
    """An undisturbed install: its calls in order, and the resulting state of the host."""

    steps: list[Call]
    state: Converged

    @property
    def places(self) -> list[Call]:
        """Every call at which an install can be killed: the receipt, each archive upload, each step."""
        archives = [("receive_upload", call[1]) for call in self.steps if call[0] == "unpack_release"]
        return [("write_receipt",), *archives, *self.steps]

    @property
    def first_half(self) -> list[Call]:
        return self.places[: len(self.places) // 2]

    @property
    def second_half(self) -> list[Call]:
        return self.places[len(self.places) // 2 :]


def one_of_each_kind(places: Iterable[Call]) -> list[Call]:
    """The first call of each function of the library."""
    first: dict[str, Call] = {}
    for call in places:
        first.setdefault(call[0], call)
    return list(first.values())


def reference_of(machine: Machine) -> Reference:
    """Install undisturbed, record the steps and the host, and uninstall again."""
    machine.ssh("mkdir -p /usr/local/own && echo theirs >/usr/local/own/file && echo '# theirs' >/etc/profile.d/own.sh")
    done = run(machine, "install", "--no-smoke-test", check=0)
    state = converged(machine)
    run(machine, "uninstall", "--purge", "--yes", check=0)
    # A kill before reload_units is one after the file before it, a kill after it is one before the next step.
    own = ("write_receipt", "clear_stage", "clear_uploads", "reload_units")
    # The directory of a release is made when its archive arrives, so after a kill there is no step for it.
    releases = {str(PurePath(call[4]).parent) for call in done.steps() if call[0] == "unpack_release"}
    steps = [
        call
        for call in done.steps()
        if call[0] not in own and not (call[0] == "make_directory" and call[1] in releases)
    ]
    assert len(steps) > 36
    return Reference(steps, state)


def install(machine: Machine, *stops: Stop) -> int:
    """Run an install that is killed at ``stops``; return its exit code."""
    return run(machine, "install", "--no-smoke-test", faults=stops).code


def half(place: Call) -> int:
    """The number of the command before which the step is half done."""
    if place[0] == "make_directory" and place[2:] != ("root", "root", "0755"):
        return 2  # it exists and still belongs to root
    if place[0] == "put_links" and place[3] == "*.jar":
        return 1  # there is only one link to make
    return HALF.get(place[0], 1)


def kill_at_each(machine: Machine, places: Sequence[Call], moments: Sequence[Moment]) -> None:
    """Run installs that are killed, one after the other, at each moment of each call."""
    for place in places:
        for moment in moments:
            stop = Stop(place, moment, at=half(place))
            assert install(machine, stop) == KILLED, f"{moment} {place} was not reached"


def recovers(machine: Machine, reference: Reference) -> None:
    """Check that an undisturbed install reaches the state of the reference, and that another one changes nothing."""
    run(machine, "install", "--no-smoke-test", check=0)
    assert converged(machine).differences(reference.state) == []
    assert run(machine, "install", "--no-smoke-test", check=0).steps() == []
