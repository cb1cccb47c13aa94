"""Steps: one event for each change, small files with the calls that need them, and what an error says."""

from __future__ import annotations

import hashlib
import os

import pytest
from support.applying import change, connection, order, plan, run
from support.local_host import LocalHost

from kprov.errors import StepError
from kprov.events import StepDone, StepStarted
from kprov.kinds.base import Action, Change
from kprov.node.lock import host_lock
from kprov.node.steps import run_steps


def test_a_change_is_one_step_however_many_calls_it_has(host: LocalHost) -> None:
    events = run(host, plan(change("a", ("note", "1"), ("note", "2")), change("b")))
    told = [(type(event), event.number, event.text) for event in events if isinstance(event, StepStarted | StepDone)]
    assert told == [
        (StepStarted, 1, "create file a"),
        (StepDone, 1, "create file a"),
        (StepStarted, 2, "create file b"),
        (StepDone, 2, "create file b"),
    ]
    assert {event.count for event in events if isinstance(event, StepStarted)} == {2}


def test_small_files_travel_with_the_calls_that_need_them(host: LocalHost) -> None:
    content = "ü {}\n".encode()
    name = hashlib.sha256(content).hexdigest()
    target = host.folder / "file"
    owner = ("root", "root") if os.geteuid() == 0 else (str(os.geteuid()), str(os.getegid()))
    put = ("put_file", name, str(target), *owner, "0640")
    count = len(host.calls)
    run(host, plan(change("a", put, content=content), change("b", ("note", "b"), content=content)))
    assert target.read_bytes() == content
    with_files = [calls for calls in host.calls[count:] if ("step", "0", *put) in calls]
    assert len(with_files) == 1
    assert with_files[0][:2] == [("hold_lock", host.session), ("receive_stage",)]
    assert with_files[0][-1] == ("clear_stage",)


def test_a_failed_start_shows_the_journal_and_the_drop_ins_of_others(host: LocalHost) -> None:
    """systemctl itself only says that it failed."""
    host.stand_in(
        "systemctl",
        'case "$1" in show) echo DropInPaths=/etc/systemd/system/x.service.d/own.conf ;;'
        ' start) echo "Job failed"; exit 1 ;; esac',
    )
    host.stand_in("journalctl", "echo 'x.service: Failed to load environment files: No such file or directory'")
    start = Change(Action.START, "service:x.service", "service x.service", "new", (("start_unit", "x.service"),))
    with pytest.raises(StepError) as caught:
        run(host, plan(start))
    problem = caught.value.problems[0]
    assert problem.cause == "Job failed\nx.service: Failed to load environment files: No such file or directory"
    assert problem.hint.startswith("the unit's environment file cannot be read (No such file or directory)")
    assert (
        "check these drop-ins, which kprov did not write: /etc/systemd/system/x.service.d/own.conf; then"
        in problem.hint
    )


def test_a_known_cause_comes_with_its_fix(host: LocalHost) -> None:
    host.before += "full() { echo 'cp: error writing: No space left on device'; return 1; }"
    with pytest.raises(StepError) as caught:
        run(host, plan(change("a", ("full",))))
    assert caught.value.problems[0].hint.endswith(
        "free some space (check df -h, df -i); then run the same command again: it continues from here"
    )


def test_a_step_without_an_answer_counts_as_failed(host: LocalHost) -> None:
    host.before += "die() { kill -9 $$; }"
    with pytest.raises(StepError, match="create file b did not end"):
        run(host, plan(change("a"), change("b", ("die",)), change("c")))
    assert order(host) == ["a"]


def test_steps_alone_write_no_receipt(host: LocalHost) -> None:
    with host_lock(connection(host), "start"):
        run_steps(connection(host), [change("a")], lambda event: None, lambda unit: None)
    assert order(host) == ["a"]
    assert not (host.state / "receipt.json").exists()
