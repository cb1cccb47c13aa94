"""The receipt: what is written is read back, what is damaged or too new is told apart."""

from __future__ import annotations

import json
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
    receipt = Receipt({made.id: made for made in entries}, state, {"kafka": {"version": "1.0.0"}}, {"java": "11"})
    again = parse(receipt.to_json(), "box")
    assert again == receipt
    assert list(again.made) == [made.id for made in entries]


def test_the_receipt_of_a_whole_install_is_read_back() -> None:
    host = ModelHost()
    host.install(wanted(asked(), firewalld=True))
    assert parse(host.receipt.to_json(), "box") == host.receipt


def test_the_document_says_what_wrote_it_and_when() -> None:
    document = json.loads(Receipt().to_json())
    assert document["format"] == FORMAT == 1
    assert document["kprov"] == __version__
    assert document["written"].endswith("+00:00")
    assert set(document) == {"format", "kprov", "written", "state", "spec", "releases", "made"}


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
        parse(document(format=2, kprov="9.0"), "box")
    problem = caught.value.problems[0]
    assert problem.what == "the receipt has format 2, this kprov knows 1"
    assert "9.0" in problem.cause
    assert "damaged" not in str(caught.value)


def test_what_an_entry_lacks_is_empty() -> None:
    assert Made("user", "user:kafka", {})["path"] == ""
