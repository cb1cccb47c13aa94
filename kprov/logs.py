"""Lines of logs as entries, and the problems that they tell of. Pure.

Kafka's and ZooKeeper's files are read as kprov has them written (``[%d] %p %m (%c)``) and as their own default
patterns have it; the journal as ``journalctl -o short-iso`` of systemd 219 and later writes it, with what the services
wrote inside. Times in files are those of the host's zone, which they do not name.
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
    # Kafka's pattern, and kprov's of all: [%d] %p %m (%c)
    re.compile(rf"\[{_MOMENT}\] {_LEVEL} +(?P<text>.*)"),
    # ZooKeeper's: %d{ISO8601} [myid:%X{myid}] - %-5p [%t:%C{1}@%L] - %m
    re.compile(rf"{_MOMENT} (?:\[myid:[^\]]*\] )?- {_LEVEL} +(?:\[.*?@[^\]\s]*\] - )?(?P<text>.*)"),
)
_LOGGER = re.compile(r" \([\w.$]+\)$")
_JOURNAL = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:?\d\d) \S+ "
    r"(?P<program>[^\[:\s]+)(?:\[(?P<pid>\d+)\])?: (?P<text>.*)"
)
# What belongs to the line before it: the rest of a stack trace, or of a message of several lines.
_CONTINUED = re.compile(
    r"\s|Caused by: |Suppressed: |\.\.\. \d+ (?:more|common frames)|[\w.$]+(?:Exception|Error)(?::|$)|$"
)
# systemd 219 and later of a unit that fails; a Java that is told to stop ends with 143, which is none.
_SYSTEMD_FAILURE = re.compile(
    r"main process exited, (?!code=exited, status=(?:0|143)\b)|entered failed state|\.service failed\."
    r"|Failed with result|Failed to (?:start|load|run|locate|determine|set up)|Unable to locate|Failed at step"
    r"|repeated too quickly|timed out\. (?:Killing|Terminating)|oom-kill|still around after .*SIGKILL",
    re.IGNORECASE,
)
# What the JVM and the start scripts write when it does not come to logging at all.
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
class Entry:
    """One thing that was logged.

    source: the name of where. time: None where it is not told. level: empty where none is told. text: the message's
    first line, without time, level and logger. lines: as they were written, with a stack trace.
    """

    source: str
    time: datetime | None
    level: str
    text: str
    lines: tuple[str, ...]
    program: str = ""

    @property
    def problem(self) -> bool:
        """Whether somebody who looks for what is wrong wants to see it: also an exception that is only mentioned."""
        return self.level in _PROBLEMS or any(_TRACE.match(line) for line in self.lines[1:])


@dataclass(frozen=True)
class Finding:
    """A problem: its newest entry, how often it was logged, and what to do where that is known."""

    entry: Entry
    count: int
    remedy: str


def file_entries(source: str, text: str, zone: timezone) -> list[Entry]:
    """The entries of a log file, in order; its first lines may be the end of one that is cut off."""
    entries: list[Entry] = []
    for line in text.splitlines():
        entry = _headed(source, line, zone)
        if entry is not None:
            entries.append(entry)
        elif entries:
            entries[-1] = replace(entries[-1], lines=(*entries[-1].lines, line))
        elif line.strip():
            entries.append(Entry(source, None, "", line, (line,)))
    return entries


def journal_entries(source: str, text: str) -> list[Entry]:
    """The entries of the journal, in order. Lines of one program that belong together are one entry."""
    entries: list[Entry] = []
    for line in text.splitlines():
        match = _JOURNAL.match(line)
        if match is None:
            # The second line of a message that has several; what journalctl itself says begins with two dashes.
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
        entry = _headed(source, said, zone) or Entry(source, moment, _told_level(program, said), said, (said,))
        entries.append(replace(entry, program=program))
    return entries


def _headed(source: str, line: str, zone: timezone) -> Entry | None:
    """The entry that a line with time and level begins; None for any other."""
    for pattern in _HEADERS:
        match = pattern.match(line)
        if match is not None:
            try:
                moment = datetime.fromisoformat(match["time"].replace(",", ".")).replace(tzinfo=zone)
            except ValueError:  # a day that no calendar has
                return None
            return Entry(source, moment, match["level"], _LOGGER.sub("", match["text"]), (line,))
    return None


def _is_systemd(program: str) -> bool:
    """Also its child that could not become the service: from 254 on it is named for that program, in parentheses."""
    return program.startswith(("systemd[", "systemd-executor[", "("))


def _told_level(program: str, text: str) -> str:
    """The level of a line that names none."""
    if _is_systemd(program):
        return "ERROR" if _SYSTEMD_FAILURE.search(text) else "INFO"
    if _WARNING.match(text):
        return "WARN"
    return "ERROR" if _FAILURE.match(text) else ""


def findings(entries: Iterable[Entry]) -> list[Finding]:
    """The problems, the newest first; what differs in numbers alone is one problem, logged several times.

    The journal repeats what files hold: of an entry that several sources have, the first one's counts.
    """
    first: dict[tuple[object, ...], str] = {}
    groups: dict[tuple[str, str], list[tuple[float, int, Entry]]] = {}
    for number, entry in enumerate(entries):
        if not entry.problem:
            continue
        said = (entry.time, entry.level, entry.text)
        if entry.time is not None and first.setdefault(said, entry.source) != entry.source:
            continue
        group = groups.setdefault((entry.level, re.sub(r"\d+", "#", entry.text)), [])
        group.append((_when(entry), number, entry))  # of the same second the later line is the newer one
    newest = sorted(((*max(group)[:2], len(group), max(group)[2]) for group in groups.values()), reverse=True)
    return [Finding(entry, count, known_remedy("\n".join(entry.lines))) for _, _, count, entry in newest]


def _when(entry: Entry) -> float:
    return entry.time.timestamp() if entry.time is not None else 0.0


def last(lines: Sequence[str], count: int) -> tuple[str, ...]:
    """The last ``count`` lines, none for 0."""
    return tuple(lines[max(0, len(lines) - count) :])


def newer(entries: Iterable[Entry], since: float) -> Iterator[Entry]:
    """Those that are not older than ``since`` (seconds since the epoch); 0 for all."""
    return (entry for entry in entries if since == 0 or _when(entry) >= since)


def zone_of(text: str) -> timezone:
    """The zone of ``date +%z``, for instance +0530."""
    match = re.fullmatch(r"([+-])(\d\d):?(\d\d)", text)
    if match is None:
        return UTC
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return timezone(-offset if match[1] == "-" else offset)


def since_argument(text: str) -> str:
    """--since as the remote library takes it: ``-SECONDS``, or a moment by the host's clock as date(1) reads it.

    Raises UsageError for what is neither a span such as 10m nor a date, a time of today or both.
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
            f"{text!r} is no time",
            where="--since",
            hint="for instance 10m, 2h, 1d, 18:30, 2026-11-24 or 2026-11-24T18:30",
        ) from None
    return f"{moment:%Y-%m-%d %H:%M:%S}{moment:%z}"
