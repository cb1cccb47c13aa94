"""Carries out a plan on one host, exactly as it stands.

Before the first change the host's lock is taken and the receipt says what is going to be made, so that a run
that is killed leaves a host that the next run understands. Archives are pushed first, while everything still
runs; small files travel together; every step answers for itself.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from kprov import __version__
from kprov.diagnosis import drop_in_note, known_remedy
from kprov.errors import ConnectError, ExitCode, KprovError, LockedError, PreflightError, StepError, code_of
from kprov.events import Emit, StepDone, StepFailed, StepStarted, Transfer
from kprov.host.answers import Record
from kprov.host.connection import Connection, Reply
from kprov.host.facts import probe, seen_of
from kprov.journal import operator
from kprov.plan import Plan, differs
from kprov.receipt import Receipt
from kprov.resources.base import ABSENT, Call, Change, Made, Seen, Upload
from kprov.resources.data import with_memory
from kprov.resources.removal import query_of
from kprov.resources.system import UnitState

_CHUNK = 262144
Gate = Callable[[str], None]


def apply(connection: Connection, plan: Plan, command: str, emit: Emit, gate: Gate) -> None:
    """Carry out the plan for ``command``, the name that the lock tells others.

    gate: called with a unit that must be ready before the next change.

    Raises LockedError where another run has the host, PreflightError where the host is no longer what the plan was
    made from, StepError at the first step that fails; what ``gate`` raises goes through. The plan must have no
    obstacles.
    """
    if plan.obstacles:
        raise ValueError("a plan with obstacles must not be carried out")
    with host_lock(connection, command, [call for call, _ in plan.expects], changes=len(plan.changes)) as held:
        _check_fits(connection, plan, held.seen)
        intent = _intent(plan)
        _write_receipt(connection, intent)
        for upload in _uploads(plan.changes):
            push(connection, upload, emit)
        started = {change.gate: change.made for change in plan.changes if change.gate and change.made}

        def passed(unit: str) -> None:
            """A run that ends after this has started the unit with what it reads."""
            nonlocal intent
            gate(unit)
            if made := started.get(unit):
                intent = replace(intent, made={**intent.made, made.id: made})
                _write_receipt(connection, intent)

        carry_out(connection, plan.changes, emit, passed)
        _finish(connection, plan.after)


def remember_data(connection: Connection, plan: Plan) -> None:
    """Let the receipt say what was seen of the data, where the plan has nothing to do and the receipt does not know."""
    known = {id_: made for id_, made in plan.after.made.items() if made.kind == "data" and id_ in plan.before.made}
    if all(plan.before.made[id_] == made for id_, made in known.items()):
        return
    with host_lock(connection, "install"):
        _write_receipt(connection, replace(plan.before, made={**plan.before.made, **known}))


def write_receipt(connection: Connection, receipt: Receipt) -> None:
    """Write the receipt, under a lock that the caller holds, with what is seen of the data now."""
    _write_receipt(connection, _with_data(connection, receipt))


def _with_data(connection: Connection, receipt: Receipt) -> Receipt:
    """The receipt with where its data lie, and that there are some."""
    data = [made for made in receipt.made.values() if made.kind == "data" and not made["kept"]]
    if not data:
        return receipt
    seen = probe(connection, [query_of(made) for made in data])
    return replace(receipt, made={**receipt.made, **{made.id: with_memory(made, made, seen[made.id]) for made in data}})


def _check_fits(connection: Connection, plan: Plan, seen: Mapping[str, Seen]) -> None:
    """Somebody may have changed the host while the plan was read and agreed to."""
    changed = [call[1] for call, expected in plan.expects if differs(expected, seen.get(call[1], ABSENT))]
    if changed:
        raise PreflightError(
            "the host has changed since the plan was made, so nothing was done",
            where=connection.login.name,
            cause="\n".join(changed),
            hint="run the same command again and look at the new plan",
        )


def mark_proven(connection: Connection, receipt: Receipt) -> None:
    """Let the receipt say that clients were served with what it lists."""
    write_receipt(connection, replace(receipt, state="done"))


def carry_out(connection: Connection, changes: Sequence[Change], emit: Emit, gate: Gate) -> None:
    """Run changes in order, under a lock that the caller holds; see ``apply`` for what is raised."""
    number = 0
    for batch in _batches(changes):
        _run(connection, batch, number, len(changes), emit)
        number += len(batch)
        if batch[-1].gate:
            gate(batch[-1].gate)


def _uploads(changes: Iterable[Change]) -> list[Upload]:
    return list({change.upload.sha256: change.upload for change in changes if change.upload}.values())


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


# ------------------------------------------------------------------ receipt


def _intent(plan: Plan) -> Receipt:
    """The receipt while the plan is under way: what was made, and what is going to be."""
    made: dict[str, Made] = dict(plan.before.made)
    for change in plan.changes:
        if change.made is None:
            continue
        before = made.get(change.id)
        entry = replace(change.made, fields={**change.made.fields, "pending": "yes"})
        if entry.kind == "service":
            # It has not been started with the new files yet. One that is started with the old ones is not known to
            # serve before its gate: it may hang, and the next run must not take it for right.
            if before is None or (change.gate and before["fingerprint"] == entry["fingerprint"]):
                entry = replace(entry, fields={**entry.fields, "fingerprint": ""})
            else:
                entry = before
        elif before is None and any(copy.kind == "original" for copy in change.copies):
            entry = replace(entry, fields={**entry.fields, "foreign": "yes"})
        elif before is not None:
            # What is there may be what any of several interrupted runs had found.
            last = before["sha256"] or before["target"] or before["source"]
            found = dict.fromkeys(f"{before['previous']} {last}".split())
            # What it is going to be is no other one: a run that was interrupted may have come to it.
            found.pop(entry["sha256"] or entry["target"] or entry["source"], None)
            known = {"previous": " ".join(found), "kept": before["kept"], "foreign": before["foreign"]}
            entry = replace(entry, fields={**entry.fields, **{key: value for key, value in known.items() if value}})
        made[change.id] = entry
        made |= {copy.id: copy for copy in change.copies}
    after = plan.after if plan.after.spec is not None else plan.before
    return Receipt(made, "applying", after.spec, after.releases, after.ignored, plan.before.ran)


def _write_receipt(connection: Connection, receipt: Receipt) -> None:
    content = receipt.to_json(operator()).encode()
    name = hashlib.sha256(content).hexdigest()
    # Before the last receipt: a run that is killed after it leaves nothing to be tidied.
    tidy = [("step", "1", "clear_uploads")] if receipt.state != "applying" else []
    reply = _exchange(connection, [("receive_stage",), *tidy, ("step", "0", "write_receipt", name)], [_tar([content])])
    _check_staged(connection, reply.records)
    # Silence is no success: the host's shell may have been ended in the middle.
    if not any(record.number("number") == 0 for record in reply.of_kind("end")):
        cause = next((record["output"] for record in reply.of_kind("failed")), reply.errors).strip()
        raise StepError(
            "the receipt could not be written",
            where=connection.login.name,
            cause=cause,
            hint=known_remedy(cause) or "mend that and run the same command again: it goes on from here",
        )


def _finish(connection: Connection, receipt: Receipt) -> None:
    """The receipt's result; a host without anything of kprov's keeps no receipt either."""
    if receipt.made:
        write_receipt(connection, receipt)
    else:
        _exchange(connection, [("step", "0", "drop_state")])


# ------------------------------------------------------------------ steps


@dataclass
class _Progress:
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
        text = f"{change.action} {change.title}"
        position = self.offset + number + 1
        if record.kind == "begin":
            if self.calls_ended == 0:
                self.began = time.monotonic()
                self.emit(StepStarted(position, self.count, text))
            return
        seconds = time.monotonic() - self.began
        if record.kind == "failed":
            self.failed = record
            self.emit(StepFailed(position, self.count, text, seconds))
            return
        self.calls_ended += 1
        if self.calls_ended == len(change.calls):
            self.ended, self.calls_ended = self.ended + 1, 0
            self.emit(StepDone(position, self.count, text, seconds))


def _run(connection: Connection, batch: Sequence[Change], offset: int, count: int, emit: Emit) -> None:
    """One exchange: the small files in one archive, then every call as a step."""
    contents = [change.content for change in batch if change.content is not None]
    calls: list[tuple[str, ...]] = [("receive_stage",)] if contents else []
    calls += [("step", str(number), *call) for number, change in enumerate(batch) for call in change.calls]
    calls += [("clear_stage",)] if contents else []
    progress = _Progress(batch, offset, count, emit)
    reply = _exchange(connection, calls, [_tar(contents)] if contents else (), progress)
    _check_staged(connection, reply.records)
    where = connection.login.name
    if progress.failed is not None:
        change = batch[progress.failed.number("number")]
        cause = progress.failed["output"].strip() or f"status {progress.failed['status']}"
        said, note = _of_service(connection, change)
        cause = f"{cause}\n{said}".strip()
        hint = known_remedy(said) or known_remedy(cause) or "fix the cause"
        hint += f"{note}; then run the same command again: it goes on from here"
        raise StepError(f"{change.action} {change.title} failed", where=where, cause=cause, hint=hint)
    if progress.ended != len(batch):
        change = batch[progress.ended]
        cause = reply.errors.strip()[-2000:]
        hint = "run the same command again: it goes on from where the host is"
        raise StepError(f"{change.action} {change.title} did not end", where=where, cause=cause, hint=hint)


def _of_service(connection: Connection, change: Change) -> tuple[str, str]:
    """Why a service could not be started, as its journal has it, and the drop-ins of others: systemctl says neither."""
    unit = change.id.removeprefix("service:")
    if unit == change.id:
        return "", ""
    with suppress(ConnectError, StepError):
        seen = probe(connection, [("probe_log", "log", unit, "10"), ("probe_unit", unit, unit)])
        return seen["log"].get("text", "").strip(), drop_in_note(UnitState.of(seen[unit]).drop_ins)
    return "", ""


def _check_staged(connection: Connection, records: Iterable[Record]) -> None:
    for record in records:
        if record.kind == "staged" and record["ok"] != "yes":
            raise StepError(
                "the small files could not be unpacked on the host",
                where=connection.login.name,
                cause=record["output"],
                hint=known_remedy(record["output"]) or "is /var full or read-only?",
            )


def _exchange(
    connection: Connection,
    calls: Iterable[Call],
    payload: Iterable[bytes] = (),
    on_record: Callable[[Record], None] | None = None,
) -> Reply:
    """An exchange that changes something: it makes sure that the lock is still this run's, and keeps it to its end."""
    return connection.exchange([("hold_lock", connection.session), *calls], payload, on_record)


