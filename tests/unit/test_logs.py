"""Log lines as entries: all known formats, continuation lines, and problems."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from kprov.errors import UsageError
from kprov.logs import LogEntry, file_entries, findings, journal_entries, last, newer, since_argument, zone_of

EAST = timezone(timedelta(hours=8))
TRACE = [
    "java.lang.IllegalStateException: no",
    "\tat kafka.server.KafkaServer.startup(KafkaServer.scala:220)",
    "\tat kafka.Kafka$.main(Kafka.scala:92)",
    "Caused by: java.net.BindException: Address already in use",
    "\t... 4 more",
]


def at(text: str, zone: timezone = UTC) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("line", "level", "time", "text"),
    [
        (  # Kafka's pattern, and what kprov configures for both
            "[2026-11-24 18:15:00,123] INFO [KafkaServer id=0] started (kafka.server.KafkaServer)",
            "INFO",
            "2026-11-24 18:15:00.123",
            "[KafkaServer id=0] started",
        ),
        (
            "[2026-11-24 18:15:00,123] FATAL  (kafka.Kafka$)",
            "FATAL",
            "2026-11-24 18:15:00.123",
            "(kafka.Kafka$)",
        ),
        (
            "[2026-11-24 18:15:00,001] WARN a (b) c (org.apache.zookeeper.ClientCnxn)",
            "WARN",
            "2026-11-24 18:15:00.001",
            "a (b) c",
        ),
        (  # ZooKeeper's own, log4j
            "2026-11-24 18:15:00,123 [myid:] - INFO  [main:QuorumPeerConfig@136] - Reading configuration from: /x",
            "INFO",
            "2026-11-24 18:15:00.123",
            "Reading configuration from: /x",
        ),
        (
            "2026-11-24 18:15:00,123 [myid:1] - WARN  [NIOServerCxn.Factory:0.0.0.0/0.0.0.0:2181:NIOServerCnxn@3] - x",
            "WARN",
            "2026-11-24 18:15:00.123",
            "x",
        ),
        (
            "2026-11-24 18:15:00,123 [myid:] - ERROR [SyncThread:0:o.a.z.server.ZooKeeperCriticalThread@48] - Severe",
            "ERROR",
            "2026-11-24 18:15:00.123",
            "Severe",
        ),
        (  # 3.4 before myid
            "2026-11-24 18:15:00,123 - INFO  [main:Environment@100] - Server environment:java.version=1.8",
            "INFO",
            "2026-11-24 18:15:00.123",
            "Server environment:java.version=1.8",
        ),
        (  # logback may write a point
            "2026-11-24 18:15:00.123 [myid:] - DEBUG [main:o.a.z.Foo@1] - x",
            "DEBUG",
            "2026-11-24 18:15:00.123",
            "x",
        ),
    ],
)
def test_a_line_of_a_log_file(line: str, level: str, time: str, text: str) -> None:
    (entry,) = file_entries("server.log", line + "\n", EAST)
    assert entry == LogEntry("server.log", at(time, EAST), level, text, (line,))


@pytest.mark.parametrize(
    "line",
    [
        "2026-11-24 18:15:00 INFO no milliseconds",
        "[2026-02-31 18:15:00,123] INFO no such day (x)",
        "[2026-11-24 18:15:00,123] LOUD no such level (x)",
        "INFO no time",
    ],
)
def test_a_line_that_only_looks_like_the_beginning_of_an_entry(line: str) -> None:
    before = "[2026-11-24 18:15:00,123] INFO x (y)"
    (entry,) = file_entries("server.log", f"{before}\n{line}\n", UTC)
    assert entry.lines == (before, line)


def test_a_stack_trace_belongs_to_its_entry() -> None:
    first = "[2026-11-24 18:15:00,123] ERROR it failed (kafka.server.KafkaServer)"
    after = "[2026-11-24 18:15:01,000] INFO shutting down (kafka.server.KafkaServer)"
    entries = file_entries("server.log", "\n".join([first, *TRACE, after]), UTC)
    assert [entry.lines for entry in entries] == [(first, *TRACE), (after,)]


def test_the_end_of_a_truncated_entry_is_kept() -> None:
    entries = file_entries("server.log", "\n".join([*TRACE[1:3], "[2026-11-24 18:15:01,000] INFO x (y)"]), UTC)
    assert [(entry.time is None, len(entry.lines)) for entry in entries] == [(True, 2), (False, 1)]


JOURNAL = "2026-11-24T18:15:00+0800 box kafka-server-start.sh[676]: "
SYSTEMD = "2026-11-24T18:15:00+0800 box systemd[1]: "


@pytest.mark.parametrize(
    ("line", "level"),
    [
        (JOURNAL + "Unrecognized VM option 'PrintGCDateStamps'", "ERROR"),
        (JOURNAL + "Error: Could not create the Java Virtual Machine.", "ERROR"),
        (JOURNAL + "Error occurred during initialization of VM", "ERROR"),
        (JOURNAL + 'Exception in thread "main" java.lang.NoClassDefFoundError: x', "ERROR"),
        (JOURNAL + "/x/bin/kafka-run-class.sh: line 309: exec: /y/bin/java: No such file or directory", "ERROR"),
        (JOURNAL + "# There is insufficient memory for the Java Runtime Environment to continue.", "ERROR"),
        (JOURNAL + "# Native memory allocation (mmap) failed to map 4294967296 bytes for committing", "ERROR"),
        (JOURNAL + "OpenJDK 64-Bit Server VM warning: Option UseConcMarkSweepGC was deprecated", "WARN"),
        (JOURNAL + "ZooKeeper JMX enabled by default", ""),
        (SYSTEMD + "kafka.service: main process exited, code=exited, status=1/FAILURE", "ERROR"),
        (SYSTEMD + "kafka.service: Main process exited, code=killed, status=9/KILL", "ERROR"),
        (SYSTEMD + "kafka.service: Main process exited, code=exited, status=143/n/a", "INFO"),
        (SYSTEMD + "Unit kafka.service entered failed state.", "ERROR"),
        (SYSTEMD + "kafka.service failed.", "ERROR"),
        (SYSTEMD + "kafka.service: Failed with result 'exit-code'.", "ERROR"),
        (SYSTEMD + "kafka.service stop-sigterm timed out. Killing.", "ERROR"),
        (SYSTEMD + "kafka.service: State 'stop-sigterm' timed out. Killing.", "ERROR"),
        (SYSTEMD + "start request repeated too quickly for kafka.service", "ERROR"),
        (SYSTEMD + "kafka.service: Failed at step EXEC spawning /x: No such file or directory", "ERROR"),
        # systemd 219, then 252
        (SYSTEMD + "kafka.service failed to run 'start' task: No such file or directory", "ERROR"),
        (SYSTEMD + "Failed to load environment files: No such file or directory", "ERROR"),
        (SYSTEMD + "kafka.service still around after SIGKILL. Ignoring.", "ERROR"),
        (SYSTEMD + "kafka.service still around after final SIGKILL. Entering failed mode.", "ERROR"),
        (SYSTEMD + "Failed to start Apache Kafka 1.0.0, broker 0.", "ERROR"),
        (SYSTEMD + "kafka.service: Failed to run 'start' task: No such file or directory", "ERROR"),
        (SYSTEMD + "kafka.service: Failed to load environment files: No such file or directory", "ERROR"),
        (SYSTEMD + "kafka.service: Processes still around after SIGKILL. Ignoring.", "ERROR"),
        (SYSTEMD + "kafka.service: Failed to locate executable /x: No such file or directory", "ERROR"),
        (SYSTEMD + "kafka.service: Unable to locate executable '/x': No such file or directory", "ERROR"),
        (SYSTEMD + "kafka.service: Failed to determine user credentials: No such process", "ERROR"),
        (SYSTEMD + "kafka.service: Failed to set up mount namespacing: /x: No such file or directory", "ERROR"),
        (
            SYSTEMD.replace("systemd[1]", "(server-start.sh)[812]")
            + "kafka.service: Failed at step EXEC spawning /x: No such file or directory",
            "ERROR",
        ),
        (SYSTEMD + "kafka.service holdoff time over, scheduling restart.", "INFO"),
        (SYSTEMD + "kafka.service: Scheduled restart job, restart counter is at 3.", "INFO"),
        (SYSTEMD + "Started Apache Kafka 1.0.0, broker 0.", "INFO"),
        (SYSTEMD + "Stopping Apache Kafka 1.0.0, broker 0...", "INFO"),
    ],
)
def test_a_line_of_the_journal(line: str, level: str) -> None:
    (entry,) = journal_entries("kafka journal", line + "\n")
    assert (entry.level, entry.time) == (level, at("2026-11-24 18:15:00", EAST))
    assert entry.text == line.partition("]: ")[2]


def test_an_entry_that_a_service_logged_to_the_journal_has_its_own_time_and_level() -> None:
    (entry,) = journal_entries("kafka journal", JOURNAL + "[2026-11-24 18:14:59,987] WARN slow (kafka.server.X)\n")
    assert (entry.time, entry.level, entry.text) == (at("2026-11-24 18:14:59.987", EAST), "WARN", "slow")


def test_lines_of_one_program_in_the_journal_belong_together() -> None:
    """A colon in the zone, as systemd 255 writes it; another program in between; a message of two lines."""
    text = "\n".join(
        [
            "-- Logs begin at Tue 2026-11-24 17:00:00 UTC, end at Tue 2026-11-24 18:15:00 UTC. --",
            JOURNAL.replace("+0800", "+08:00") + "[2026-11-24 18:15:00,000] ERROR it failed (kafka.server.X)",
            *(JOURNAL + line for line in TRACE),
            SYSTEMD + "kafka.service failed.",
            JOURNAL + "\tat left.over(X.java:1)",
            "                                           of a message with two lines",
            "-- Reboot --",
            SYSTEMD + "Started Apache Kafka 1.0.0, broker 0.",
        ]
    )
    found = [(entry.text, len(entry.lines)) for entry in journal_entries("kafka journal", text)]
    assert found == [
        ("it failed", 6),
        ("kafka.service failed.", 1),
        ("\tat left.over(X.java:1)", 2),
        ("Started Apache Kafka 1.0.0, broker 0.", 1),
    ]


def test_an_empty_log_has_no_entries() -> None:
    assert file_entries("x", "", UTC) == []
    assert journal_entries("x", "\n-- No entries --\n") == []


# ------------------------------------------------------------------ problems


def log(*lines: str, source: str = "server.log") -> list[LogEntry]:
    return file_entries(source, "\n".join(lines), UTC)


def test_problems_are_sorted_newest_first_with_their_fix() -> None:
    entries = log(
        "[2026-11-24 18:00:00,000] WARN first (x)",
        "[2026-11-24 18:00:01,000] INFO fine (x)",
        "[2026-11-24 18:00:02,000] ERROR third (x)",
        *TRACE,
        "[2026-11-24 18:00:03,000] INFO mentioned (x)",
        *TRACE[:2],
    ) + log("[2026-11-24 18:00:01,500] FATAL second (x)", source="zookeeper.log")
    found = [(item.entry.text, item.entry.source, item.remedy[:31]) for item in findings(entries)]
    assert found == [
        ("mentioned", "server.log", ""),
        ("third", "server.log", "another process uses the port: "),
        ("second", "zookeeper.log", ""),
        ("first", "server.log", ""),
    ]


def test_a_repeated_entry_is_one_problem() -> None:
    entries = log(
        *(f"[2026-11-24 18:00:0{second},000] WARN Connection to node {second} failed (x)" for second in range(5)),
        "[2026-11-24 18:00:00,000] ERROR Connection to node 1 failed (x)",
    )
    found = [(item.entry.level, item.count, item.entry.text) for item in findings(entries)]
    assert found == [("WARN", 5, "Connection to node 4 failed"), ("ERROR", 1, "Connection to node 1 failed")]


def test_an_entry_repeated_by_the_journal_is_reported_once() -> None:
    line = "[2026-11-24 18:00:00,000] ERROR it failed (x)"
    journal = journal_entries("kafka journal", f"2026-11-24T18:00:00+0000 box java[1]: {line}\n")
    (found,) = findings([*log(line), *journal])
    assert (found.count, found.entry.source) == (1, "server.log")
    assert findings(journal)[0].entry.source == "kafka journal"


def test_a_problem_without_a_time_is_the_oldest() -> None:
    entries = [LogEntry("x", None, "ERROR", "when?", ("when?",)), *log("[2026-11-24 18:00:00,000] WARN w (x)")]
    assert [item.entry.text for item in findings(entries)] == ["w", "when?"]


def test_of_two_problems_in_one_second_the_later_line_is_the_newer() -> None:
    text = f"{SYSTEMD}kafka.service: Main process exited, code=killed, status=9/KILL\n{SYSTEMD}kafka.service failed.\n"
    assert [item.entry.text[-7:] for item in findings(journal_entries("x", text))] == ["failed.", "=9/KILL"[-7:]]


def test_entries_since_a_moment() -> None:
    entries = log("\tat cut.off(X:1)", *(f"[2026-11-24 18:00:0{second},000] INFO {second} (x)" for second in range(5)))
    moment = at("2026-11-24 18:00:03").timestamp()
    assert [entry.text for entry in newer(entries, moment)] == ["3", "4"]
    assert len(list(newer(entries, 0))) == 6


@pytest.mark.parametrize(("count", "lines"), [(0, ()), (2, ("b", "c")), (9, ("a", "b", "c"))])
def test_the_last_lines(count: int, lines: tuple[str, ...]) -> None:
    assert last(["a", "b", "c"], count) == lines


# ------------------------------------------------------------------ time


@pytest.mark.parametrize(
    ("text", "argument"),
    [
        ("90s", "-90"),
        ("10m", "-600"),
        ("2h", "-7200"),
        ("1d", "-86400"),
        ("18:30", "18:30"),
        ("18:30:05", "18:30:05"),
        ("2026-11-24", "2026-11-24 00:00:00"),
        ("2026-11-24 18:30", "2026-11-24 18:30:00"),
        ("2026-11-24T18:30:01", "2026-11-24 18:30:01"),
        ("2026-11-24T18:30+08:00", "2026-11-24 18:30:00+0800"),
        ("2026-11-24T18:30Z", "2026-11-24 18:30:00+0000"),
    ],
)
def test_since(text: str, argument: str) -> None:
    assert since_argument(text) == argument


@pytest.mark.parametrize("text", ["", "yesterday", "10", "-10m", "10 m", "2026-13-01", "; rm -rf /", "1h30m"])
def test_since_refuses_what_is_not_a_time(text: str) -> None:
    with pytest.raises(UsageError, match="is not a time"):
        since_argument(text)


@pytest.mark.parametrize(("text", "hours"), [("+0000", 0), ("+0530", 5.5), ("-0800", -8), ("", 0)])
def test_the_zone_of_a_host(text: str, hours: float) -> None:
    assert zone_of(text).utcoffset(None) == timedelta(hours=hours)
