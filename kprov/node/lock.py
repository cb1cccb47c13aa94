"""The host's lock: one run at a time changes a host, and leaves a line in its journal when it begins and ends."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from kprov import __version__
from kprov.diagnosis import known_remedy
from kprov.errors import ConnectError, ExitCode, KprovError, LockedError, StepError, code_of
from kprov.host.answers import Record
from kprov.host.connection import Channel, Connection, Reply
from kprov.host.facts import looking_ahead, seen_of
from kprov.journal import operator
from kprov.kinds.base import Answer, Call


@dataclass
class Held:
    """The lock while a run has it.

    seen: the answers of the probes that were sent with the request for the lock. code and problem: how the host's
    journal will say that the run ended.
    """

    seen: Mapping[str, Answer]
    code: ExitCode = ExitCode.DONE
    problem: str = ""


@contextmanager
def host_lock(connection: Connection, command: str, calls: Sequence[Call] = (), *, changes: int = 0) -> Iterator[Held]:
    """Hold the host's lock for ``command``, the name that other runs and the host's journal will show.

    The lock is bound to the connection's sshd process: once that has ended, the lock is stale and the next run takes
    it. calls: probes that are answered under the lock. changes: how many the run is going to make, for the journal.
    Raises LockedError while another run has the lock.
    """
    held = _take(connection, command, calls, changes)
    try:
        yield held
    except BaseException as error:
        held.code = code_of(error)
        held.problem = _short(error)
        raise
    finally:
        _release(connection, command, held)


@contextmanager
def host_locks(connections: Iterable[Connection], command: str) -> Iterator[None]:
    """Hold the locks of several hosts, taken one after the other in the order of ``lock_order``."""
    with ExitStack() as stack:
        for connection in sorted(connections, key=lock_order):
            stack.enter_context(host_lock(connection, command))
        yield


def lock_order(connection: Connection) -> str:
    """What the hosts of a run are sorted by before their locks are taken: it is the same for every run."""
    return connection.login.hostname


def exchange_under_lock(
    connection: Connection,
    calls: Iterable[Call],
    payload: Iterable[bytes] = (),
    on_record: Callable[[Record], None] | None = None,
    channel: Channel | None = None,
) -> Reply:
    """An exchange that changes something: it fails unless this run still has the lock, and keeps it until its end."""
    return connection.exchange([("hold_lock", connection.session), *calls], payload, on_record, channel=channel)


def _take(connection: Connection, command: str, calls: Sequence[Call], changes: int) -> Held:
    who = f"{operator()} (process {os.getpid()})"
    begun = {"state": "begun", "who": operator(), "kprov": __version__, "changes": changes}
    note = _note(connection, command, begun)
    taking = ("take_lock", connection.session, who, command, note)
    reply = connection.exchange([taking, *looking_ahead(calls)])
    answers = reply.of_kind("lock")
    where = connection.login.name
    if not answers:
        cause = reply.errors.strip()
        hint = known_remedy(cause) or "/var/lib/kprov on the host must be a directory that root can write to"
        raise StepError("the host's lock could not be taken", where=where, cause=cause, hint=hint)
    if answers[0]["taken"] != "yes":
        raise _locked(where, answers[0])
    return Held(seen_of(reply))


def _release(connection: Connection, command: str, held: Held) -> None:
    note = _note(connection, command, {"state": "ended", "exit_code": int(held.code), "problem": held.problem})
    with suppress(ConnectError):
        connection.exchange([("release_lock", connection.session, note)])


def _note(connection: Connection, command: str, fields: Mapping[str, object]) -> str:
    """A line of the host's journal."""
    return json.dumps({"run": connection.run, "command": command, **fields})


def _short(error: BaseException) -> str:
    """An error in a few words, for the host's journal."""
    return error.problems[0].what[:200] if isinstance(error, KprovError) else type(error).__name__


def _locked(where: str, answer: Record) -> LockedError:
    """Who holds the lock, since when, and with which command."""
    holder = dict(line.partition("=")[::2] for line in answer["holder"].splitlines())
    since, command = holder.get("since", ""), holder.get("command", "")
    when = ""
    if since.isdigit():
        moment = datetime.fromtimestamp(int(since), UTC)
        when = f" since {moment:%Y-%m-%d %H:%M:%S} UTC ({max(0, answer.number('now') - int(since))} s)"
    running = f": kprov {command}" if command else ""
    return LockedError(
        f"{holder.get('who', 'another run')} has locked the host{when}{running}",
        where=where,
        cause="that run has ended, but one of its steps is still running on the host"
        if answer["gone"] == "yes"
        else "",
        hint="wait until it has ended; the lock of a run that is gone is released by itself",
    )
