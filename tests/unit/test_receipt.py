"""The receipt: what is written is read back, what is damaged or too new is told apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.model_host import ModelHost
from support.specimens import asked, wanted

from kprov import __version__
from kprov.errors import ExitCode, PreflightError
from kprov.receipt import FORMAT, PATH, Receipt, parse
from kprov.resources.base import Made

# No field of an entry is called like one of its two names.
FIELDS = st.dictionaries(st.text(min_size=1).filter(lambda key: key not in {"kind", "id"}), st.text())
ENTRIES = st.builds(Made, st.text(), st.text(), FIELDS)


@given(st.lists(ENTRIES, unique_by=lambda made: made.id), st.sampled_from(["applying", "done"]))
def test_what_is_written_is_read_back_in_order(entries: list[Made], state: str) -> None:
    asked_for, releases = {"kafka": {"version": "1.0.0"}}, {"java": "11"}
    last = {"spec": {"kafka": {"version": "0.9"}}, "releases": {}}
    receipt = Receipt({made.id: made for made in entries}, state, asked_for, releases, ("swap", "clock"), last)
    again = parse(receipt.to_json(), "box")
    assert again == receipt
    assert list(again.made) == [made.id for made in entries]


def test_the_receipt_of_a_whole_install_is_read_back() -> None:
    host = ModelHost()
    host.install(wanted(asked(), firewalld=True))
    assert parse(host.receipt.to_json(), "box") == host.receipt


def test_the_document_says_what_wrote_it_and_when() -> None:
    document = json.loads(Receipt().to_json("me@desk"))
    assert document["format"] == FORMAT == 2
    assert document["kprov"] == __version__
    assert document["written"].endswith("+00:00")
    assert set(document) == {"format", "kprov", "written", "by", "state", "spec", "releases", "ignored", "made"}
    again = parse(json.dumps(document), "box")
    assert (again.kprov, again.written, again.by) == (__version__, document["written"], "me@desk")


def document(**changes: Any) -> str:
    good = json.loads(Receipt({"user:kafka": Made("user", "user:kafka", {"name": "kafka"})}).to_json())
    return json.dumps({key: value for key, value in {**good, **changes}.items() if value != "LEAVE OUT"})


DAMAGED = {
    "empty": "",
    "cut off": document()[:50],
    "no JSON": "state: done",
    "a list": "[]",
    "a text": '"done"',
    "null": "null",
    "no format": document(format="LEAVE OUT"),
    "no entries": document(made="LEAVE OUT"),
    "no state": document(state="LEAVE OUT"),
    "no spec": document(spec="LEAVE OUT"),
    "entries are no list": document(made=7),
    "last is no group": document(last=7),
    "last has no releases": document(last={"spec": {}}),
    "last has no settings": document(last={"spec": None, "releases": {}}),
    "an entry is no group": document(made=["user"]),
    "an entry without an id": document(made=[{"kind": "user"}]),
}


@pytest.mark.parametrize("text", DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_receipt(text: str) -> None:
    with pytest.raises(PreflightError) as caught:
        parse(text, "box")
    problem = caught.value.problems[0]
    assert "damaged" in problem.what
    assert problem.where == f"box:{PATH}"
    assert problem.hint
    assert caught.value.code is ExitCode.PREFLIGHT


def test_a_receipt_of_a_newer_kprov_is_not_taken_for_damaged() -> None:
    with pytest.raises(PreflightError) as caught:
        parse(document(format=3, kprov="9.0"), "box")
    problem = caught.value.problems[0]
    assert problem.what == "the receipt has format 3, this kprov knows 2"
    assert "9.0" in problem.cause
    assert "damaged" not in str(caught.value)


# ------------------------------------------------------------------ older formats

OLD = Path(__file__).parent / "data/receipt-format-1.json"


def test_a_receipt_of_format_1_is_read() -> None:
    """One that kprov wrote before it knew format 2, on a host that it installed."""
    old = json.loads(OLD.read_text(encoding="utf-8"))
    receipt = parse(OLD.read_text(encoding="utf-8"), "box")
    assert list(receipt.made) == [entry["id"] for entry in old["made"]]
    assert (receipt.state, receipt.releases, receipt.ignored) == (old["state"], old["releases"], ())
    assert (receipt.written, receipt.by) == (old["written"], "")
    kafka = receipt.made["release:/usr/local/kafka_2.12-1.0.0"]
    assert (kafka["product"], kafka["version"], kafka["top"]) == ("kafka", "1.0.0", "kafka_2.12-1.0.0")
    assert json.loads(receipt.to_json())["format"] == FORMAT
    assert parse(receipt.to_json(), "box") == receipt


def test_how_one_operator_logs_in_is_not_taken_from_an_old_receipt() -> None:
    old = json.loads(OLD.read_text(encoding="utf-8"))
    assert old["spec"]["hosts"][0]["ssh"]
    old["spec"]["kafka"]["archive"] = "files/kafka.tgz"
    receipt = parse(json.dumps(old), "box")
    assert receipt.spec is not None
    assert "ssh" not in receipt.spec["hosts"][0]
    assert "archive" not in receipt.spec["kafka"]
    assert receipt.spec["kafka"]["version"] == "1.0.0"


def test_nothing_is_to_be_done_on_a_host_with_an_old_receipt() -> None:
    """The same release, files and services: a new kprov changes nothing and restarts nothing."""
    state = wanted(asked())
    host = ModelHost()
    host.install(state)
    made = {}
    for entry in host.receipt.made.values():
        newer = {"product", "version", "name", "top", "size"} if entry.kind == "release" else set()
        made[entry.id] = Made(entry.kind, entry.id, {k: v for k, v in entry.fields.items() if k not in newer})
    old = json.loads(Receipt(made, "done", host.receipt.spec, host.receipt.releases).to_json()) | {"format": 1}
    host.receipt = parse(json.dumps(old), "box")
    assert host.plan(state).changes == ()


def test_what_an_entry_lacks_is_empty() -> None:
    assert Made("user", "user:kafka", {})["path"] == ""
