"""A step that is killed before any of its commands can be repeated and then succeeds."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from support.local_host import SHELLS, LocalHost
from support.stopped_kprov import DYING

Call = tuple[str, ...]
OWNER = ("root", "root") if os.geteuid() == 0 else (str(os.geteuid()), str(os.getegid()))
TEXT = b"text\n"
SUM = hashlib.sha256(TEXT).hexdigest()


def stage(host: LocalHost) -> None:
    folder = host.state / "stage"
    folder.mkdir(exist_ok=True)
    (folder / SUM).write_bytes(TEXT)


def directory(host: LocalHost, place: Path) -> Call:
    return ("make_directory", str(place / "made"), *OWNER, "0750")


def new_file(host: LocalHost, place: Path) -> Call:
    stage(host)
    return ("put_file", SUM, str(place / "file"), *OWNER, "0640")


def changed_file(host: LocalHost, place: Path) -> Call:
    (place / "file").write_text("before")
    return new_file(host, place)


def new_link(host: LocalHost, place: Path) -> Call:
    return ("put_link", str(place / "link"), "/somewhere")


def changed_link(host: LocalHost, place: Path) -> Call:
    (place / "link").symlink_to("/elsewhere")
    return new_link(host, place)


def new_links(host: LocalHost, place: Path) -> Call:
    source = host.folder / "source"
    source.mkdir(exist_ok=True)
    for name in "abc":
        (source / name).touch()
    return ("put_links", str(place / "bin"), str(source), "*")


def changed_links(host: LocalHost, place: Path) -> Call:
    call = new_links(host, place)
    old = host.folder / "old"
    old.mkdir(exist_ok=True)
    (place / "bin").mkdir()
    for name in "abd":
        (place / "bin" / name).symlink_to(old / name)
    return (*call, str(old))


def new_release(host: LocalHost, place: Path) -> Call:
    content = host.folder / "content"
    (content / "top/bin").mkdir(parents=True, exist_ok=True)
    (content / "top/bin/run").write_text("run")
    uploads = host.state / "uploads"
    uploads.mkdir(exist_ok=True)
    archive = uploads / "release.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(content / "top", "top")
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    return ("unpack_release", archive.name, digest, "top", str(place / "release"))


def changed_release(host: LocalHost, place: Path) -> Call:
    (place / "release").mkdir()
    (place / "release/old").touch()
    return new_release(host, place)


def receipt(host: LocalHost, place: Path) -> Call:
    stage(host)
    (host.state / "receipt.json").write_text("before")
    return ("write_receipt", SUM)


STEPS: tuple[Callable[[LocalHost, Path], Call], ...] = (
    directory,
    new_file,
    changed_file,
    new_link,
    changed_link,
    new_links,
    changed_links,
    new_release,
    changed_release,
    receipt,
)


def killed(host: LocalHost, call: Call, at: int) -> bool:
    """Run a step and kill its shell before that command; whether it had so many, and was not just kept from telling."""
    count = host.folder / "count"
    host.before = f"stop_at={at} stopped_file={count}\n{DYING}"
    script = host.script([("step", "0", "stopped_step", *call)])
    done = subprocess.run(
        host.command(len(script)), input=script, capture_output=True, check=False, start_new_session=True
    )
    host.before = ""
    assert done.returncode == -9, done
    assert b"end" not in done.stdout
    return len(count.read_text()) == at


def tree(place: Path) -> dict[str, str]:
    """Names with kind, mode, target and content."""
    found = {}
    for path in sorted(place.rglob("*")):
        status = path.lstat()
        what = os.readlink(path) if path.is_symlink() else path.read_bytes().hex()[:80] if path.is_file() else ""
        found[str(path.relative_to(place))] = f"{status.st_mode:o} {what}"
    return found


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
@pytest.mark.parametrize("prepare", STEPS, ids=lambda prepare: prepare.__name__)
def test_a_killed_step_is_completed_when_it_is_repeated(
    prepare: Callable[[LocalHost, Path], Call], shell: tuple[str, ...], tmp_path: Path
) -> None:
    host = LocalHost(tmp_path, shell=shell)
    place = tmp_path / "place"

    def fresh() -> Call:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        return prepare(host, place)

    def done(call: Call) -> dict[str, str]:
        answer = host.exchange([("step", "0", *call)])
        assert answer.of_kind("end"), answer
        kept = {name: text for name, text in tree(host.state).items() if not name.startswith(("stage", "uploads"))}
        return tree(place) | kept

    wanted = done(fresh())
    at = 1
    while killed(host, fresh(), at):
        assert done(fresh_again(host, place, prepare)) == wanted, f"killed before command {at}"
        at += 1
    assert at > 1


def fresh_again(host: LocalHost, place: Path, prepare: Callable[[LocalHost, Path], Call]) -> Call:
    """The call of the next run, which stages its files anew and changes nothing else before."""
    aside = place.with_name("aside")
    aside.mkdir()
    try:
        call = prepare(host, aside)
    finally:
        shutil.rmtree(aside)
    return tuple(word.replace(str(aside), str(place)) for word in call)
