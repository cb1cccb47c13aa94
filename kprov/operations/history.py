"""history of a host: the short journal that it keeps of the runs that had its lock."""

from __future__ import annotations

from kprov.errors import PreflightError
from kprov.history import Run, host_runs
from kprov.host.connection import Connection
from kprov.host.facts import probe


def host_history(connection: Connection) -> list[Run]:
    """The runs, the newest first; none where kprov has never been. One exchange.

    Raises PreflightError where the journal cannot be read.
    """
    seen = probe(connection, [("probe_journal", "journal")])["journal"]
    if seen["status"] == "unknown":
        raise PreflightError(
            "the host's journal cannot be read", where=connection.login.name, cause=seen.get("why", "")
        )
    return host_runs(seen.get("content", ""), locked=seen.get("locked") == "yes")
