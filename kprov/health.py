"""Readiness in layers: each is believed only when the one below it holds, and a failure ends at once.

1. the unit is active, and still with the process that it began with; 2. that process holds the port;
3. ZooKeeper answers `srvr`; 4. the broker is registered; 5. it serves metadata that names it.
`systemctl start` succeeds for a process that dies a moment later, so none of this can be left out.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from kprov.desired.common import KAFKA_UNIT, ZOOKEEPER_UNIT
from kprov.desired.runtime import Runtime
from kprov.diagnosis import drop_in_note, known_remedy, last_lines, passes, remedy, tail
from kprov.errors import NotReadyError
from kprov.events import Emit, Message, StepDone, StepFailed, StepStarted
from kprov.host.connection import Connection
from kprov.host.facts import probe
from kprov.host.tool import run_tool
from kprov.resources.base import Call, Seen
from kprov.resources.system import UnitState

# Generous: a large broker recovers its logs before it binds. A process that dies is noticed at once all the same.
_DEADLINE_SECONDS = {ZOOKEEPER_UNIT: 60.0, KAFKA_UNIT: 300.0}
_PAUSE_SECONDS = 0.3
_TOOL_SECONDS = 30.0
_LINES_SAID = 8  # of the last answer, in an error


@dataclass
class _Watch:
    """One unit that is waited for: its first main process must stay.

    seconds: how long it may take. One end is forgiven whose cause passes by itself; ``coming_back`` is true until
    systemd has started the unit again after it. said: what the last question to the service was answered with.
    """

    connection: Connection
    runtime: Runtime
    unit: str
    emit: Emit
    seconds: float
    began: float = field(default_factory=time.monotonic)
    pid: int = 0
    forgiven: bool = False
    coming_back: bool = False
    said: str = ""

    @property
    def left(self) -> float:
        """Seconds until it must serve."""
        return self.began + self.seconds - time.monotonic()

    def sample(self) -> bool:
        """Layers 1 and 2 once; True when the process holds its ports. Raises NotReadyError."""
        ports = self.runtime.ports[self.unit]
        calls: list[Call] = [("probe_unit", self.unit, self.unit)]
        calls += [("probe_port", f"port:{port}", str(port), str(self.pid)) for port in ports]
        seen = probe(self.connection, calls)
        state = UnitState.of(seen[self.unit])
        if not state.active or not state.pid:
            shown = state.properties
            what = f"{self.unit} is {shown.get('ActiveState', 'not there')} ({shown.get('Result', 'no result')})"
            starts_again = shown.get("ActiveState") == "activating"
            if not (starts_again and (self.coming_back or self._forgive())):
                self.fail(f"{what}, its process ended with {shown.get('ExecMainStatus', '?')}")
            return False
        if self.pid and state.pid != self.pid and not self._forgive():
            self.fail(f"{self.unit} died and was started again by systemd")
        self.pid, self.coming_back = state.pid, False
        return all(self._bound(port, seen[f"port:{port}"]) for port in ports)

    def _forgive(self) -> bool:
        """Whether its end is one that passes by itself: systemd's next start is waited for, once."""
        why = "" if self.forgiven else passes(self._log())
        if why:
            self.emit(Message(f"{self.unit}: {why}; systemd starts it again in some seconds"))
            self.forgiven = self.coming_back = True
            self.pid = 0
        return bool(why)

    def _bound(self, port: int, answer: Seen) -> bool:
        if answer["status"] != "present":
            return False
        holder = int(answer.get("pid") or 0)
        if holder and holder != self.pid:
            program = answer.get("program", "").strip()
            self.fail(
                f"port {port} is held by process {holder} ({program}), not by {self.unit}",
                hint="stop that process, or choose another port",
            )
        return holder == self.pid

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        """Until the condition holds; fails at the deadline, or as soon as the process is gone."""
        while not condition():
            if self.left < 0:
                self.fail(
                    f"{self.unit} runs, but {what} within {self.seconds:.0f} s",
                    said=self.said,
                    hint="read the log lines above; if it only needs longer, say --ready-timeout SECONDS",
                )
            time.sleep(_PAUSE_SECONDS)

    def fail(self, what: str, *, said: str = "", hint: str = "") -> None:
        """Raise NotReadyError.

        The cause is what kprov's own question was answered with (``said``) and the end of the log; the hint is what
        these mean where that is known, else ``hint``. Drop-ins of others are named beside it: what they set may be the
        cause.
        """
        seen = probe(self.connection, [self._log_call, ("probe_unit", self.unit, self.unit)])
        log = seen["log"].get("text", "")
        hint = known_remedy(said) or known_remedy(log) or hint or remedy(log)
        hint += drop_in_note(UnitState.of(seen[self.unit]).drop_ins)
        cause = "\n".join(text for text in (said, last_lines(log)) if text)
        raise NotReadyError(what, where=self.connection.login.name, cause=cause, hint=hint)

    def _log(self) -> str:
        return probe(self.connection, [self._log_call])["log"].get("text", "")

    @property
    def _log_call(self) -> Call:
        return ("probe_log", "log", self.unit, "60", self.runtime.log_files[self.unit])

    def patience(self) -> int:
        """Seconds for one question to the service: it may hang, and the bound holds all the same."""
        return round(min(_TOOL_SECONDS, max(1.0, self.left)))


