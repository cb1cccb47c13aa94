"""logs: what the services of a host have written, in the journal and in their own files."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from posixpath import basename

from kprov.errors import ConnectError, UsageError
from kprov.host.answers import Record
from kprov.host.connection import Connection
from kprov.host.facts import probe
from kprov.kinds.base import Call
from kprov.logs import LogEntry, LogProblem, file_entries, findings, journal_entries, last, newer, zone_of
from kprov.operations.fleet import Fleet
from kprov.operations.report import OnHosts, Report
from kprov.operations.session import installed
from kprov.roles.of_node import roles_of
from kprov.rollout.together import together
from kprov.topology import Node

# How many lines at the end of each source are searched; the library reads at most 256 KiB of a file.
READ_LINES = 2000


@dataclass(frozen=True)
class LogSource:
    """One place where a unit's lines are: a log file, or the unit's journal, for which path is empty."""

    unit: str
    name: str
    path: str = ""

    @property
    def place(self) -> str:
        return self.path or self.unit


@dataclass(frozen=True)
class Tail:
    """The end of a source. status: present, absent (nothing was written yet) or unknown, with the reason in why."""

    source: LogSource
    status: str
    why: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class LogLine:
    """A line of a log that is followed."""

    source: LogSource
    text: str


@dataclass(frozen=True)
class Logs:
    """The problems in a host's logs, and the end of each. now: by its clock, in its zone. since: None for all."""

    host: str
    now: datetime
    since: datetime | None
    problems: tuple[LogProblem, ...]
    tails: tuple[Tail, ...]


def sources(node: Node, unit: str | None = None) -> tuple[LogSource, ...]:
    """Kafka's files and journal, then ZooKeeper's; only those of ``unit`` (a systemd name) if given.

    Files come first: they have the exact times, and the journal repeats their warnings and errors.
    """
    return tuple(
        source
        for role in reversed(roles_of(node))
        if unit in {None, role.unit}
        for source in (
            *(LogSource(role.unit, basename(path), path) for path in role.log_files),
            LogSource(role.unit, f"{role.unit.removesuffix('.service')} journal"),
        )
    )


def report(hosts: Fleet, *, unit: str | None, lines: int, since: str) -> Report:
    """What ``read_logs`` finds on each host that acts."""
    read = partial(read_logs, unit=unit, lines=lines, since=since)
    found = together([partial(read, connection) for connection in hosts.acting], hosts.abandon)
    return Report("logs", (OnHosts(tuple(found)),) if hosts.several else tuple(found))


def one_to_follow(hosts: Fleet) -> Connection:
    """The host whose logs are followed. Raises UsageError for several."""
    if len(hosts.acting) > 1:
        names = ", ".join(connection.login.name for connection in hosts.acting)
        raise UsageError(
            f"only one host can be followed, and these are {names}", where="--follow", hint="name it with --only HOST"
        )
    return hosts.acting[0]


def read_logs(connection: Connection, *, unit: str | None, lines: int, since: str) -> Logs:
    """Problems and the last ``lines`` of each source; one exchange after the login.

    unit: only of this one, as systemd names it. since: as ``kprov.logs.since_argument`` gives it, empty for all.
    Raises PreflightError if nothing is installed, UsageError if the host's date cannot read ``since``.
    """
    wanted = sources(installed(connection).node, unit)
    count = str(max(lines, READ_LINES))
    calls: list[Call] = [("probe_clock", "clock", since)]
    for source in wanted:
        if source.path:
            calls.append(("probe_file_log", source.name, source.place, count))
        else:
            calls.append(("probe_unit_log", source.name, source.place, count, since))
    seen = probe(connection, calls)
    clock = seen["clock"]
    if clock["status"] != "present":
        raise UsageError(
            f"the host does not understand the time {since!r}",
            where="--since",
            cause=clock.get("why", ""),
            hint="write 10m, 2h, 18:30 or 2026-11-24T18:30",
        )
    zone, start = zone_of(clock.get("zone", "")), int(clock.get("since", "0"))
    entries: list[LogEntry] = []
    tails = []
    for source in wanted:
        answer = seen[source.name]
        text = answer.get("text", "")
        if source.path:
            found = list(newer(file_entries(source.name, text, zone), start))
            written = [line for entry in found for line in entry.lines]
        else:  # journalctl has looked at the time
            found, written = journal_entries(source.name, text), text.splitlines()
        entries += found
        tails.append(Tail(source, answer["status"], answer.get("why", ""), last(written, lines)))
    now = datetime.fromtimestamp(int(clock.get("now", "0")), zone)
    asked = datetime.fromtimestamp(start, zone) if start else None
    return Logs(connection.login.name, now, asked, tuple(findings(entries)), tuple(tails))


def follow(connection: Connection, *, unit: str | None, lines: int, show: Callable[[LogLine], None]) -> Report:
    """Show the last ``lines`` of each source, then each new line as it is written, until Ctrl-C.

    Nothing is left running on the host when the connection ends. Raises ConnectError if the host ends it.
    """
    with suppress(KeyboardInterrupt):  # the only way for an operator to end it
        wanted = sources(installed(connection).node, unit)
        call = ["follow_logs", str(lines)]
        for number, source in enumerate(wanted):
            call += [str(number), source.place]

        def on_record(record: Record) -> None:
            if record.kind == "line":
                show(LogLine(wanted[record.number("source")], record["text"]))

        connection.follow([call], on_record)
        raise ConnectError("the host stopped sending its logs", where=connection.login.name, hint="run this again")
    return Report("logs")
