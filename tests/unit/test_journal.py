"""The journal of a run on the operator's machine: complete, bounded, without secrets, and never a cause of failure."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kprov.errors import ExitCode, Problem
from kprov.events import Message, StepDone, StepStarted, Transfer, Warned
from kprov.history import find, runs
from kprov.journal import KEPT, Journal, masked
from kprov.kinds.base import Action, Change
from kprov.plan import Plan
from kprov.receipt import Receipt


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "state" / "runs"


@pytest.fixture
def complaints() -> list[str]:
    return []


@pytest.fixture
def journal(place: Path, complaints: list[str]) -> Journal:
    return Journal(("install", "kafka-1"), complaints.append, place)


def records(journal: Journal, place: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (place / f"{journal.id}.jsonl").read_text().splitlines()]


def test_a_journal_records_a_run_from_beginning_to_end(journal: Journal, place: Path) -> None:
    shown: list[object] = []
    change = Change(Action.CREATE, "file:/etc/x", "file /etc/x", "new", (("put_file",),), diff="+password=secret")
    journal.host("kafka-1", "root@10.0.0.1:22")
    journal.plan(Plan("kafka-1", (change,), notes=("a note",)))
    emit = journal.listening(shown.append)
    events = [StepStarted(1, 1, "create file /etc/x"), StepDone(1, 1, "create file /etc/x", 0.5), Warned("hm")]
    for event in events:
        emit(event)
    journal.end(ExitCode.STEP, [Problem("it broke", "kafka-1", "why\nindeed", "repair it")])
    assert shown == events, "each event is passed on"
    found = records(journal, place)
    assert [record["record"] for record in found] == ["begin", "host", "plan", "event", "event", "event", "end"]
    begin, host, plan, _, done, warned, end = found
    assert (begin["run"], begin["command"], begin["process"]) == (journal.id, ["install", "kafka-1"], os.getpid())
    assert begin["directory"] == os.getcwd()
    assert "@" in begin["who"]
    assert host["address"] == "root@10.0.0.1:22"
    assert plan["changes"] == [{"action": "create", "id": "file:/etc/x", "title": "file /etc/x", "reason": "new"}]
    assert (done["event"], done["number"], done["seconds"]) == ("StepDone", 1, 0.5)
    assert (warned["event"], warned["text"]) == ("Warned", "hm")
    assert (end["exit_code"], end["problems"][0]["cause"]) == (5, "why\nindeed")
    assert [record["when"] for record in found] == sorted(record["when"] for record in found)
    assert {record["when"][-6:] for record in found} == {"+00:00"}


def test_a_plan_records_the_old_values_of_settings_without_secrets(journal: Journal, place: Path) -> None:
    def asked(**properties: str) -> Receipt:
        kafka = {
            "version": "1.0.0",
            "properties": {name.replace("_", "."): value for name, value in properties.items()},
        }
        return Receipt(spec={"kafka": kafka, "hosts": [{"address": "kafka-1"}]})

    before, after = asked(num_partitions="3", ssl_key_password="old-one"), asked(ssl_key_password="new-one")
    journal.plan(Plan("kafka-1", (), before=before, after=after))
    journal.plan(Plan("kafka-1", (), before=Receipt(), after=after))
    changed, first = (record["settings"] for record in records(journal, place) if record["record"] == "plan")
    assert changed == [
        {"key": "kafka.properties.num.partitions", "old": "3", "new": "not set"},
        {"key": "kafka.properties.ssl.key.password", "old": "***", "new": "***"},
    ]
    assert first == []


def test_each_line_is_on_disk_at_once(journal: Journal, place: Path) -> None:
    """Readers see everything so far, also after the run was killed."""
    journal.event(Message("one"))
    assert records(journal, place)[-1]["text"] == "one"


def test_only_the_user_may_read_it(journal: Journal, place: Path) -> None:
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (place, place / f"{journal.id}.jsonl")]
    assert modes == [0o700, 0o600]


def test_only_the_beginning_and_the_end_of_a_transfer_are_recorded(journal: Journal, place: Path) -> None:
    for done in range(0, 101, 10):
        journal.event(Transfer("pushing kafka.tgz", done, 100))
    journal.event(Transfer("another", 5, None))
    told = [(item["what"], item["done"]) for item in records(journal, place) if item["record"] == "event"]
    assert told == [("pushing kafka.tgz", 0), ("pushing kafka.tgz", 100), ("another", 5)]


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("ssl.key.password=geheim", "ssl.key.password=***"),
        ("--set=ssl.keystore.password=a=b", "--set=ssl.keystore.password=***"),
        ("listener.name.internal.plain.sasl.jaas.config=org.x required;", None),
        ("ssl.key.password = geheim", "ssl.key.password =***"),
        ("num.partitions=3", "num.partitions=3"),
        ("--set=num.partitions=3", "--set=num.partitions=3"),
        ("--set-plugin=my.reporter.token=a", "--set-plugin=my.reporter.token=***"),
        ("my.reporter.token=a", "my.reporter.token=***"),
        ("--sudo-password-file=secret/file", "--sudo-password-file=secret/file"),
        ("--yes", "--yes"),
        ("ssl.key.password", "ssl.key.password"),
    ],
)
def test_secret_values_are_masked(word: str, shown: str | None) -> None:
    expected = shown or "listener.name.internal.plain.sasl.jaas.config=***"
    assert masked(["install", "--set", word]) == ["install", "--set", expected]


def test_no_secret_is_written_to_the_file(place: Path, complaints: list[str]) -> None:
    words = ("install", "--set", "ssl.key.password=geheim", "--kafka-archive", "https://me:geheim@example.org/k.tgz")
    journal = Journal(words, complaints.append, place)
    journal.event(Message("https://me:geheim@example.org/k.tgz: 404"))
    journal.end(ExitCode.USAGE, [Problem("not there", cause="GET https://me:geheim@example.org/k.tgz")])
    text = (place / f"{journal.id}.jsonl").read_text()
    assert "geheim" not in text
    assert text.count("https://***@example.org/k.tgz") == 3


def test_the_newest_runs_are_kept(place: Path, complaints: list[str]) -> None:
    place.mkdir(parents=True)
    for number in range(KEPT + 5):
        (place / f"20200101-{number:06}-aaaa.jsonl").touch()
    (place / "notes.txt").touch()
    Journal(("stop",), complaints.append, place)
    names = sorted(path.name for path in place.glob("*.jsonl"))
    assert len(names) == KEPT
    assert names[0] == "20200101-000006-aaaa.jsonl"
    assert (place / "notes.txt").exists()


def test_an_unwritable_directory_causes_one_warning(tmp_path: Path, complaints: list[str]) -> None:
    (tmp_path / "file").touch()
    journal = Journal(("stop",), complaints.append, tmp_path / "file" / "runs")
    shown: list[object] = []
    journal.listening(shown.append)(Message("one"))
    journal.end(ExitCode.DONE)
    assert shown == [Message("one")]
    assert complaints == [f"the journal of this run cannot be written in {tmp_path}/file/runs: Not a directory"]


def test_a_full_disk_causes_one_warning(journal: Journal, complaints: list[str]) -> None:
    assert journal._file is not None
    with open("/dev/full", "w") as full:
        os.dup2(full.fileno(), journal._file)
    for text in ("one", "two"):
        journal.event(Message(text))
    journal.end(ExitCode.DONE)
    assert complaints == ["the journal of this run cannot be written: No space left on device"]


def test_a_user_without_a_home_leaves_nothing_behind(
    tmp_path: Path, complaints: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """platformdirs then answers with a relative path."""
    monkeypatch.chdir(tmp_path)
    Journal(("stop",), complaints.append, Path("~/.local/state/kprov/runs"))
    assert complaints == [
        "the journal of this run cannot be written in ~/.local/state/kprov/runs: the user has no home directory"
    ]
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_is_killed_did_not_end(place: Path) -> None:
    """While the run lives, its file is locked; the kernel releases the lock when it ends."""
    script = (
        "import sys, time; from pathlib import Path; from kprov.journal import Journal\n"
        "journal = Journal(('restart', 'kafka-1'), print, Path(sys.argv[1]))\n"
        "print(journal.id, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(place)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        id_ = process.stdout.readline().strip()
        assert [(run.id, run.outcome) for run in runs(place)] == [(id_, "under way")]
        process.send_signal(signal.SIGKILL)
    with (place / f"{id_}.jsonl").open("a") as stream:
        stream.write('{"record": "event", "wh')
    run, lines = find(id_, place)
    assert (run.outcome, run.exit_code, run.command) == ("did not end", None, ("restart", "kafka-1"))
    assert len(lines) == 1