def await_ready(
    connection: Connection, runtime: Runtime, unit: str, emit: Emit, *, seconds: float | None = None
) -> int:
    """Wait until a unit serves; its main process. Raises NotReadyError at the first sign that it will not.

    seconds: how long it may take; by default 60 for ZooKeeper, 300 for Kafka. One question more than that may be
    under way: a hanging service is given up 6 seconds after it at the latest.
    """
    text = f"{unit} is ready"
    started = time.monotonic()
    emit(StepStarted(0, 0, f"waiting for {unit}"))
    watch = _Watch(connection, runtime, unit, emit, _DEADLINE_SECONDS[unit] if seconds is None else seconds)
    try:
        watch.wait(watch.sample, "it is not bound to its port")
        check = _zookeeper_answers if unit == ZOOKEEPER_UNIT else _broker_serves
        check(watch)
        watch.sample()
    except NotReadyError:
        emit(StepFailed(0, 0, f"waiting for {unit}", time.monotonic() - started))
        raise
    emit(StepDone(0, 0, f"{text} (process {watch.pid}, port {runtime.ports[unit][0]})", time.monotonic() - started))
    return watch.pid


def _zookeeper_answers(watch: _Watch) -> None:
    """Layer 3."""
    port = watch.runtime.ports[ZOOKEEPER_UNIT][0]
    question = ("probe_srvr", "srvr", watch.runtime.java_home, watch.runtime.classpath, "localhost", str(port))

    def answers() -> bool:
        if not watch.sample():
            return False
        answer = probe(watch.connection, [(*question, str(watch.patience()))])["srvr"].get("text", "")
        watch.said = f"srvr was answered with:\n{tail(answer, _LINES_SAID)}" if answer.strip() else ""
        return re.search(r"^Mode: ", answer, re.MULTILINE) is not None

    watch.wait(answers, "ZooKeeper does not answer srvr")


def _broker_serves(watch: _Watch) -> None:
    """Layers 4 and 5: metadata name a broker only once it is registered and the controller has told it."""
    runtime = watch.runtime
    command = ("bin/kafka-broker-api-versions.sh", "--bootstrap-server", runtime.local)
    line = re.compile(rf"^\S+ \(id: {runtime.broker_id} rack: ", re.MULTILINE)

    def serves() -> bool:
        if not watch.sample():
            return False
        run = run_tool(watch.connection, runtime.java_home, runtime.home, command, seconds=watch.patience())
        said = tail("\n".join((run.output, run.errors)), _LINES_SAID)
        watch.said = f"{run.name} {run.outcome}:\n{said}"
        return line.search(run.output) is not None

    watch.wait(serves, f"it serves no metadata at {runtime.local}, or they do not name broker {runtime.broker_id}")
