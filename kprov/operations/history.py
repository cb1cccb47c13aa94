"""history: the runs that changed hosts, from the journals on this machine or from a host's own."""

from __future__ import annotations

from dataclasses import dataclass

from kprov.errors import PreflightError
from kprov.history import Record, Run, find, host_runs, runs
from kprov.host.connection import Connection
from kprov.host.facts import probe
from kprov.operations.report import Report


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


def host_history(connection: Connection, number: int) -> Report:
    """The newest runs that held the host's lock; none if kprov never changed the host. One exchange.

    Raises PreflightError if the journal cannot be read.
    """
    where = connection.login.name
    seen = probe(connection, [("probe_journal", "journal")])["journal"]
    if seen["status"] == "unknown":
        raise PreflightError(
            "the host's journal cannot be read",
            where=where,
            cause=seen.get("why", ""),
            hint="make /var/lib/kprov/journal on the host readable for root",
        )
    found = host_runs(seen.get("content", ""), locked=seen.get("locked") == "yes")
    return Report("history", (Runs(tuple(found[:number]), f"{where}: no run has been noted there"),))


def show_run(run_id: str) -> Report:
    """The journal of one run. Raises UsageError if the start of an ID fits none, or several."""
    run, records = find(run_id)
    return Report("history show", (RunShown(run, tuple(records)),))
