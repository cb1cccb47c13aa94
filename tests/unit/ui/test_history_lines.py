"""The lines that show past runs."""

from __future__ import annotations

from dataclasses import replace

from kprov.history import Run
from kprov.ui.views.history import journal_lines, list_lines

RUN = Run(
    id="20261124-181500-ab12",
    began="2026-11-24T18:15:00.123+00:00",
    ended="2026-11-24T18:16:00.000+00:00",
    who="ada@desk",
    kprov="0.1",
    command=("install", "kafka-1", "--set", "a=b c"),
    directory="/home/ada",
    hosts=("kafka-1",),
    done=36,
    planned=36,
    exit_code=0,
    problems=(),
)


def listed(*runs: Run) -> list[str]:
    return [line.plain for line in list_lines(runs)]


def test_a_run_is_one_line() -> None:
    expected = "20261124-181500-ab12  2026-11-24 18:15:00  ada@desk  install kafka-1 --set 'a=b c'  36 changes  done"
    assert listed(RUN) == [expected]


def test_hosts_that_the_command_does_not_name_are_shown() -> None:
    (line,) = listed(replace(RUN, command=("install", "--config", "kprov.yaml")))
    assert "install --config kprov.yaml  on kafka-1  36 changes" in line


def test_an_unfinished_run_shows_how_many_changes_were_made() -> None:
    lines = listed(
        replace(RUN, done=3, exit_code=5, problems=("kafka-1: it broke",)),
        replace(RUN, done=1, planned=1, exit_code=None),
        replace(RUN, done=None, exit_code=None, under_way=True),
    )
    assert [line.partition("'  ")[2] for line in lines] == [
        "3 of 36 changes  exit 5: kafka-1: it broke",
        "1 change  did not end",
        "36 changes  under way",
    ]


def test_a_journal_is_shown_line_by_line() -> None:
    def record(kind: str, **fields: object) -> dict[str, object]:
        return {"record": kind, "when": "2026-11-24T18:15:01.500+00:00", **fields}

    records = [
        record("begin", process=7),
        record("host", host="kafka-1", address="root@10.0.0.1:22"),
        record(
            "plan",
            host="kafka-1",
            changes=[{"action": "create", "title": "user kafka", "reason": "new"}],
            settings=[{"key": "kafka.heap", "old": "1g", "new": "2g"}],
            notes=["hm"],
        ),
        record("event", event="StepStarted", number=1, count=1, text="create user kafka"),
        record("event", event="StepDone", number=1, count=1, text="create user kafka", seconds=0.25),
        record("event", event="FromALaterKprov", text="?"),
        record("event", event="Warned", text="careful", level="of a later kprov"),
        record("nothing that is known"),
        record("end", exit_code=5, problems=[{"what": "it broke", "where": "", "cause": "a\nb", "hint": "repair it"}]),
    ]
    lines = [line.plain for line in journal_lines(RUN, records)]
    assert lines[:3] == [
        "20261124-181500-ab12  done",
        "  kprov install kafka-1 --set 'a=b c'",
        "  by ada@desk in /home/ada, kprov 0.1",
    ]
    assert {line[:14] for line in lines[3:]} == {"18:15:01.500  "}
    assert [line[14:] for line in lines[3:]] == [
        "started as process 7",
        "host kafka-1: root@10.0.0.1:22",
        "plan for kafka-1: 1 change",
        "  create user kafka  new",
        "  setting kafka.heap: 1g -> 2g",
        "  note: hm",
        "[1/1] create user kafka  0.2 s",
        "ended with exit code 5",
        "  error: the run: it broke",
        "    | a",
        "    | b",
        "    -> repair it",
    ]


def test_a_journal_without_an_end_says_that_the_run_did_not_finish() -> None:
    def end(run: Run) -> str:
        return [line.plain for line in journal_lines(run, [])][-1]

    assert end(replace(RUN, exit_code=None)) == "the run did not finish: it was killed"
    assert end(replace(RUN, exit_code=None, under_way=True)) == "the run is still in progress"
