"""Archives: pushed once, resumed, and refused unless they arrive whole."""

from __future__ import annotations

import hashlib
import math
import os

import pytest
from support.applying import connection
from support.local_host import LocalHost

from kprov.errors import StepError
from kprov.events import Event, Transfer
from kprov.host.facts import probe
from kprov.kinds.base import Upload
from kprov.node import uploads
from kprov.node.lock import host_lock
from kprov.node.uploads import lanes_for, push


def pushed(host: LocalHost, upload: Upload) -> list[int]:
    """Push, and how many bytes had been sent at each event."""
    events: list[Event] = []
    with host_lock(connection(host), "install"):
        seen = probe(connection(host), [upload.query()])[upload.stored]
        push(connection(host), upload, seen, events.append)
    return [event.done for event in events if isinstance(event, Transfer)]


def test_an_archive_is_pushed(host: LocalHost, upload: Upload) -> None:
    sent = pushed(host, upload)
    assert (sent[0], sent[-1]) == (0, upload.size)
    assert (host.state / "uploads" / upload.stored).read_bytes() == upload.source.read_bytes()


def test_an_archive_that_is_there_is_not_pushed_again(host: LocalHost, upload: Upload) -> None:
    pushed(host, upload)
    assert pushed(host, upload) == []


def test_a_partial_upload_is_resumed(host: LocalHost, upload: Upload) -> None:
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


@pytest.fixture
def far(host: LocalHost, monkeypatch: pytest.MonkeyPatch) -> LocalHost:
    """A host at a distance, and blocks so small that the archive has many."""
    monkeypatch.setattr(uploads, "_BLOCK", 50_000)
    monkeypatch.setattr(uploads, "_LANES_FROM", 1)
    host.distance = 0.3
    return host


def lanes_used(host: LocalHost) -> list[int]:
    """How many lanes each attempt had; the calls of the lanes themselves are not attempts."""
    received = [call for calls in host.calls for call in calls if call[0] == "receive_upload"]
    return [int(call[6]) if len(call) > 6 else 1 for call in received]


@pytest.mark.parametrize("there", [0, 130_000, 599_999])
def test_at_a_distance_an_archive_travels_on_several_channels(far: LocalHost, upload: Upload, there: int) -> None:
    """One that is resumed, too; the blocks are put together in their order, and the progress never goes back."""
    (far.state / "uploads").mkdir()
    (far.state / f"uploads/{upload.stored}.part").write_bytes(upload.source.read_bytes()[:there])
    sent = pushed(far, upload)
    assert (sent[0], sent[-1]) == (there, upload.size)
    assert sent == sorted(sent)
    assert (far.state / "uploads" / upload.stored).read_bytes() == upload.source.read_bytes()
    assert lanes_used(far) == [4]
    assert not list((far.state / "uploads").glob("*.lane*"))


def test_sshd_that_opens_a_single_session_gets_a_single_lane(far: LocalHost, upload: Upload) -> None:
    far.sessions = 1
    assert pushed(far, upload)[-1] == upload.size
    assert lanes_used(far) == [1]


def test_a_lane_that_does_not_come_costs_a_second_attempt(far: LocalHost, upload: Upload) -> None:
    """What was there before is still there for it."""
    (far.state / "uploads").mkdir()
    (far.state / f"uploads/{upload.stored}.part").write_bytes(upload.source.read_bytes()[:100_000])
    far.before += "fill_lane() { :; }\n"
    far.stand_in("timeout", "exit 124")
    assert pushed(far, upload)[-1] == upload.size
    assert lanes_used(far) == [4, 1]
    assert (far.state / "uploads" / upload.stored).read_bytes() == upload.source.read_bytes()


@pytest.mark.parametrize(
    ("distance", "size", "lanes"),
    [
        (0.002, 10**8, 1),
        (0.012, 10**8, 1),
        (0.02, 10**8, 2),
        (0.05, 10**8, 4),
        (0.15, 10**8, 4),
        (0.3, 10**8, 4),
        (0.3, 10**6, 1),
        (math.inf, 1, 1),
    ],
)
def test_the_lanes_of_a_distance(distance: float, size: int, lanes: int) -> None:
    assert lanes_for(distance, size) == lanes


def test_an_archive_that_arrives_changed_is_refused(host: LocalHost, upload: Upload) -> None:
    upload.source.write_bytes(bytes(upload.size))
    with pytest.raises(StepError, match=r"kafka\.tgz did not arrive whole") as caught:
        pushed(host, upload)
    assert hashlib.sha256(bytes(upload.size)).hexdigest() in caught.value.problems[0].cause
    assert os.listdir(host.state / "uploads") == []


def test_a_full_disk_is_named_as_the_cause(host: LocalHost, upload: Upload) -> None:
    host.before += "receive_upload() { say upload ok=no 'output=No space left on device'; }"
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
