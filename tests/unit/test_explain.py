"""What differs from the receipt, put beside the failure of a service."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from kprov.drift import Drift
from kprov.errors import ConnectError, NotReadyError, Problem, StepError
from kprov.host.answers import Record
from kprov.host.connection import Connection, Reply
from kprov.kinds.file import FileEntry
from kprov.kinds.link import LinkEntry
from kprov.operations.explain import explain, explanation
from kprov.operations.session import Installed
from kprov.receipt import Receipt, State, index

LIBS = LinkEntry("/k/libs", "/r/libs")
FILE = FileEntry("/k/a", "root", "root", "0644", "1")
FAILED = NotReadyError([Problem("kafka.service is failed", "box", "a log", "set --heap"), Problem("another")])


def record(id_: str, **fields: str) -> Record:
    return Record("seen", {"id": id_, **fields})


RIGHT = (
    record("link:/k/libs", status="present", type="symbolic link", target="/r/libs"),
    record("file:/k/a", status="present", type="regular file", sha256="1", owner="root", group="root", mode="644"),
)
EDITED = (RIGHT[0], record("file:/k/a", **{**RIGHT[1].fields, "sha256": "2"}))
GONE = (record("link:/k/libs", status="absent"), EDITED[1])


def told(seen: tuple[Record, ...] | None, error: Any = FAILED, state: State = State.DONE) -> tuple[Problem, ...]:
    """The problems after it; seen: None for a host that does not answer."""

    def exchange(calls: object, beside: object = ()) -> Reply:
        if seen is None:
            raise ConnectError("the connection was lost")
        return Reply(seen, "", 0)

    connection = cast("Connection", SimpleNamespace(exchange=exchange, login=SimpleNamespace(name="box")))
    found = cast("Installed", SimpleNamespace(receipt=Receipt(index([LIBS, FILE]), state)))
    result = explain(connection, found, error)
    assert type(result) is type(error)
    return result.problems


def test_a_part_that_is_missing_comes_before_what_the_log_means() -> None:
    first, second = told(GONE)
    assert first.hint.startswith("/k/libs was removed; /k/a was edited; repair it: kprov install HOST; its log: ")
    assert first.hint.endswith("its log: set --heap")
    assert (first.what, first.cause, second) == ("kafka.service is failed", "a log", Problem("another"))


def test_what_was_edited_comes_after_it() -> None:
    assert told(EDITED)[0].hint == "set --heap; /k/a was edited; repair it: kprov install HOST"


def test_a_run_that_did_not_finish_is_told() -> None:
    assert (
        told(RIGHT, state=State.APPLYING)[0].hint
        == "set --heap; the last run did not finish; repair it: kprov install HOST"
    )


@pytest.mark.parametrize("seen", [RIGHT, (), None])
def test_where_nothing_differs_or_nobody_answers_the_error_stays(seen: tuple[Record, ...] | None) -> None:
    assert told(seen) == FAILED.problems


def test_a_step_that_failed_stays_one() -> None:
    assert told(GONE, StepError("start service kafka.service failed"))[0].hint.endswith("repair it: kprov install HOST")


def test_of_many_differences_the_missing_ones_are_named() -> None:
    many = [Drift(f"file:/a{number}", "was edited") for number in range(9)]
    text = explanation([*many, Drift("release:/r", "was removed")], State.DONE)
    assert text.startswith("/r was removed; /a0 was edited; ")
    assert text.endswith("/a3 was edited; 5 more differences; repair it: kprov install HOST")
