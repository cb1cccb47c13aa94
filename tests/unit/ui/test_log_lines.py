"""The lines that show logs."""

from __future__ import annotations

from datetime import UTC, datetime

from kprov.logs import LogEntry, LogProblem
from kprov.operations.logs import LogLine, Logs, LogSource, Tail
from kprov.ui.views.logs import follow_line, log_document, log_lines

NOW = datetime(2026, 11, 24, 18, 15, tzinfo=UTC)
SERVER = LogSource("kafka.service", "server.log", "/k/server.log")
JOURNAL = LogSource("kafka.service", "kafka journal")


def finding(text: str, *more: str, level: str = "ERROR", count: int = 1, remedy: str = "") -> LogProblem:
    return LogProblem(LogEntry("server.log", NOW, level, text, (f"[...] {level} {text}", *more)), count, remedy)


def shown(*problems: LogProblem, tails: tuple[Tail, ...] = (), since: datetime | None = None) -> list[str]:
    return "\n".join(line.plain for line in log_lines(Logs("k1", NOW, since, problems, tails))).split("\n")


def test_a_problem_is_shown_with_its_trace_and_its_fix() -> None:
    assert shown(finding("it failed", "java.io.IOException: no", "\tat x.Y(Z:1)", count=3, remedy="repair it")) == [
        "k1: problems, newest last (time on the host: 2026-11-24 18:15:00 +0000)",
        "",
        "2026-11-24 18:15:00  ERROR  server.log  3 times",
        "  it failed",
        "  | java.io.IOException: no",
        "  | \tat x.Y(Z:1)",
        "  -> repair it",
    ]


def test_logs_without_a_problem_say_so() -> None:
    assert shown(since=NOW) == ["k1: no problems in the logs since 2026-11-24 18:15:00"]


def test_long_traces_and_lists_are_shortened_with_a_note() -> None:
    lines = shown(*(finding(f"number {number}") for number in range(12)), finding("x", *map(str, range(100))))
    assert lines[1] == "3 older ones are not shown; --json shows all"
    assert lines[-1] == "  number 0", "the newest is last"
    assert "  | ... 71 more lines" in shown(finding("x", *map(str, range(100))))


def test_the_end_of_each_source_is_shown() -> None:
    tails = (
        Tail(SERVER, "present", "", ("one", "two")),
        Tail(JOURNAL, "unknown", "no journal", ()),
        Tail(LogSource("kafka.service", "a.log", "/k/a.log"), "absent", "", ()),
        Tail(LogSource("kafka.service", "b.log", "/k/b.log"), "present", "", ()),
    )
    assert shown(tails=tails) == [
        "== server.log  /k/server.log",
        "one",
        "two",
        "",
        "== kafka journal cannot be read: no journal",
        "",
        "no lines in a.log, b.log",
        "",
        "k1: no problems in the logs",
    ]


def test_a_line_cannot_control_the_terminal() -> None:
    assert "\x1b" not in follow_line(LogLine(SERVER, "\x1b[2Jgone")).plain
    assert "\x1b" not in "".join(
        shown(finding("\x1b[2J", "\x1b]0;x"), tails=(Tail(SERVER, "present", "", ("\x1b[H",)),))
    )


def test_a_followed_line_begins_with_its_source() -> None:
    assert follow_line(LogLine(JOURNAL, "x")).plain == "kafka journal     x"


def test_the_document_has_all_problems_and_lines() -> None:
    problems = tuple(finding(f"number {number}") for number in range(12))
    document = log_document(Logs("k1", NOW, None, problems, (Tail(JOURNAL, "present", "", ("one",)),)))
    assert len(document["problems"]) == 12
    assert document["problems"][0]["time"] == "2026-11-24T18:15:00+00:00"
    assert document["sources"] == [
        {"name": "kafka journal", "unit": "kafka.service", "path": "", "status": "present", "why": "", "lines": ["one"]}
    ]
