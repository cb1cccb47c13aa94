"""Runs changes as numbered steps: each call answers for itself, and a gate ends the exchange that it follows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from kprov.diagnosis import drop_in_note, known_remedy
from kprov.errors import ConnectError, StepError
from kprov.events import Emit, StepDone, StepFailed, StepStarted
from kprov.host.answers import Record
from kprov.host.connection import Connection
from kprov.host.facts import probe
from kprov.kinds.base import Action, Change
from kprov.kinds.service import UnitState
from kprov.node.lock import exchange_under_lock
from kprov.node.staging import check_staged, packed

# Called with a unit that must be ready before the next change.
Gate = Callable[[str], None]


@dataclass(frozen=True)
class Numbering:
    """How steps are numbered in events: after ``start``, of ``count``."""

    start: int
    count: int


def run_steps(
    connection: Connection, changes: Sequence[Change], emit: Emit, gate: Gate, numbering: Numbering | None = None
) -> None:
    """Run changes in order, under a lock that the caller holds. numbering: if they are a part of more changes.

    Raises StepError at the first step that fails; what ``gate`` raises goes through.
    """
    number, count = (numbering.start, numbering.count) if numbering else (0, len(changes))
    for batch in _batches(changes):
        _run(connection, batch, number, count, emit)
        number += len(batch)
        if batch[-1].gate:
            gate(batch[-1].gate)


def _batches(changes: Sequence[Change]) -> Iterator[list[Change]]:
    """The changes, cut after each one that has a gate; each batch is one exchange."""
    batch: list[Change] = []
    for change in changes:
        batch.append(change)
        if change.gate:
            yield batch
            batch = []
    if batch:
        yield batch


@dataclass
class _StepEvents:
    """Turns the records of a batch into events: a change is done when its last call is."""

    batch: Sequence[Change]
    offset: int
    count: int
    emit: Emit
    ended: int = 0
    calls_ended: int = 0
    began: float = field(default_factory=time.monotonic)
    failed: Record | None = None

    def __call__(self, record: Record) -> None:
        if record.kind not in {"begin", "end", "failed"}:
            return
        number = record.number("number")
        change = self.batch[number]
        text, group = f"{change.action} {change.title}", _group(change)
        position = self.offset + number + 1
        if record.kind == "begin":
            if self.calls_ended == 0:
                self.began = time.monotonic()
                self.emit(StepStarted(position, self.count, text, group=group))
            return
        seconds = time.monotonic() - self.began
        if record.kind == "failed":
            self.failed = record
            self.emit(StepFailed(position, self.count, text, seconds))
            return
        self.calls_ended += 1
        if self.calls_ended == len(change.calls):
            self.ended, self.calls_ended = self.ended + 1, 0
            self.emit(StepDone(position, self.count, text, seconds, group=group))


def _group(change: Change) -> str:
    """As the change's; a start is told again when its service is ready."""
    return "start" if change.action is Action.START and change.gate else change.group


def _run(connection: Connection, batch: Sequence[Change], offset: int, count: int, emit: Emit) -> None:
    """One exchange: the small files in one tar, then every call as a step."""
    contents = [change.content for change in batch if change.content is not None]
    calls: list[tuple[str, ...]] = [("receive_stage",)] if contents else []
    calls += [("step", str(number), *call) for number, change in enumerate(batch) for call in change.calls]
    calls += [("clear_stage",)] if contents else []
    events = _StepEvents(batch, offset, count, emit)
    reply = exchange_under_lock(connection, calls, [packed(contents)] if contents else (), events)
    check_staged(connection, reply)
    if events.failed is not None:
        raise _failure(connection, batch[events.failed.number("number")], events.failed)
    if events.ended != len(batch):
        change = batch[events.ended]
        raise StepError(
            f"{change.action} {change.title} did not end",
            where=connection.login.name,
            cause=reply.errors.strip()[-2000:],
            hint="run the same command again: it continues from here",
        )


def _failure(connection: Connection, change: Change, failed: Record) -> StepError:
    cause = failed["output"].strip() or f"status {failed['status']}"
    log, note = _of_service(connection, change)
    cause = f"{cause}\n{log}".strip()
    remedy = known_remedy(log) or known_remedy(cause) or "fix the cause"
    return StepError(
        f"{change.action} {change.title} failed",
        where=connection.login.name,
        cause=cause,
        hint=f"{remedy}{note}; then run the same command again: it continues from here",
    )


def _of_service(connection: Connection, change: Change) -> tuple[str, str]:
    """Why a service could not be started, from its journal, and the drop-ins of others: systemctl shows neither."""
    unit = change.id.removeprefix("service:")
    if unit == change.id:
        return "", ""
    with suppress(ConnectError, StepError):
        seen = probe(connection, [("probe_log", "log", unit, "10"), ("probe_unit", unit, unit)])
        return seen["log"].get("text", "").strip(), drop_in_note(UnitState.of(seen[unit]).drop_ins)
    return "", ""
