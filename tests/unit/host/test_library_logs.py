"""How the library reads logs: their last lines, by the host's clock, and new lines."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Generator
from datetime import datetime
from pathlib import Path

import pytest
from support.local_host import SHELLS, LocalHost

from kprov.host.answers import parse


@pytest.fixture(params=SHELLS, ids=lambda shell: shell[0])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> LocalHost:
    return LocalHost(tmp_path, shell=request.param)


def test_the_end_of_a_file(host: LocalHost) -> None:
    log = host.folder / "server.log"
    log.write_text("one\ntwo\n\tthree ü\n")
    assert host.one("probe_file_log", "x", str(log), "2")["text"] == "two\n\tthree ü\n"


def test_the_end_of_a_file_begins_in_the_one_before_it(host: LocalHost) -> None:
    log = host.folder / "server.log"
    log.write_text("three\n")
    (host.folder / "server.log.1").write_text("one\ntwo\n")
    assert host.one("probe_file_log", "x", str(log), "2")["text"] == "two\nthree\n"
    assert host.one("probe_file_log", "x", str(log), "9")["text"] == "one\ntwo\nthree\n"


def test_a_file_is_read_within_bounds(host: LocalHost) -> None:
    log = host.folder / "server.log"
    log.write_text("x" * 400_000 + "\nend\n")
    text = host.one("probe_file_log", "x", str(log), "100")["text"]
    assert (len(text), text[-5:]) == (262_144, "\nend\n")


def test_a_file_that_is_not_there(host: LocalHost) -> None:
    assert host.one("probe_file_log", "x", str(host.folder / "none.log"), "2")["status"] == "absent"


def test_the_journal_of_a_unit(host: LocalHost) -> None:
    host.stand_in("journalctl", "echo '2026-11-24T18:15:00+0000 box systemd[1]: Started.'")
    log = host.one("probe_unit_log", "x", "kafka.service", "7")
    assert log["text"] == "2026-11-24T18:15:00+0000 box systemd[1]: Started."
    assert host.log == ["journalctl -q -u kafka.service -n 7 --no-pager -o short-iso"]


def test_the_end_of_the_journal_since_a_moment(host: LocalHost) -> None:
    """With both options, journalctl would print the first lines."""
    host.stand_in("journalctl", "printf '%s\\n' one two three")
    answer = host.one("probe_unit_log", "x", "kafka.service", "2", "-60")
    assert answer["text"] == "two\nthree"
    assert " -n " not in host.log[0]
    assert "--since @1" in host.log[0]


def test_each_unit_log_begins_at_its_own_moment(host: LocalHost) -> None:
    host.stand_in("journalctl", "echo a line")
    calls = [("probe_unit_log", "x", "a.service", "2", "@1700000000"), ("probe_unit_log", "y", "b.service", "2")]
    assert [record["status"] for record in host.exchange(calls).records] == ["present", "present"]
    assert ["--since @1700000000" in line for line in host.log] == [True, False]


def test_a_journal_that_cannot_be_read(host: LocalHost) -> None:
    host.stand_in("journalctl", "echo 'No journal files were found.' >&2; exit 1")
    answer = host.one("probe_unit_log", "x", "kafka.service", "7")
    assert (answer["status"], answer["why"]) == ("unknown", "No journal files were found.")


@pytest.mark.parametrize(("since", "seconds"), [("-600", 600), ("-0", 0)])
def test_since_a_span(host: LocalHost, since: str, seconds: int) -> None:
    answer = host.one("probe_clock", "clock", since)
    assert answer.number("now") - answer.number("since") == seconds
    assert abs(answer.number("now") - time.time()) < 60


def test_since_a_moment(host: LocalHost) -> None:
    """A time without a zone is in the host's."""
    assert host.one("probe_clock", "clock").number("since") == 0
    assert host.one("probe_clock", "clock", "2026-11-24 18:30:00+0800").number("since") == 1795516200
    there = datetime(2026, 11, 24, 18, 30).astimezone()
    answer = host.one("probe_clock", "clock", "2026-11-24 18:30:00")
    assert answer.number("since") == int(there.timestamp())
    assert answer["zone"] == f"{datetime.now().astimezone():%z}"


def test_since_a_moment_that_date_cannot_read(host: LocalHost) -> None:
    wrong = "2026-11-24 25:61:00"
    calls = [("probe_clock", "clock", wrong), ("probe_unit_log", "log", "kafka.service", "7", wrong)]
    answers = host.exchange(calls).records
    assert [(answer["status"], "invalid date" in answer["why"]) for answer in answers] == [("unknown", True)] * 2


def follow(host: LocalHost, call: tuple[str, ...]) -> Generator[tuple[str, str], None, None]:
    """Yield source and text of each line of ``follow_logs``; closing the generator ends its standard input."""
    script = host.script([call])
    with subprocess.Popen(
        host.command(len(script)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(script)
        try:
            for line in process.stdout:
                record = parse(line.decode())
                assert record is not None
                yield record["source"], record["text"]
        finally:
            process.stdin.close()
            assert process.stdout.read() == b"", "whatever writes there has ended"
            assert process.wait(30) == 0


@pytest.mark.timeout(60)
def test_followed_lines_are_complete_and_name_their_source(host: LocalHost) -> None:
    """Tabs and backslashes are kept; everything ends with standard input."""
    log = host.folder / "server.log"
    log.write_text("first\nlast \\t\tü\\\\\n")
    host.stand_in("journalctl", "echo 'a line of the journal'; exec tail -f /dev/null")
    lines = follow(host, ("follow_logs", "1", "0", str(log), "1", "kafka.service", "2", str(host.folder / "none.log")))
    assert {next(lines), next(lines)} == {("0", "last \\t\tü\\\\"), ("1", "a line of the journal")}
    lines.close()
    assert host.log == ["journalctl -q -f -n 1 --no-pager -o short-iso -u kafka.service"]


@pytest.mark.timeout(60)
def test_lines_are_followed_by_the_name_of_the_file(host: LocalHost) -> None:
    """One log is rotated, and another one is created later."""
    log, later = host.folder / "server.log", host.folder / "later.log"
    log.write_text("first\n")
    lines = follow(host, ("follow_logs", "5", "0", str(log), "1", str(later)))
    assert next(lines) == ("0", "first")
    log.rename(host.folder / "server.log.1")
    log.write_text("second\n")
    assert next(lines) == ("0", "second")
    later.write_text("third\n")
    assert next(lines) == ("1", "third")
    lines.close()