def _tar(contents: Iterable[bytes]) -> bytes:
    """The contents as one tar, each under its SHA-256."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for content in {hashlib.sha256(item).hexdigest(): item for item in contents}.items():
            info = tarfile.TarInfo(content[0])
            info.size, info.mode = len(content[1]), 0o600
            tar.addfile(info, io.BytesIO(content[1]))
    return stream.getvalue()


# ------------------------------------------------------------------ archives


def push(connection: Connection, upload: Upload, emit: Emit) -> None:
    """Bring an archive to the host unless it is there whole; a part that is there is gone on with."""
    seen = probe(connection, [("probe_upload", "upload", upload.stored)])["upload"]
    if seen.get("whole") == "yes":
        return
    offset = int(seen.get("size") or 0)
    for start in dict.fromkeys((offset if offset < upload.size else 0, 0)):
        anew = [] if start else [("drop_part", upload.stored)]
        receive = ("receive_upload", upload.stored, upload.sha256, str(upload.size - start))
        reply = _exchange(connection, [*anew, receive], _read(upload, start, emit))
        answers = reply.of_kind("upload")
        if answers and answers[0]["ok"] == "yes":
            return
        cause = answers[0]["output"] or f"its SHA-256 there is {answers[0]['sum']}" if answers else reply.errors
    raise StepError(
        f"{upload.name} did not arrive whole",
        where=connection.login.name,
        cause=cause.strip(),
        hint=f"{known_remedy(cause) or 'is /var full?'}; then run the same command again",
    )


def _read(upload: Upload, start: int, emit: Emit) -> Iterator[bytes]:
    done = start
    emit(Transfer(f"pushing {upload.name}", done, upload.size))
    try:
        with upload.source.open("rb") as stream:
            stream.seek(start)
            while chunk := stream.read(_CHUNK):
                yield chunk
                done += len(chunk)
                emit(Transfer(f"pushing {upload.name}", done, upload.size))
    except OSError as error:
        raise StepError(f"{upload.source} cannot be read: {error.strerror}") from None


# ------------------------------------------------------------------ lock


@dataclass
class Held:
    """The lock while a run has it.

    seen: the answers of the probes that were asked under it. code and problem: how the host's journal will say that
    the run ended.
    """

    seen: Mapping[str, Seen]
    code: ExitCode = ExitCode.DONE
    problem: str = ""


@contextmanager
def host_lock(connection: Connection, command: str, calls: Sequence[Call] = (), *, changes: int = 0) -> Iterator[Held]:
    """Hold the host's lock; calls: probes that are answered under it. Raises LockedError where another run has it.

    It is bound to the connection's sshd process: where that has ended, the lock is stale and taken over.
    Taking and releasing it each leave a line in the host's journal. changes: how many are going to be made.
    """
    run = {"run": connection.run, "command": command}
    who = f"{operator()} (process {os.getpid()})"
    note = json.dumps({**run, "state": "begun", "who": operator(), "kprov": __version__, "changes": changes})
    reply = connection.exchange([("take_lock", connection.session, who, command, note), *calls])
    answers = reply.of_kind("lock")
    where = connection.login.name
    if not answers:
        cause = reply.errors.strip()
        hint = known_remedy(cause) or "/var/lib/kprov on the host must be a folder that root can write to"
        raise StepError("the host's lock could not be taken", where=where, cause=cause, hint=hint)
    if answers[0]["taken"] != "yes":
        raise _locked(where, answers[0])
    held = Held(seen_of(reply))
    try:
        yield held
    except BaseException as error:
        held.code = code_of(error)
        held.problem = _short(error)
        raise
    finally:
        note = json.dumps({**run, "state": "ended", "exit_code": int(held.code), "problem": held.problem})
        with suppress(ConnectError):
            connection.exchange([("release_lock", connection.session, note)])


def _short(error: BaseException) -> str:
    """An error in a few words, for the host's journal."""
    return error.problems[0].what[:200] if isinstance(error, KprovError) else type(error).__name__


def _locked(where: str, answer: Record) -> LockedError:
    holder = dict(line.partition("=")[::2] for line in answer["holder"].splitlines())
    since = holder.get("since", "")
    when = ""
    if since.isdigit():
        moment = datetime.fromtimestamp(int(since), UTC)
        when = f" since {moment:%Y-%m-%d %H:%M:%S} UTC ({max(0, answer.number('now') - int(since))} s)"
    return LockedError(
        f"{holder.get('who', 'another run')} is at work on the host{when}: kprov {holder.get('command', '')}".rstrip(
            ": "
        ),
        where=where,
        cause="that run is gone, and a step of it is still under way on the host" if answer["gone"] == "yes" else "",
        hint="wait until it has ended; a lock whose run is gone is taken over by itself",
    )
