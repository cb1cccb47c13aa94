"""history: the runs that changed hosts, from the journals on this machine or from a host's own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from kprov.errors import PreflightError
from kprov.history import Record, Run, find, host_runs, merged, runs
from kprov.host.connection import Connection
from kprov.host.facts import probe
from kprov.operations.fleet import Fleet
from kprov.operations.report import Report
from kprov.rollout.together import together


@dataclass(frozen=True)
class Runs:
    """Past runs, the newest first. empty: the message if there are none."""

    runs: tuple[Run, ...]
    empty: str


@dataclass(frozen=True)
class RunShown:
    """One run with the records of its journal."""

    run: Run
    records: tuple[Record, ...]


def local_history(number: int) -> Report:
    """The newest runs that this machine has journalled."""
    return Report("history", (Runs(tuple(runs()[:number]), "no run has been journalled on this machine"),))


def hosts_history(found: Fleet, number: int) -> Report:
    """The newest runs that held the locks of the hosts, those of all hosts in one list. One exchange with each.

    Raises PreflightError if a journal cannot be read.
    """
    noted = together([partial(_noted, connection) for connection in found.acting], found.abandon)
    names = [connection.login.name for connection in found.acting]
    listed = merged(dict(zip(names, noted, strict=True))) if found.several else noted[0]
    empty = f"{', '.join(names)}: no run has been noted there"
    return found.completed(Report("history", (Runs(tuple(listed[:number]), empty),)))


def _noted(connection: Connection) -> list[Run]:
    """The runs in the host's journal, the newest first; none if kprov never changed it."""
    seen = probe(connection, [("probe_journal", "journal")])["journal"]
    if seen["status"] == "unknown":
        raise PreflightError(
            "the host's journal cannot be read",
            where=connection.login.name,
            cause=seen.get("why", ""),
            hint="make /var/lib/kprov/journal on the host readable for root",
        )
    return host_runs(seen.get("content", ""), locked=seen.get("locked") == "yes")


def show_run(run_id: str) -> Report:
    """The journal of one run. Raises UsageError if the start of an ID fits none, or several."""
    run, records = find(run_id)
    return Report("history show", (RunShown(run, tuple(records)),))
