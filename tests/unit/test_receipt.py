"""The receipt: what is written is read back, what is damaged or too new is told apart."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.model_host import ModelHost
from support.specimens import asked, wanted

from kprov import __version__
from kprov.errors import ExitCode, PreflightError
from kprov.kinds import KINDS
from kprov.kinds.base import Entry
from kprov.kinds.release import ReleaseEntry
from kprov.kinds.user import UserEntry
from kprov.receipt import FORMAT, PATH, Receipt, State, parse
from kprov.roles.desired import Desired

ENTRIES = st.one_of(*(st.from_type(kind) for kind in KINDS.values()))


@given(st.lists(ENTRIES, unique_by=lambda made: made.id), st.sampled_from(State))
def test_what_is_written_is_read_back_in_order(entries: list[Entry], state: State) -> None:
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
    assert document["format"] == FORMAT == 4
    assert document["kprov"] == __version__
    assert document["written"].endswith("+00:00")
    assert set(document) == {
        "format",
        "kprov",
        "written",
        "by",
        "state",
        "spec",
        "releases",
        "ignored",
        "address",
        "made",
    }
    again = parse(json.dumps(document), "box")
    assert (again.kprov, again.written, again.by) == (__version__, document["written"], "me@desk")


@pytest.mark.parametrize(
    ("receipt", "fresh"),
    [
        (Receipt(), True),
        (Receipt(state=State.APPLYING, spec={}), True),  # a first install that was interrupted
        (Receipt(state=State.UNPROVEN, spec={}), False),
        (Receipt(spec={}), False),
        (Receipt(state=State.APPLYING, spec={}, last={"spec": {}}), False),  # an upgrade that was interrupted
        (Receipt(last={"spec": {}}), True),  # an uninstall that kept data
    ],
)
def test_whether_the_next_run_is_a_first_install(receipt: Receipt, *, fresh: bool) -> None:
    assert receipt.fresh is fresh


def document(**changes: Any) -> str:
    good = json.loads(Receipt({"user:kafka": UserEntry("kafka")}).to_json())
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
    "an entry without a name": document(made=[{"kind": "user"}]),
    "an entry of no kind": document(made=[{"kind": "users", "name": "kafka"}]),
    "an entry with a field of another kind": document(made=[{"kind": "user", "name": "kafka", "path": "/"}]),
    "a state that is none": document(state="begun"),
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
        parse(document(format=5, kprov="9.0"), "box")
    problem = caught.value.problems[0]
    assert problem.what == "the receipt has format 5; this kprov supports formats up to 4"
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
    assert isinstance(kafka, ReleaseEntry)
    assert (kafka.product, kafka.version, kafka.top) == ("kafka", "1.0.0", "kafka_2.12-1.0.0")
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


FORMAT_2 = OLD.with_name("receipt-format-2.json")
# What helps people and later runs, and makes no other release.
DESCRIPTIVE = {"product", "version", "name", "top", "size"}
# Format 1 had neither that nor what is remembered of data.
NEWER = {"release": DESCRIPTIVE, "data": {"filled"}}


def in_use() -> tuple[ModelHost, Desired]:
    """A host with all of an installation, on which the services have written data; as the receipt was recorded."""
    host, state = ModelHost(), wanted(asked(), firewalld=True)
    host.install(state)
    host.use()
    host.install(state)
    return host, state


def format_2(state: Desired) -> dict[str, Any]:
    """What kprov wrote in format 2 of that host, but with the sums of files as they are rendered now.

    The fingerprints are made of it as that kprov made them: a template that changes is no other format.
    """
    old: dict[str, Any] = json.loads(FORMAT_2.read_text(encoding="utf-8"))
    made = {entry["id"]: entry for entry in old["made"]}
    for file in state.files():
        made[file.id]["sha256"] = file.sha256
    for service in state.services:
        made[service.id]["fingerprint"] = fingerprint_2([made[id_] for id_ in sorted(service.reads)])
    return old


def fingerprint_2(entries: list[dict[str, str]]) -> str:
    """As a kprov of format 2 made it of the entries that a service reads."""
    digest = hashlib.sha256()
    for entry in entries:
        fields = {key: text for key, text in entry.items() if key not in {"kind", "id", "filled", *DESCRIPTIVE}}
        digest.update(repr((entry["kind"], entry["id"], sorted(fields.items()))).encode())
    return digest.hexdigest()


def format_1(state: Desired) -> dict[str, Any]:
    """The same host in format 1."""
    old = format_2(state) | {"format": 1}
    for entry in old["made"]:
        for key in NEWER.get(entry["kind"], ()):
            entry.pop(key, None)
    return {key: value for key, value in old.items() if key not in {"by", "ignored"}}


def test_the_fingerprints_of_format_2_are_made_as_recorded() -> None:
    old = json.loads(FORMAT_2.read_text(encoding="utf-8"))
    made = {entry["id"]: entry for entry in old["made"]}
    for service in in_use()[1].services:
        assert fingerprint_2([made[id_] for id_ in sorted(service.reads)]) == made[service.id]["fingerprint"]


@pytest.mark.parametrize("old", [format_1, format_2])
def test_nothing_is_to_be_done_on_a_host_with_an_old_receipt(old: Callable[[Desired], dict[str, Any]]) -> None:
    """The same release, files and services: a new kprov changes nothing and restarts nothing."""
    host, state = in_use()
    host.receipt = parse(json.dumps(old(state)), "box")
    assert host.plan(state).changes == ()


def test_a_receipt_of_format_2_says_the_same() -> None:
    """Every field is what this kprov would have written of that host."""
    host, state = in_use()
    assert parse(json.dumps(format_2(state)), "box") == host.receipt
