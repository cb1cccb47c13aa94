"""Downloads from a server that interrupts, corrupts and redirects; only a file with the right checksum is kept."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from kprov.errors import Problem, UsageError
from kprov.events import Event, Message, Transfer, Warned
from kprov.releases import download as module
from kprov.releases.catalogue import Upstream
from kprov.releases.checksum import Checksum
from kprov.releases.download import UnreachableError, download, shown

NAME = "kafka_2.12-1.0.0.tgz"
DATA = hashlib.shake_256(b"an archive").digest(300_000)
SHA512 = hashlib.sha512(DATA).hexdigest()


def upstream(site: Any, *paths: str, **options: Any) -> Upstream:
    paths = paths or (f"/{NAME}",)
    addresses = tuple(site.address + path for path in paths)
    return Upstream(NAME, addresses, tuple(f"{address}.sha512" for address in addresses), **options)


def get(source: Upstream, folder: Path, events: list[Event] | None = None) -> Path:
    return download(source, folder, emit=(events if events is not None else []).append, sleep=lambda seconds: None)


def refused(source: Upstream, folder: Path) -> Problem:
    with pytest.raises(UsageError) as caught:
        get(source, folder)
    assert not (folder / NAME).exists()
    problem = caught.value.problems[0]
    assert problem.hint
    return problem


def leave(folder: Path, address: str, count: int, validator: str) -> None:
    """Leave the files of a download that was interrupted after ``count`` bytes."""
    folder.mkdir(exist_ok=True)
    (folder / f".{NAME}.part").write_bytes(DATA[:count])
    (folder / f".{NAME}.part.json").write_text(json.dumps({"address": address, "validator": validator}))


def test_a_verified_file_gets_its_checksum_file(tmp_path: Path, site: Any) -> None:
    site.publish(f"/{NAME}", DATA)
    events: list[Event] = []
    path = get(upstream(site), tmp_path / "cache" / "archives", events)
    assert path.read_bytes() == DATA
    assert path.with_name(f"{NAME}.sha512").read_text() == f"{SHA512}  {NAME}\n"
    assert {file.name for file in path.parent.iterdir()} == {NAME, f"{NAME}.sha512", f".{NAME}.lock"}
    assert Transfer(f"downloading {NAME}", len(DATA), len(DATA)) in events
    (asked,) = site.asked(f"/{NAME}")
    assert asked["accept-encoding"] == "identity"
    assert asked["user-agent"].startswith("kprov/")


def test_an_interrupted_download_is_resumed(tmp_path: Path, site: Any) -> None:
    site.publish(f"/{NAME}", DATA, etag='"one"', cut=[100_000, 50_000])
    events: list[Event] = []
    assert get(upstream(site), tmp_path, events).read_bytes() == DATA
    first, second, third = site.asked(f"/{NAME}")
    assert "range" not in first
    assert (second["range"], second["if-range"]) == ("bytes=100000-", '"one"')
    assert third["range"] == "bytes=150000-"
    assert len([event for event in events if isinstance(event, Warned)]) == 2


def test_a_later_run_resumes_the_download(tmp_path: Path, site: Any) -> None:
    site.publish(f"/{NAME}", DATA, modified="Wed, 01 Nov 2017 10:00:00 GMT")
    leave(tmp_path, f"{site.address}/{NAME}", 200_000, "Wed, 01 Nov 2017 10:00:00 GMT")
    assert get(upstream(site), tmp_path).read_bytes() == DATA
    assert [asked["range"] for asked in site.asked(f"/{NAME}")] == ["bytes=200000-"]


def test_a_complete_part_is_not_downloaded_again(tmp_path: Path, site: Any) -> None:
    site.publish(f"/{NAME}", DATA)
    leave(tmp_path, f"{site.address}/{NAME}", len(DATA), "")
    assert get(upstream(site), tmp_path).read_bytes() == DATA
    assert site.asked(f"/{NAME}") == []


def test_a_file_that_changed_upstream_is_downloaded_from_the_start(tmp_path: Path, site: Any) -> None:
    site.publish(f"/{NAME}", DATA, etag='"two"')
    leave(tmp_path, f"{site.address}/{NAME}", 1000, '"one"')
    assert get(upstream(site), tmp_path).read_bytes() == DATA
    assert len(site.asked(f"/{NAME}")) == 1


@pytest.mark.parametrize(("etag", "modified"), [("", ""), ('W/"weak"', "")])
def test_without_a_strong_validator_nothing_is_resumed(tmp_path: Path, site: Any, etag: str, modified: str) -> None:
    site.publish(f"/{NAME}", DATA, etag=etag, modified=modified, cut=[1000])
    assert get(upstream(site), tmp_path).read_bytes() == DATA
    assert all("range" not in asked for asked in site.asked(f"/{NAME}"))


def test_a_part_from_another_url_is_not_resumed(tmp_path: Path, site: Any) -> None:
    site.publish(f"/{NAME}", DATA, etag='"one"')
    leave(tmp_path, "http://elsewhere.example/x", 1000, '"one"')
    assert get(upstream(site), tmp_path).read_bytes() == DATA


def test_a_server_without_ranges_sends_the_file_from_the_start(tmp_path: Path, site: Any) -> None:
    site.publish(f"/{NAME}", DATA, etag='"one"', ranges=False, cut=[1000])
    assert get(upstream(site), tmp_path).read_bytes() == DATA


def test_a_part_longer_than_the_file_is_discarded(tmp_path: Path, site: Any) -> None:
    site.publish(f"/{NAME}", DATA, etag='"one"')
    leave(tmp_path, f"{site.address}/{NAME}", len(DATA), '"one"')
    with (tmp_path / f".{NAME}.part").open("ab") as file:
        file.write(b"more")
    assert get(upstream(site), tmp_path).read_bytes() == DATA


def test_a_damaged_part_is_downloaded_from_the_start(tmp_path: Path, site: Any) -> None:
    site.publish(f"/{NAME}", DATA, etag='"one"')
    leave(tmp_path, f"{site.address}/{NAME}", 1000, '"one"')
    (tmp_path / f".{NAME}.part").write_bytes(bytes(1000))
    events: list[Event] = []
    assert get(upstream(site), tmp_path, events).read_bytes() == DATA
    assert any(isinstance(event, Warned) and "starting over" in event.text for event in events)


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"address": 1}', '{"address": "ADDRESS", "validator": 7}'])
def test_damaged_notes_are_ignored(tmp_path: Path, site: Any, text: str) -> None:
    site.publish(f"/{NAME}", DATA, etag='"one"')
    leave(tmp_path, "", 1000, "")
    (tmp_path / f".{NAME}.part.json").write_text(text.replace("ADDRESS", f"{site.address}/{NAME}"))
    assert get(upstream(site), tmp_path).read_bytes() == DATA
    assert "range" not in site.asked(f"/{NAME}")[0]


def test_a_mismatch_shows_both_checksums_and_leaves_no_file(tmp_path: Path, site: Any) -> None:
    site.publish(f"/{NAME}", DATA)
    damaged = DATA[:-1] + bytes([DATA[-1] ^ 1])
    site.put(f"/{NAME}", damaged)
    problem = refused(upstream(site), tmp_path)
    assert "could not be downloaded" in problem.what
    assert "wrong sha512 checksum" in problem.cause
    assert SHA512 in problem.cause
    assert hashlib.sha512(damaged).hexdigest() in problem.cause
    assert not (tmp_path / f".{NAME}.part").exists()


def test_a_known_checksum_is_preferred_to_a_published_one(tmp_path: Path, site: Any) -> None:
    site.put(f"/{NAME}", DATA)
    known = Checksum("sha256", hashlib.sha256(DATA).hexdigest())
    assert get(upstream(site, known=known), tmp_path).exists()
    assert site.asked(f"/{NAME}.sha512") == []


def test_without_a_published_checksum_nothing_is_downloaded(tmp_path: Path, site: Any) -> None:
    site.put(f"/{NAME}", DATA)
    problem = refused(upstream(site), tmp_path)
    assert problem.what.startswith(f"no published checksum of {NAME}")
    assert "404" in problem.cause
    assert "#sha512=HEX" in problem.hint
    assert site.asked(f"/{NAME}") == []


@pytest.mark.parametrize("text", [b"<html>login</html>", b"x" * 100_000])
def test_an_invalid_checksum_file_is_refused(tmp_path: Path, site: Any, text: bytes) -> None:
    site.put(f"/{NAME}", DATA)
    site.put(f"/{NAME}.sha512", text)
    assert f"{NAME}.sha512: " in refused(upstream(site), tmp_path).cause


def test_the_next_url_is_tried(tmp_path: Path, site: Any) -> None:
    site.publish(f"/archive/{NAME}", DATA)
    site.put(f"/broken/{NAME}", b"something else")
    path = get(upstream(site, f"/gone/{NAME}", f"/broken/{NAME}", f"/archive/{NAME}"), tmp_path)
    assert path.read_bytes() == DATA


def test_if_no_url_works_all_are_named(tmp_path: Path, site: Any) -> None:
    site.put(f"/a/{NAME}.sha512", f"{SHA512}  {NAME}".encode())
    site.put(f"/b/{NAME}", b"", status=[500] * 20)
    problem = refused(upstream(site, f"/a/{NAME}", f"/b/{NAME}"), tmp_path)
    assert f"/a/{NAME}: the server answered 404" in problem.cause
    assert f"/b/{NAME}: the server answered 500" in problem.cause
    assert "HTTPS_PROXY" in problem.hint
    assert len(site.asked(f"/a/{NAME}")) == 1  # 404 is not tried again
    assert len(site.asked(f"/b/{NAME}")) == module.ATTEMPTS


def test_a_busy_server_is_tried_again(tmp_path: Path, site: Any) -> None:
    site.publish(f"/{NAME}", DATA, status=[503, 429])
    assert get(upstream(site), tmp_path).read_bytes() == DATA


def test_repeated_interruptions_end_the_download(tmp_path: Path, site: Any) -> None:
    site.publish(f"/{NAME}", DATA, etag='"one"', cut=[10, *([0] * 50)])
    problem = refused(upstream(site), tmp_path)
    assert len(site.asked(f"/{NAME}")) == module.ATTEMPTS + 1
    assert problem.cause


def test_redirects_are_followed(tmp_path: Path, site: Any) -> None:
    site.publish(f"/real/{NAME}", DATA)
    site.put(f"/{NAME}", b"", location=f"/real/{NAME}")
    site.put(f"/{NAME}.sha512", b"", location=f"/real/{NAME}.sha512")
    assert get(upstream(site), tmp_path).read_bytes() == DATA


def test_an_endless_redirect_is_refused(tmp_path: Path, site: Any) -> None:
    site.publish(f"/{NAME}", DATA, location=f"/{NAME}")
    assert "redirects" in refused(upstream(site), tmp_path).cause


def test_a_redirect_from_https_to_http_is_refused() -> None:
    response = httpx.Response(200, request=httpx.Request("GET", "http://mirror.example/x"))
    with pytest.raises(Exception, match="redirects to http"):
        module._require_secure("https://mirror.example/x", response)


def test_a_server_that_does_not_listen_is_an_error(tmp_path: Path, site: Any) -> None:
    source = Upstream(NAME, ("http://127.0.0.1:1/x",), ("http://127.0.0.1:1/x.sha512",))
    problem = refused(source, tmp_path)
    assert problem.what == f"{NAME} could not be downloaded"
    assert "127.0.0.1:1/x.sha512: " in problem.cause
    assert "kprov fetch --to DIR" in problem.hint


def test_a_host_that_does_not_answer_is_tried_only_once(
    tmp_path: Path, site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def time_out(self: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        raise httpx.ConnectTimeout("timed out", request=request)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", time_out)
    sums = ("http://a.example/x.sha512", "http://a.example/x.sha1", "http://b.example/x.sha512")
    with pytest.raises(UnreachableError):
        get(Upstream(NAME, ("http://a.example/x",), sums), tmp_path)
    assert asked == [sums[0], sums[2]]
    asked.clear()
    with pytest.raises(UnreachableError):
        get(Upstream(NAME, ("http://a.example/x",), (), Checksum("sha512", SHA512)), tmp_path)
    assert asked == ["http://a.example/x"]


def test_a_gzip_file_declared_as_an_encoding_is_not_decoded(tmp_path: Path, site: Any) -> None:
    site.publish(f"/{NAME}", DATA, headers={"Content-Encoding": "gzip"})
    assert get(upstream(site), tmp_path).read_bytes() == DATA


def test_a_folder_that_cannot_be_created_is_an_error(tmp_path: Path, site: Any) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be written") as caught:
        get(upstream(site), tmp_path / "file" / "cache")
    assert not isinstance(caught.value, UnreachableError)


def test_invalid_proxy_settings_are_an_error(tmp_path: Path, site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "nonsense://proxy.example:1")
    assert "proxy settings" in refused(upstream(site), tmp_path).what


def test_the_proxy_of_the_environment_is_used(tmp_path: Path, site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test server acts as the proxy: it receives a request with an absolute URL."""
    monkeypatch.setenv("HTTP_PROXY", site.address)
    monkeypatch.setenv("NO_PROXY", "")
    address = f"http://upstream.example/{NAME}"
    site.publish(address, DATA)
    source = Upstream(NAME, (address,), (f"{address}.sha512",))
    assert get(source, tmp_path).read_bytes() == DATA


def test_two_processes_download_a_file_only_once(tmp_path: Path, site: Any) -> None:
    gate = threading.Event()
    site.publish(f"/{NAME}", DATA, gate=gate)
    events: list[Event] = []
    paths: list[Path] = []
    threads = [
        threading.Thread(target=lambda: paths.append(download(upstream(site), tmp_path, emit=events.append)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 10
    waiting = f"another kprov is downloading {NAME}; waiting for it"
    while events.count(Message(waiting)) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    gate.set()
    for thread in threads:
        thread.join()
    assert [path.read_bytes() for path in paths] == [DATA] * 3
    assert len(site.asked(f"/{NAME}")) == 1
    assert events.count(Message(waiting)) == 2


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("https://user:secret@mirror.example/a.tgz?token=1#sha512=ab", "https://mirror.example/a.tgz"),
        ("http://mirror.example:8080/a.tgz", "http://mirror.example:8080/a.tgz"),
    ],
)
def test_shown_hides_the_secret_parts_of_a_url(address: str, text: str) -> None:
    assert shown(address) == text
