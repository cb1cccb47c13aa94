"""The parser of the library's answers reads its records and ignores everything else."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kprov.host.answers import Record, parse
from kprov.host.connection import Reply
from kprov.host.facts import facts_of, seen_of


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("line", "record"),
    [
        ("@kprov\tseen\tid=a\tstatus=absent", Record("seen", {"id": "a", "status": "absent"})),
        ("@kprov\tseen\tid=a=b\r\n", Record("seen", {"id": "a=b"})),
        ("[sudo] password: @kprov\tlogin\tuid=0", Record("login", {"uid": "0"})),
        ("@kprov\tlock\ttaken=", Record("lock", {"taken": ""})),
        ("@kprov\tlock\tno separator\ta=1", Record("lock", {"a": "1"})),
        ("@kprov\tx\ttext64=" + encoded("a\tb\nc"), Record("x", {"text": "a\tb\nc"})),
        ("@kprov\tx\ttext64=/w==", Record("x", {"text": "\ufffd"})),
        ("@kprov\tx\ttext64=not base64!", Record("x", {"text": ""})),
        ("@kprov\tx", Record("x", {})),
        ("Last login: yesterday", None),
        ("@kprov seen", None),
        ("", None),
    ],
)
def test_a_line(line: str, record: Record | None) -> None:
    assert parse(line) == record


@given(st.text())
def test_any_text_survives_its_encoding(text: str) -> None:
    record = parse(f"@kprov\tx\tvalue64={base64.b64encode(text.encode('utf-8', 'replace')).decode()}")
    assert record is not None
    assert record["value"] == text.encode("utf-8", "replace").decode()


def test_a_mangled_answer_does_not_raise() -> None:
    assert parse("@kprov\tx\ttext64=\ufffd") == Record("x", {"text": ""})


@pytest.mark.parametrize(("value", "number"), [("12", 12), ("-1", -1), ("", 0), ("many", 0), ("1.5", 0)])
def test_a_number(value: str, number: int) -> None:
    assert Record("x", {"n": value}).number("n") == number
    assert Record("x", {}).number("n") == 0


def test_seen_and_data_of_one_id_are_one_answer() -> None:
    records = (
        Record("seen", {"id": "data:/d", "status": "present", "entries": "3"}),
        Record("facts", {"id": "no"}),
        Record("data", {"id": "data:/d", "holds": "kafka"}),
        Record("seen", {"id": "file:/f", "status": "absent"}),
    )
    assert seen_of(Reply(records, "", 0)) == {
        "data:/d": {"id": "data:/d", "status": "present", "entries": "3", "holds": "kafka"},
        "file:/f": {"id": "file:/f", "status": "absent"},
    }


def test_facts() -> None:
    fields = {
        "system": "Linux",
        "bits": "64",
        "systemd": "219",
        "os": "centos",
        "firewalld": "yes",
        "missing": "tar gzip",
    }
    facts = facts_of(Record("facts", {**fields, "uid": "0", "now": "110"}), asked=100.0, answered=104.0)
    assert (facts.system, facts.bits, facts.systemd, facts.firewalld) == ("Linux", 64, 219, True)
    assert facts.os_name == "centos"
    assert facts.skew == 6.0, "the answer came at 104"
    assert facts.missing == ("tar", "gzip")
    assert facts_of(Record("facts", {"systemd": "absent"}), 0.0, 0.0).systemd is None


@pytest.mark.parametrize(
    ("value", "text"),
    [("plain", "plain"), (r"a\tb", "a\tb"), (r"a\\tb", r"a\tb"), (r"\\\\", r"\\"), ("\\", "\\")],
)
def test_escaped_text(value: str, text: str) -> None:
    """As the library's ``follow`` writes lines."""
    record = parse(f"@kprov\tline\ttext_e={value}")
    assert record is not None
    assert record["text"] == text
