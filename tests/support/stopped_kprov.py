"""Runs of kprov that a test kills or interrupts at a chosen call, or during which it changes the host.

kprov has no code for this. Each run is a process, forked from a server that has already imported kprov, in which the
method that sends calls to the host is wrapped.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from kprov.lab.archives import default_directory
from support.machine import Machine, Result

_SIGNALS = {"interrupt": signal.SIGINT, "alone": signal.SIGKILL}

Call = tuple[str, ...]
Moment = Literal["before", "during", "after", "alone", "interrupt"]

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(["__main__", "kprov.cli.main", "kprov.cli.install", "fabric", "kprov.smoke"])

# Added to the library for the step to be killed: it counts the commands of the library and kills the shell and its
# children before number STOP_AT. A step with fewer commands is killed after its last command, before it says so.
DYING = r"""
stopped_step() {
    : >"$stopped_file"
    for stopped_name in $kprov_needs; do
        eval "$stopped_name() { stopped_command $stopped_name \"\$@\"; }"
    done
    "$@"
    kill -9 0
}
stopped_command() {
    printf x >>"$stopped_file"
    read -r stopped_count <"$stopped_file"
    [ "${#stopped_count}" -lt "$stop_at" ] || kill -9 0
    command "$@"
}
"""


@dataclass(frozen=True)
class Stop:
    """Where and how a run of kprov ends.

    call: the first words of a call of the remote library, without ``step NUMBER``. occurrence: which such call of the
    run, from 1. moment: ``before``, ``during`` and ``after`` kill the run there with SIGKILL; ``during`` also kills the
    host's shell, before the command ``at`` of the step, or ends a push in the middle of its archive. During the call,
    ``alone`` kills only the run while the step continues, and ``interrupt`` sends Ctrl-C.
    """

    call: Call
    moment: Moment
    occurrence: int = 1
    at: int = 2


@dataclass(frozen=True)
class Meddle:
    """A change of the host during a run: shell text that runs as root before a call."""

    call: Call
    shell: str
    occurrence: int = 1


@dataclass(frozen=True)
class Flip:
    """A byte of an archive that is corrupted on the way."""

    archive: str
    offset: int = 1000


@dataclass(frozen=True)
class Wait:
    """A run that pauses at a call: it creates a file there and continues once another file exists."""

    call: Call
    arrived: str
    go: str
    occurrence: int = 1


@dataclass(frozen=True)
class Far:
    """The host is at a distance, so that an archive travels on several channels."""


Fault = Stop | Meddle | Flip | Wait | Far


@dataclass(frozen=True)
class Run(Result):
    """How a run ended: its exit code (-9 if it was killed), every exchange that it had with the host, and how many
    connections they took.
    """

    exchanges: list[list[Call]]
    connections: int

    def steps(self) -> list[Call]:
        """The calls that changed something, in order."""
        calls = (call for calls in self.exchanges for call in calls)
        return [call[2:] for call in calls if call[0] == "step"]


class Process:
    """A run of kprov that runs in parallel with the test; ``end`` waits for it."""

    def __init__(self, arguments: Sequence[str], faults: Sequence[Fault]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="kprov-stopped-")
        self._place = Path(self._folder.name)
        environment = dict(os.environ)
        self._process = _SERVER.Process(
            target=_run, args=(list(arguments), list(faults), str(self._place), environment), daemon=True
        )
        self._process.start()

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    def kill(self) -> None:
        self._process.kill()

    def end(self, patience: float = 120.0) -> Run:
        """Wait for the run; fail the test after a time limit."""
        self._process.join(patience)
        if self._process.exitcode is None:
            self._process.kill()
            self._process.join()
            raise AssertionError(f"the run did not end within {patience} s\n{(self._place / 'err').read_text()}")
        exchanges: list[list[Call]] = []
        connections = 0
        log = self._place / "log"
        for line in log.read_text().splitlines() if log.exists() else []:
            calls, connections = json.loads(line)
            exchanges.append([tuple(call) for call in calls])
        out, err = ((self._place / name).read_text() for name in ("out", "err"))
        code = self._process.exitcode
        self._process.close()
        self._folder.cleanup()
        return Run(code, out, err, exchanges, connections)


def start(machine: Machine, command: str, *words: str, faults: Sequence[Fault] = ()) -> Process:
    """Start kprov for a lab host."""
    arguments = [command, machine.address, "--ssh-config", str(machine.lab.ssh_config), *words]
    if command == "install":
        arguments += ["--archives", str(default_directory()), "--java", "temurin-11", "--yes"]
    return Process(arguments, faults)


def run(machine: Machine, command: str, *words: str, faults: Sequence[Fault] = (), check: int | None = None) -> Run:
    """Run kprov for a lab host. check: the expected exit code."""
    done = start(machine, command, *words, faults=faults).end()
    if check is not None and done.code != check:
        raise AssertionError(f"kprov {command} {faults}: exit code {done.code}\n{done.out}{done.err}")
    return done


# ---------------------------------------------------------------- in the process of the run


def _run(arguments: list[str], faults: list[Fault], place: str, environment: Mapping[str, str]) -> None:
    os.environ.update(environment)
    for name, number in (("out", 1), ("err", 2)):
        os.dup2(os.open(Path(place, name), os.O_WRONLY | os.O_CREAT, 0o600), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    from kprov.cli.main import main

    _wrap(faults, Path(place, "log"))
    sys.exit(main(arguments))


def _wrap(faults: list[Fault], log: Path) -> None:
    from kprov.host import connection
    from kprov.node import uploads

    real = connection.Connection.exchange
    # Not as the machine's load has it: faults in the middle of an archive are about one that comes in a single piece.
    lanes = 4 if any(isinstance(fault, Far) for fault in faults) else 1
    uploads.lanes_for = lambda distance, size: lanes
    faults = [fault for fault in faults if not isinstance(fault, Far)]
    opened: list[connection.Connection] = []
    library = connection._library()
    left = {id(fault): getattr(fault, "occurrence", 1) for fault in faults}
    text = ""
    connection._library = lambda: library + text

    def exchange(
        self: Any,
        calls: Iterable[Sequence[str]],
        payload: Iterable[bytes] = (),
        on_record: Any = None,
        beside: Sequence[Sequence[Sequence[str]]] = (),
        *,
        channel: Any = None,
    ) -> Any:
        nonlocal text
        sent = [tuple(call) for call in calls]
        if not any(self is other for other in opened):
            opened.append(self)
        with log.open("a") as stream:
            stream.write(json.dumps([sent, sum(each.traffic.connections for each in opened)]) + "\n")
        text, end = "", None
        for fault in faults:
            if isinstance(fault, Flip):
                if any(call[0] == "receive_upload" and fault.archive in call[1] for call in sent):
                    payload = _flipped(payload, fault.offset)
                continue
            for index in _places(sent, fault.call):
                left[id(fault)] -= 1
                if left[id(fault)]:
                    continue
                match fault:
                    case Meddle(shell=shell):
                        text += f"\nmeddle() {{ {shell}\n}}\n"
                        sent.insert(index, ("meddle",))
                    case Wait(arrived=arrived, go=go):
                        Path(arrived).touch()
                        _until(Path(go).exists)
                    case Stop(moment="interrupt" | "alone" as moment):
                        on_record = _at_begin(sent[index], on_record, _SIGNALS[moment])
                    case Stop() if fault.moment == "during" and sent[index][0] == "receive_upload":
                        payload = _killed_halfway(payload, int(sent[index][3]) // 2)
                    case Stop():
                        sent, text, end = *_cut(sent, index, fault), _kill
                break
        reply = real(self, sent, payload, on_record, beside, channel=channel)
        if end is not None:
            end()
        return reply

    connection.Connection.exchange = exchange  # type: ignore[method-assign]


def _places(calls: list[Call], wanted: Call) -> Iterator[int]:
    for index, call in enumerate(calls):
        words = call[2:] if call[0] == "step" else call
        if words[: len(wanted)] == wanted:
            yield index


def _cut(calls: list[Call], index: int, stop: Stop) -> tuple[list[Call], str]:
    """The calls up to the moment, and the shell text to add to the library for it."""
    if stop.moment == "before":
        return calls[:index], ""
    if stop.moment == "after":
        return calls[: index + 1], ""
    call = calls[index]
    head, words = (call[:2], call[2:]) if call[0] == "step" else ((), call)
    return [
        *calls[:index],
        (*head, "stopped_step", *words),
    ], f"\nstop_at={stop.at} stopped_file=/run/kprov-stopped\n{DYING}"


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _killed_halfway(payload: Iterable[bytes], count: int) -> Iterator[bytes]:
    for chunk in payload:
        yield chunk[:count]
        count -= len(chunk)
        if count <= 0:
            _kill()


def _at_begin(call: Call, on_record: Any, number_of_signal: int) -> Callable[[Any], None]:
    number = call[1] if call[0] == "step" else None
    done = False

    def record(found: Any) -> None:
        nonlocal done
        if on_record is not None:
            on_record(found)
        if not done and found.kind == "begin" and found["number"] == number:
            done = True
            os.kill(os.getpid(), number_of_signal)

    return record


def _flipped(payload: Iterable[bytes], offset: int) -> Iterator[bytes]:
    for chunk in payload:
        if 0 <= offset < len(chunk):
            yield chunk[:offset] + bytes([chunk[offset] ^ 255]) + chunk[offset + 1 :]
        else:
            yield chunk
        offset -= len(chunk)


def _until(condition: Callable[[], bool]) -> None:
    import time

    while not condition():
        time.sleep(0.01)
