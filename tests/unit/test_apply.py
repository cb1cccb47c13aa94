"""Applying a plan: the lock, the receipt before and after, the order, and what a failure leaves and says.

The exchanges run the real library on this machine; only the calls of changes are harmless ones.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from support.local_host import LocalHost

from kprov.apply import apply, carry_out, host_lock, mark_proven, push, remember_data
from kprov.errors import LockedError, NotReadyError, StepError
from kprov.events import Event, StepDone, StepFailed, StepStarted, Transfer
from kprov.host.connection import Connection
from kprov.plan import Plan
from kprov.receipt import Receipt
from kprov.resources.base import Action, Call, Change, Made, Obstacle, Upload


@pytest.fixture
def host(tmp_path: Path) -> LocalHost:
    found = LocalHost(tmp_path)
    log = tmp_path / "order"
    found.before = (
        f'note() {{ printf "%s\\n" "$1" >>{log}; }}\n'
        f'bad() {{ printf "%s\\n" "$1" >>{log}; echo "the reason"; return 3; }}\n'
    )
    return found


def order(host: LocalHost) -> list[str]:
    path = host.folder / "order"
    return path.read_text().splitlines() if path.exists() else []


def connection(host: LocalHost) -> Connection:
    return cast(Connection, host)


def change(name: str, *calls: Call, gate: str = "", **options: Any) -> Change:
    made = Made("file", name, {"path": name, "sha256": "new"})
    return Change(
        Action.CREATE, name, f"file {name}", "new", calls or (("note", name),), made=made, gate=gate, **options
    )


def plan(*changes: Change, before: Receipt | None = None, after: Receipt | None = None) -> Plan:
    result = Receipt({item.id: item.made for item in changes if item.made}, "done", {"kafka": {}}, {"kafka": "1.0.0"})
    return Plan("box", changes, before=before or Receipt(), after=after or result)


def receipt(host: LocalHost) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((host.state / "receipt.json").read_text())
    return found


def run(host: LocalHost, what: Plan, gate: Callable[[str], None] | None = None) -> list[Event]:
    events: list[Event] = []
    apply(connection(host), what, "install", events.append, gate or (lambda unit: None))
    return events


def test_changes_are_made_in_order_and_gates_are_waited_at(host: LocalHost) -> None:
    def gate(unit: str) -> None:
        with (host.folder / "order").open("a") as stream:
            stream.write(f"wait for {unit}\n")

    changes = (change("a"), change("z", gate="zookeeper.service"), change("k", gate="kafka.service"), change("b"))
    run(host, plan(*changes), gate)
    assert order(host) == ["a", "z", "wait for zookeeper.service", "k", "wait for kafka.service", "b"]
    assert receipt(host)["state"] == "done"
    assert [entry["id"] for entry in receipt(host)["made"]] == ["a", "z", "k", "b"]
    assert sorted(os.listdir(host.state)) == ["journal", "receipt.json", "receipt.json.before"]


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


def test_the_receipt_says_what_is_going_to_be_made_before_it_is(host: LocalHost) -> None:
    before = Receipt({"a": Made("file", "a", {"path": "a", "sha256": "old"})}, "done", {"kafka": {}}, {})
    copy = host.folder / "seen"
    host.before += f'look() {{ cp "$kprov_dir/receipt.json" {copy}; }}'
    run(host, plan(change("a", ("look",)), change("b"), before=before))
    intent = json.loads(copy.read_text())
    assert intent["state"] == "applying"
    assert intent["spec"] == {"kafka": {}}
    assert intent["made"] == [
        {"kind": "file", "id": "a", "path": "a", "sha256": "new", "pending": "yes", "previous": "old"},
        {"kind": "file", "id": "b", "path": "b", "sha256": "new", "pending": "yes"},
    ]
    assert "pending" not in json.dumps(receipt(host))


def test_what_is_going_to_be_made_is_no_other_one_than_an_interrupted_run_made(host: LocalHost) -> None:
    """Else a release that two runs had come to would be unpacked a third time."""
    pending = Made("file", "a", {"path": "a", "sha256": "new", "pending": "yes", "previous": "old"})
    before = Receipt({"a": pending}, "applying", {"kafka": {}}, {})
    with pytest.raises(StepError):
        apply(
            connection(host), plan(change("a", ("bad", "a")), before=before), "install", lambda _: None, lambda _: None
        )
    assert receipt(host)["made"] == [
        {"kind": "file", "id": "a", "path": "a", "sha256": "new", "pending": "yes", "previous": "old"}
    ]


@pytest.mark.parametrize(("started_with", "known"), [("new", ""), ("old", "old")])
def test_a_service_is_not_known_to_serve_before_its_gate(host: LocalHost, started_with: str, known: str) -> None:
    """One that hangs after its start would else be taken for right by the next run."""
    was = Made("service", "k", {"unit": "k", "fingerprint": started_with})
    start = Change(
        Action.START,
        *("k", "service k", "it is inactive"),
        (("note", "k"),),
        made=Made("service", "k", {"unit": "k", "fingerprint": "new"}),
        gate="k",
    )

    def gate(unit: str) -> None:
        raise NotReadyError(f"{unit} hangs")

    with pytest.raises(NotReadyError):
        run(host, plan(start, before=Receipt({"k": was}, "done", {"kafka": {}}, {})), gate)
    (entry,) = receipt(host)["made"]
    assert entry["fingerprint"] == known


def test_a_service_that_cannot_be_started_brings_its_journal_and_the_drop_ins_of_others(host: LocalHost) -> None:
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
    drop_in = "/etc/systemd/system/x.service.d/own.conf"
    assert f"check these drop-ins, which kprov did not write: {drop_in}; then" in problem.hint


def test_a_receipt_whose_writing_was_cut_off_is_no_success(host: LocalHost) -> None:
    host.before += "write_receipt() { kill -9 $$; }"
    with pytest.raises(StepError, match="the receipt could not be written"):
        run(host, plan(change("a")))
    assert order(host) == []


def test_a_known_cause_brings_its_remedy(host: LocalHost) -> None:
    host.before += "full() { echo 'cp: error writing: No space left on device'; return 1; }"
    with pytest.raises(StepError) as caught:
        run(host, plan(change("a", ("full",))))
    assert caught.value.problems[0].hint.endswith(
        "free some space (check df -h, df -i); then run the same command again: it goes on from here"
    )


def test_a_failed_step_ends_the_run_and_leaves_the_intent(host: LocalHost) -> None:
    events: list[Event] = []
    what = plan(change("a"), change("b", ("bad", "b")), change("c"))
    with pytest.raises(StepError) as caught:
        apply(connection(host), what, "install", events.append, lambda unit: None)
    problem = caught.value.problems[0]
    assert (problem.what, problem.where, problem.cause) == ("create file b failed", "here", "the reason")
    assert "again" in problem.hint
    assert order(host) == ["a", "b"]
    assert [event.text for event in events if isinstance(event, StepFailed)] == ["create file b"]
    assert receipt(host)["state"] == "applying"
    assert not (host.state / "lock").exists(), "the lock is released"


def test_a_step_that_is_cut_off_is_no_success(host: LocalHost) -> None:
    host.before += "die() { kill -9 $$; }"
    with pytest.raises(StepError, match="create file b did not end"):
        run(host, plan(change("a"), change("b", ("die",)), change("c")))
    assert order(host) == ["a"]


def test_a_service_that_is_not_ready_ends_the_run(host: LocalHost) -> None:
    def gate(unit: str) -> None:
        raise NotReadyError(f"{unit} is failed")

    with pytest.raises(NotReadyError):
        run(host, plan(change("z", gate="zookeeper.service"), change("k")), gate)
    assert order(host) == ["z"]
    assert not (host.state / "lock").exists()


def test_an_interruption_releases_the_lock(host: LocalHost) -> None:
    def gate(unit: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(host, plan(change("z", gate="zookeeper.service")), gate)
    assert not (host.state / "lock").exists()
    assert receipt(host)["state"] == "applying"


def test_nothing_is_left_where_nothing_is_kept(host: LocalHost) -> None:
    run(host, plan(change("a")))
    gone = Change(Action.REMOVE, "a", "file a", "kprov made it", (("note", "gone"),))
    events = run(host, plan(gone, before=Receipt(), after=Receipt()))
    assert [event.text for event in events if isinstance(event, StepDone)] == ["remove file a"]
    assert not host.state.exists()


def data(path: Path, **more: str) -> Made:
    return Made("data", f"data:{path}", {"path": str(path), "holds": "kafka", "owner": "kafka", **more})


def test_the_receipt_remembers_the_data_that_the_services_wrote(host: LocalHost) -> None:
    """They are looked at when all has been done, and again when it is proven."""
    folder = host.folder / "kafka"
    host.before += f'fill() {{ mkdir "{folder}" && : >"{folder}/meta.properties"; }}\n'
    what = plan(change("a", ("fill",)))
    made = {**what.after.made, f"data:{folder}": data(folder)}
    run(host, Plan("box", what.changes, after=Receipt(made, "unproven", {"kafka": {}})))
    (entry,) = (item for item in receipt(host)["made"] if item["kind"] == "data")
    assert entry["filled"] == "yes"
    assert entry["mount"].startswith("/")
    with host_lock(connection(host), "install"):
        mark_proven(connection(host), Receipt(made, "unproven", {"kafka": {}}))
    assert entry in receipt(host)["made"]


def test_an_install_with_nothing_to_do_writes_only_what_it_learned(host: LocalHost) -> None:
    before, after = data(host.folder), data(host.folder, filled="yes", mount="/")
    remember_data(
        connection(host), Plan("box", (), before=Receipt({after.id: after}), after=Receipt({after.id: after}))
    )
    assert not (host.state / "receipt.json").exists()
    remember_data(
        connection(host), Plan("box", (), before=Receipt({before.id: before}), after=Receipt({after.id: after}))
    )
    assert receipt(host)["made"][0]["filled"] == "yes"
    assert not (host.state / "lock").exists()


def test_a_plan_with_obstacles_is_not_carried_out(host: LocalHost) -> None:
    what = Plan("box", (change("a"),), (Obstacle("a", "in the way", "move it"),))
    with pytest.raises(ValueError, match="obstacles"):
        run(host, what)
    assert host.calls == []


def test_steps_alone_write_no_receipt(host: LocalHost) -> None:
    with host_lock(connection(host), "start"):
        carry_out(connection(host), [change("a")], lambda event: None, lambda unit: None)
    assert order(host) == ["a"]
    assert not (host.state / "receipt.json").exists()


# ------------------------------------------------------------------ lock


def test_who_holds_the_lock_is_told(host: LocalHost) -> None:
    with (
        host_lock(connection(host), "upgrade"),
        pytest.raises(LockedError) as caught,
        host_lock(connection(host), "install"),
    ):
        raise AssertionError("two runs at once")
    problem = caught.value.problems[0]
    assert f"process {os.getpid()}" in problem.what
    assert "since 2" in problem.what
    assert problem.what.endswith("kprov upgrade")
    assert problem.where == "here"


def test_the_lock_of_another_run_is_not_released(host: LocalHost) -> None:
    lock = host.state / "lock"
    with host_lock(connection(host), "install"):
        (lock / "holder").write_text("session=1:1\n")
    assert lock.exists()


def test_a_locked_host_is_left_alone(host: LocalHost) -> None:
    with host_lock(connection(host), "upgrade"), pytest.raises(LockedError):
        run(host, plan(change("a")))
    assert order(host) == []


def test_a_lock_that_cannot_be_taken_is_no_lock(host: LocalHost) -> None:
    host.state.rmdir()
    host.state.symlink_to(host.folder)
    with pytest.raises(StepError, match="lock could not be taken") as caught:
        run(host, plan(change("a")))
    assert "symbolic link" in caught.value.problems[0].cause


# ------------------------------------------------------------------ archives


@pytest.fixture
def upload(tmp_path: Path) -> Upload:
    path = tmp_path / "kafka.tgz"
    path.write_bytes(os.urandom(600_000))
    return Upload(path.name, hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size, path)


def pushed(host: LocalHost, upload: Upload) -> list[int]:
    """Push, and how many bytes had been sent at each event."""
    events: list[Event] = []
    with host_lock(connection(host), "install"):
        push(connection(host), upload, events.append)
    return [event.done for event in events if isinstance(event, Transfer)]


def test_an_archive_is_pushed(host: LocalHost, upload: Upload) -> None:
    sent = pushed(host, upload)
    assert (sent[0], sent[-1]) == (0, upload.size)
    assert (host.state / "uploads" / upload.stored).read_bytes() == upload.source.read_bytes()


def test_an_archive_that_is_there_is_not_pushed_again(host: LocalHost, upload: Upload) -> None:
    pushed(host, upload)
    assert pushed(host, upload) == []


def test_a_part_that_is_there_is_gone_on_with(host: LocalHost, upload: Upload) -> None:
    (host.state / "uploads").mkdir()
    (host.state / f"uploads/{upload.stored}.part").write_bytes(upload.source.read_bytes()[:400_000])
    assert pushed(host, upload) == [400_000, 600_000]
    assert (host.state / "uploads" / upload.stored).read_bytes() == upload.source.read_bytes()


@pytest.mark.parametrize("size", [300_000, 600_000, 700_000])
def test_a_part_of_something_else_costs_a_second_attempt(host: LocalHost, upload: Upload, size: int) -> None:
    (host.state / "uploads").mkdir()
    part = host.state / f"uploads/{upload.stored}.part"
    part.write_bytes(bytes(size))
    host.before += f"remove_file() {{ rm -f -- {part}; }}"  # the call names the host's own place
    sent = pushed(host, upload)
    assert sent[-1] == upload.size
    assert (host.state / "uploads" / upload.stored).read_bytes() == upload.source.read_bytes()


def test_an_archive_that_arrives_changed_is_refused(host: LocalHost, upload: Upload) -> None:
    upload.source.write_bytes(bytes(upload.size))
    with pytest.raises(StepError, match=r"kafka\.tgz did not arrive whole") as caught:
        pushed(host, upload)
    assert hashlib.sha256(bytes(upload.size)).hexdigest() in caught.value.problems[0].cause
    assert os.listdir(host.state / "uploads") == []


def test_a_full_disk_is_told(host: LocalHost, upload: Upload) -> None:
    host.before += "receive_upload() { say upload ok=no output64=$(encoded 'No space left on device'); }"
    with pytest.raises(StepError) as caught:
        pushed(host, upload)
    assert caught.value.problems[0].cause == "No space left on device"


def test_an_archive_of_the_same_name_from_an_earlier_run_is_replaced(host: LocalHost, upload: Upload) -> None:
    """An earlier run pushed it and was killed; since then the operator has another archive of that name."""
    (host.state / "uploads").mkdir()
    (host.state / "uploads/kafka.tgz").write_bytes(b"another")
    pushed(host, upload)
    contents = [path.read_bytes() for path in (host.state / "uploads").iterdir()]
    assert upload.source.read_bytes() in contents


def test_archives_are_pushed_before_the_first_change(host: LocalHost, upload: Upload) -> None:
    host.before += 'here() { ls "$kprov_dir/uploads"; note "$1"; }'
    run(host, plan(change("stop"), change("a", ("here", "a"), upload=upload)))
    names = [call[0] if call[0] != "step" else call[2] for calls in host.calls for call in calls]
    assert names.index("receive_upload") < names.index("note")
