"""Waits until a unit is ready, in layers: each layer counts only while the one below it holds.

1. the unit is active, and its first main process is still running; 2. that process holds the port; 3. ZooKeeper
answers `srvr`; 4. the broker is registered; 5. it serves metadata that names it. `systemctl start` succeeds for a
process that dies a moment later, so no layer can be left out. A failure ends the wait within a second or so.

The question of the upper layers costs the host nothing, so it is put ten times a second; layers 1 and 2 take processes
there, and are looked at once a second, and again after the answer.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import NoReturn

from kprov.diagnosis import drop_in_note, known_remedy, last_lines, passes, remedy, tail
from kprov.errors import NotReadyError
from kprov.events import Emit, Message, StepDone, StepFailed, StepStarted
from kprov.host.connection import Connection
from kprov.host.facts import probe
from kprov.host.forwarded import ForwardingForbiddenError, UnansweredError, ask
from kprov.host.tool import Tools
from kprov.kinds.base import Answer, Call
from kprov.kinds.service import UnitState
from kprov.roles.base import ReadyQuestion, Role

_PAUSE_SECONDS = 0.1
_PAUSE_IN_EXCHANGES_SECONDS = 0.5  # where each question takes an exchange
_SAMPLE_SECONDS = 1.0
_JOURNAL_LAGS_SECONDS = 0.3  # behind what it tells of
_TOOL_SECONDS = 30.0
_LINES_SAID = 8  # of the last answer, in an error


@dataclass
class _AwaitedUnit:
    """One unit that is waited for: its first main process must keep running.

    seconds: how long it may take. One exit is forgiven if its cause goes away by itself; ``coming_back`` is true until
    systemd has started the unit again after it. said: the answer to the last question to the service. tools_only:
    whether sshd does not forward and the host has no bash, so that only a JVM can ask it.
    """

    connection: Connection
    role: Role
    emit: Emit
    seconds: float
    began: float = field(default_factory=time.monotonic)
    pid: int = 0
    forgiven: bool = False
    coming_back: bool = False
    said: str = ""
    tools_only: bool = False

    @property
    def unit(self) -> str:
        return self.role.unit

    @property
    def left(self) -> float:
        """Seconds until it must be ready."""
        return self.began + self.seconds - time.monotonic()

    def sample(self) -> bool:
        """Layers 1 and 2 once; True when the process holds its ports. Raises NotReadyError."""
        ports = self.role.ports
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
        """Whether it ended for a cause that goes away by itself; then systemd's next start is waited for, once."""
        why = "" if self.forgiven else passes(self._log())
        if why:
            self.emit(Message(f"{self.unit}: {why}; systemd starts it again in a few seconds"))
            self.forgiven = self.coming_back = True
            self.pid = 0
        return bool(why)

    def _bound(self, port: int, answer: Answer) -> bool:
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

    def wait(self) -> None:
        """Until it serves; fails at the deadline, or as soon as the process is seen to be gone."""
        bound, sampled = self.sample(), time.monotonic()
        while not (self._answers(bound=bound) and self.sample()):
            if self.left < 0:
                self._give_up(bound=self.sample())
            time.sleep(_PAUSE_SECONDS if self.connection.forwards else _PAUSE_IN_EXCHANGES_SECONDS)
            if time.monotonic() - sampled > _SAMPLE_SECONDS:
                bound, sampled = self.sample(), time.monotonic()

    def _answers(self, *, bound: bool) -> bool:
        """Layers 3 to 5 once: whether it answers as expected. Tools are asked only if its process holds its ports."""
        question = self.role.ready_question
        answer = self._ask_directly(question)
        if answer is None:
            if not bound:
                return False
            answer, self.said = _ask_with_tools(self, question)
        return re.search(question.expected, answer, re.MULTILINE) is not None

    def _ask_directly(self, question: ReadyQuestion) -> str | None:
        """The answer without a JVM, empty if the service gave none; None if only tools can ask."""
        if self.tools_only:
            return None
        query = question.query
        try:
            answer = str(ask(self.connection, question.address, question.port, query, seconds=self.patience()))
        except UnansweredError as error:
            answer, self.said = "", f"{query.name}: {error}"
        except ForwardingForbiddenError:
            self.tools_only = True
            return None
        else:
            self.said = f"{query.name} was answered with:\n{tail(answer, _LINES_SAID)}"
        return answer

    def _give_up(self, *, bound: bool) -> NoReturn:
        what = self.role.ready_question.failure if bound else "it is not bound to its port"
        self.fail(
            f"{self.unit} runs, but {what} within {self.seconds:.0f} s",
            said=self.said if bound else "",
            hint="read the log lines above; if it only needs more time, use --ready-timeout SECONDS",
        )

    def fail(self, what: str, *, said: str = "", hint: str = "") -> NoReturn:
        """Raise NotReadyError.

        The cause is the answer to kprov's own question (``said``) and the end of the log; the hint is what these mean
        where that is known, else ``hint``. Drop-ins of others are named with it: what they set may be the cause.
        """
        time.sleep(_JOURNAL_LAGS_SECONDS)
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
        return ("probe_log", "log", self.unit, "60", self.role.log_files[0])

    def patience(self) -> int:
        """Seconds for one question to the service: it may hang, and the deadline must hold anyway."""
        return round(min(_TOOL_SECONDS, max(1.0, self.left)))


def await_ready(connection: Connection, role: Role, emit: Emit, *, seconds: float | None = None) -> int:
    """Wait until the unit of a role is ready; returns its main process.

    Raises NotReadyError at the first sign that it will not be. seconds: how long it may take; by default what the role
    says. One more question may be under way at that time: a hanging service is given up 6 seconds later at the latest.
    """
    unit = role.unit
    started = time.monotonic()
    emit(StepStarted(0, 0, f"waiting for {unit}"))
    awaited = _AwaitedUnit(connection, role, emit, role.ready_seconds if seconds is None else seconds)
    try:
        awaited.wait()
    except NotReadyError:
        emit(StepFailed(0, 0, f"waiting for {unit}", time.monotonic() - started))
        raise
    emit(StepDone(0, 0, f"{unit} is ready (process {awaited.pid}, port {role.ports[0]})", time.monotonic() - started))
    return awaited.pid


def _ask_with_tools(awaited: _AwaitedUnit, question: ReadyQuestion) -> tuple[str, str]:
    """The answer to one question from a JVM on the host, and how to quote it in an error; nothing if there is none."""
    if question.tool:
        node = awaited.role.node
        tools = Tools(awaited.connection, node.java_home, node.broker.home)
        run = tools.run(question.tool, seconds=awaited.patience())
        said = tail("\n".join((run.output, run.errors)), _LINES_SAID)
        return run.output, f"{run.name} {run.outcome}:\n{said}"
    name = question.call[1]
    answer = probe(awaited.connection, [(*question.call, str(awaited.patience()))])[name].get("text", "")
    return answer, f"{name} was answered with:\n{tail(answer, _LINES_SAID)}" if answer.strip() else ""
