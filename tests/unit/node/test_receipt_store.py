"""The receipt before, during and after a plan, and what it remembers of data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.applying import OWNED, change, connection, order, plan, receipt, run
from support.entries import made
from support.local_host import LocalHost

from kprov.errors import NotReadyError, StepError
from kprov.events import StepDone
from kprov.kinds.base import Action, Change, Entry
from kprov.kinds.file import FileEntry
from kprov.kinds.service import ServiceEntry
from kprov.node.apply import apply
from kprov.node.lock import host_lock
from kprov.node.receipt_store import mark_proven, remember_data
from kprov.plan import Plan
from kprov.receipt import Receipt, State

MADE = {"kind": "file", "owner": "root", "group": "root", "mode": "0644"}


def test_the_receipt_says_what_is_about_to_be_made(host: LocalHost) -> None:
    before = Receipt({"file:a": FileEntry("a", *OWNED, "old")}, State.DONE, {"kafka": {}}, {})
    copy = host.folder / "seen"
    host.before += f'look() {{ cp "$kprov_dir/receipt.json" {copy}; }}'
    run(host, plan(change("a", ("look",)), change("b"), before=before))
    intent = json.loads(copy.read_text())
    assert intent["state"] == "applying"
    assert intent["spec"] == {"kafka": {}}
    assert intent["made"] == [
        {**MADE, "path": "a", "sha256": "new", "pending": True, "previous": ["old"]},
        {**MADE, "path": "b", "sha256": "new", "pending": True},
    ]
    assert "pending" not in json.dumps(receipt(host))


def test_an_entry_is_not_its_own_predecessor_after_an_interrupted_run(host: LocalHost) -> None:
    """Otherwise a release that two runs had unpacked would be unpacked a third time."""
    pending = FileEntry("a", *OWNED, "new", pending=True, previous=("old",))
    before = Receipt({"file:a": pending}, State.APPLYING, {"kafka": {}}, {})
    with pytest.raises(StepError):
        apply(
            connection(host), plan(change("a", ("bad", "a")), before=before), "install", lambda _: None, lambda _: None
        )
    assert receipt(host)["made"] == [{**MADE, "path": "a", "sha256": "new", "pending": True, "previous": ["old"]}]


@pytest.mark.parametrize(("started_with", "known"), [("new", ""), ("old", "old")])
def test_a_service_is_not_known_to_be_ready_before_its_gate(host: LocalHost, started_with: str, known: str) -> None:
    """Otherwise the next run would rely on one that hangs after its start."""
    was = ServiceEntry("k", started_with)
    start = Change(
        Action.START,
        *("service:k", "service k", "it is inactive"),
        (("note", "k"),),
        entry=ServiceEntry("k", "new"),
        gate="k",
    )

    def gate(unit: str) -> None:
        raise NotReadyError(f"{unit} hangs")

    with pytest.raises(NotReadyError):
        run(host, plan(start, before=Receipt({"service:k": was}, State.DONE, {"kafka": {}}, {})), gate)
    (entry,) = receipt(host)["made"]
    assert entry["fingerprint"] == known


def test_a_receipt_without_an_answer_counts_as_not_written(host: LocalHost) -> None:
    host.before += "write_receipt() { kill -9 $$; }"
    with pytest.raises(StepError, match="the receipt could not be written"):
        run(host, plan(change("a")))
    assert order(host) == []


def test_a_host_with_nothing_of_kprovs_keeps_no_receipt(host: LocalHost) -> None:
    run(host, plan(change("a")))
    gone = Change(Action.REMOVE, "a", "file a", "created by kprov", (("note", "gone"),))
    events = run(host, plan(gone, before=Receipt(), after=Receipt()))
    assert [event.text for event in events if isinstance(event, StepDone)] == ["remove file a"]
    assert not host.state.exists()


def data(path: Path, **more: Any) -> Entry:
    return made("data", path=str(path), **more)


def test_the_receipt_remembers_the_data_that_the_services_wrote(host: LocalHost) -> None:
    """They are looked at after the last change, and again after the smoke test."""
    folder = host.folder / "kafka"
    host.before += f'fill() {{ mkdir "{folder}" && : >"{folder}/meta.properties"; }}\n'
    what = plan(change("a", ("fill",)))
    entries = {**what.after.made, f"data:{folder}": data(folder)}
    run(host, Plan("box", what.changes, after=Receipt(entries, State.UNPROVEN, {"kafka": {}})))
    (entry,) = (item for item in receipt(host)["made"] if item["kind"] == "data")
    assert entry["filled"] is True
    assert entry["lies"]["mount"].startswith("/")
    with host_lock(connection(host), "install"):
        mark_proven(connection(host), Receipt(entries, State.UNPROVEN, {"kafka": {}}))
    assert entry in receipt(host)["made"]


def test_an_install_with_nothing_to_do_writes_only_what_it_learned(host: LocalHost) -> None:
    before, after = data(host.folder), data(host.folder, filled=True, lies={"mount": "/"})
    same = Plan("box", (), before=Receipt({after.id: after}), after=Receipt({after.id: after}))
    remember_data(connection(host), same, "install")
    assert not (host.state / "receipt.json").exists()
    learned = Plan("box", (), before=Receipt({before.id: before}), after=Receipt({after.id: after}))
    remember_data(connection(host), learned, "install")
    assert receipt(host)["made"][0]["filled"] is True
    assert not (host.state / "lock").exists()
