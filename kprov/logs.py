"""Parse log lines into entries, and find the problems among them. Pure.

Supported formats: Kafka's and ZooKeeper's files with kprov's pattern (``[%d] %p %m (%c)``) and with their own default
patterns; the journal as ``journalctl -o short-iso`` of systemd 219 and later prints it, including entries that the
services log there. Times in files are in the host's time zone, which the files do not state.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone

from kprov.diagnosis import known_remedy
from kprov.errors import UsageError

_LEVEL = r"(?P<level>FATAL|ERROR|WARN|INFO|DEBUG|TRACE)"
_MOMENT = r"(?P<time>\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d[,.]\d{3})"
_HEADERS = (
    # Kafka's pattern, which kprov uses for all: [%d] %p %m (%c)
    re.compile(rf"\[{_MOMENT}\] {_LEVEL} +(?P<text>.*)"),
    # ZooKeeper's: %d{ISO8601} [myid:%X{myid}] - %-5p [%t:%C{1}@%L] - %m
    re.compile(rf"{_MOMENT} (?:\[myid:[^\]]*\] )?- {_LEVEL} +(?:\[.*?@[^\]\s]*\] - )?(?P<text>.*)"),
)
_LOGGER = re.compile(r" \([\w.$]+\)$")
_JOURNAL = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:?\d\d) \S+ "
    r"(?P<program>[^\[:\s]+)(?:\[(?P<pid>\d+)\])?: (?P<text>.*)"
)
# A continuation of the previous line: the rest of a stack trace or of a multi-line message.
_CONTINUED = re.compile(
    r"\s|Caused by: |Suppressed: |\.\.\. \d+ (?:more|common frames)|[\w.$]+(?:Exception|Error)(?::|$)|$"
)
# What systemd 219 and later logs about a failing unit. Java exits with 143 on SIGTERM, which is no failure.
_SYSTEMD_FAILURE = re.compile(
    r"main process exited, (?!code=exited, status=(?:0|143)\b)|entered failed state|\.service failed\."
    r"|Failed with result|Failed to (?:start|load|run|locate|determine|set up)|Unable to locate|Failed at step"
    r"|repeated too quickly|timed out\. (?:Killing|Terminating)|oom-kill|still around after .*SIGKILL",
    re.IGNORECASE,
)
# What the JVM and the start scripts print if they fail before logging begins.
_FAILURE = re.compile(
    r"Error\b|Exception in thread|Unrecognized |Invalid |Could not |Conflicting |java\.lang\.|# A fatal error"
    r"|# There is insufficient memory|# Native memory allocation"
    r"|.*: line \d+: .*(?:No such file|not found|denied)|.*\bavc: +denied "
)
_WARNING = re.compile(r".*\bwarning: ", re.IGNORECASE)
_TRACE = re.compile(r"\s+at [\w.$<>/]+\(")
_PROBLEMS = frozenset({"FATAL", "ERROR", "WARN"})
_SINCE = re.compile(r"(\d{1,9})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class LogEntry:
    """One log entry.

    source: the name of the log. time: None if unknown. level: empty if unknown. text: the first line of the message,
    without time, level and logger. lines: the original lines, including a stack trace.
    """

    source: str
    time: datetime | None
    level: str
    text: str
    lines: tuple[str, ...]
    program: str = ""

    @property
    def problem(self) -> bool:
        """Whether the entry reports a problem; a stack trace at any level counts."""
        return self.level in _PROBLEMS or any(_TRACE.match(line) for line in self.lines[1:])


@dataclass(frozen=True)
class LogProblem:
    """A problem: its newest entry, how often it was logged, and how to fix it if known."""

    entry: LogEntry
    count: int
    remedy: str


def file_entries(source: str, text: str, zone: timezone) -> list[LogEntry]:
    """The entries of a log file, in order; the first lines may be the end of a truncated entry."""
    entries: list[LogEntry] = []
    for line in text.splitlines():
        entry = _headed(source, line, zone)
        if entry is not None:
            entries.append(entry)
        elif entries:
            entries[-1] = replace(entries[-1], lines=(*entries[-1].lines, line))
        elif line.strip():
            entries.append(LogEntry(source, None, "", line, (line,)))
    return entries


def journal_entries(source: str, text: str) -> list[LogEntry]:
    """The entries of the journal, in order. Related lines of one program form one entry."""
    entries: list[LogEntry] = []
    for line in text.splitlines():
        match = _JOURNAL.match(line)
        if match is None:
            # A further line of a message; journalctl's own lines begin with two dashes.
            if entries and not line.startswith("-- "):
                entries[-1] = replace(entries[-1], lines=(*entries[-1].lines, line))
            continue
        moment = datetime.fromisoformat(match["time"])
        program = f"{match['program']}[{match['pid'] or ''}]"
        said = match["text"]
        last = entries[-1] if entries else None
        if last is not None and last.program == program and not _is_systemd(program) and _CONTINUED.match(said):
            entries[-1] = replace(last, lines=(*last.lines, said))
            continue
        zone = timezone(moment.utcoffset() or timedelta())
        entry = _headed(source, said, zone) or LogEntry(source, moment, _told_level(program, said), said, (said,))
        entries.append(replace(entry, program=program))
    return entries


def _headed(source: str, line: str, zone: timezone) -> LogEntry | None:
    """The entry that begins at a line with time and level; None for other lines."""
    for pattern in _HEADERS:
        match = pattern.match(line)
        if match is not None:
            try:
                moment = datetime.fromisoformat(match["time"].replace(",", ".")).replace(tzinfo=zone)
            except ValueError:  # an impossible date
                return None
            return LogEntry(source, moment, match["level"], _LOGGER.sub("", match["text"]), (line,))
    return None


def _is_systemd(program: str) -> bool:
    """Whether systemd logged it, or its child before exec, which 254 and later name after the program: (program)."""
    return program.startswith(("systemd[", "systemd-executor[", "("))


def _told_level(program: str, text: str) -> str:
    """The level of a line that does not state one."""
    if _is_systemd(program):
        return "ERROR" if _SYSTEMD_FAILURE.search(text) else "INFO"
    if _WARNING.match(text):
        return "WARN"
    return "ERROR" if _FAILURE.match(text) else ""


def findings(entries: Iterable[LogEntry]) -> list[LogProblem]:
    """The problems, newest first; entries that differ only in numbers are one problem.

    The journal repeats entries of the files: an entry found in several sources counts only in the first.
    """
    first: dict[tuple[object, ...], str] = {}
    groups: dict[tuple[str, str], list[tuple[float, int, LogEntry]]] = {}
    for number, entry in enumerate(entries):
        if not entry.problem:
            continue
        said = (entry.time, entry.level, entry.text)
        if entry.time is not None and first.setdefault(said, entry.source) != entry.source:
            continue
        group = groups.setdefault((entry.level, re.sub(r"\d+", "#", entry.text)), [])
        group.append((_when(entry), number, entry))  # within a second, the later line is newer
    newest = sorted(((*max(group)[:2], len(group), max(group)[2]) for group in groups.values()), reverse=True)
    return [LogProblem(entry, count, known_remedy("\n".join(entry.lines))) for _, _, count, entry in newest]


def _when(entry: LogEntry) -> float:
    return entry.time.timestamp() if entry.time is not None else 0.0


def last(lines: Sequence[str], count: int) -> tuple[str, ...]:
    """The last ``count`` lines, none for 0."""
    return tuple(lines[max(0, len(lines) - count) :])


def newer(entries: Iterable[LogEntry], since: float) -> Iterator[LogEntry]:
    """The entries from ``since`` on (seconds since the epoch; 0: all)."""
    return (entry for entry in entries if since == 0 or _when(entry) >= since)


def zone_of(text: str) -> timezone:
    """Parse a time zone as ``date +%z`` prints it, for instance +0530."""
    match = re.fullmatch(r"([+-])(\d\d):?(\d\d)", text)
    if match is None:
        return UTC
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return timezone(-offset if match[1] == "-" else offset)


def since_argument(text: str) -> str:
    """Convert --since for the remote library: ``-SECONDS``, or a time on the host's clock, as date(1) reads it.

    Raises UsageError unless the text is a duration such as 10m, a date, a time of today, or a date and time.
    """
    span = _SINCE.fullmatch(text)
    if span is not None:
        return f"-{int(span[1]) * _SECONDS[span[2]]}"
    if re.fullmatch(r"\d\d:\d\d(:\d\d)?", text):
        return text
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{text!r} is not a time",
            where="--since",
            hint="give, for instance, 10m, 2h, 1d, 18:30, 2026-11-24 or 2026-11-24T18:30",
        ) from None
    return f"{moment:%Y-%m-%d %H:%M:%S}{moment:%z}"
