"""The host's lock: one run at a time, and an ended run does not keep it."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.local_host import SHELLS, LocalHost
from support.machine import until

from kprov.host.answers import Record

BOOT = Path("/proc/sys/kernel/random/boot_id").read_text().strip()


@pytest.fixture(params=SHELLS, ids=lambda shell: shell[0])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> LocalHost:
    return LocalHost(tmp_path, shell=request.param)


def take(host: LocalHost, session: str | None = None, who: str = "me") -> Record:
    return host.one("take_lock", session or host.session, who, "install")


def holder(host: LocalHost) -> dict[str, str]:
    lines = (host.state / "lock" / "holder").read_text().splitlines()
    return dict(line.partition("=")[::2] for line in lines)


def lock(host: LocalHost, *, session: str, boot: str = BOOT) -> None:
    (host.state / "lock").mkdir()
    (host.state / "lock/holder").write_text(
        f"session={session}\nboot={boot}\nwho=somebody\ncommand=install\nsince=1700000000\n"
    )


def test_a_free_lock_is_taken_and_names_its_holder(host: LocalHost) -> None:
    assert take(host, who="me@here (process 7)")["taken"] == "yes"
    found = holder(host)
    assert found.pop("since").isdigit()
    assert found == {"session": host.session, "boot": BOOT, "who": "me@here (process 7)", "command": "install"}


def test_a_held_lock_is_not_taken(host: LocalHost) -> None:
    take(host, who="the first")
    answer = take(host, who="the second")
    assert answer["taken"] == "no"
    assert "who=the first\n" in answer["holder"]
    assert answer.number("now") > 1700000000
    assert holder(host)["who"] == "the first"


def dead_session() -> str:
    """A session of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        pass
    return f"{process.pid}:123"


@pytest.mark.parametrize("kind", ["dead process", "another process of that number", "another boot"])
def test_a_lock_whose_run_has_ended_is_taken(host: LocalHost, kind: str) -> None:
    match kind:
        case "dead process":
            lock(host, session=dead_session())
        case "another process of that number":
            lock(host, session=f"{os.getpid()}:1")
        case "another boot":
            lock(host, session=host.session, boot="00000000-0000-0000-0000-000000000000")
    assert take(host)["taken"] == "yes"
    assert holder(host)["who"] == "me"
    assert {path.name for path in host.state.iterdir()} == {"lock"}


def test_only_its_holder_releases_a_lock(host: LocalHost) -> None:
    take(host)
    host.exchange([("release_lock", "1:1")])
    assert holder(host)["who"] == "me"
    host.exchange([("release_lock", host.session)])
    assert not (host.state / "lock").exists()
    host.exchange([("release_lock", host.session)])
    assert take(host)["taken"] == "yes"


def at_once(host: LocalHost, count: int) -> list[str]:
    """The answers to ``count`` runs that start together."""
    running = []
    for number in range(count):
        script = host.script([("take_lock", host.session, f"run {number}", "install")])
        process = subprocess.Popen(
            host.command(len(script)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        running.append((process, script))
    answers = []
    for process, script in running:
        out, _ = process.communicate(script)
        answers.append(out.decode())
    return answers


@pytest.mark.parametrize("stale", [False, True])
def test_at_most_one_of_several_runs_gets_the_lock(host: LocalHost, stale: bool) -> None:
    for _ in range(5):
        if stale:
            lock(host, session=dead_session())
        answers = at_once(host, 6)
        taken = [number for number, answer in enumerate(answers) if "taken=yes" in answer]
        assert len(taken) == 1, answers
        assert holder(host)["who"] == f"run {taken[0]}"
        host.exchange([("release_lock", host.session)])


def test_a_run_that_saw_a_stale_lock_does_not_take_the_lock_that_replaced_it(host: LocalHost, tmp_path: Path) -> None:
    """Another run takes the stale lock just before this one removes it."""
    lock(host, session=dead_session())
    other = tmp_path / "other"
    script = host.script([("take_lock", host.session, "the quick one", "install")])
    other.write_bytes(script)
    shell = " ".join(host.command(0)[:-2])
    once, answer = tmp_path / "once", tmp_path / "answer"
    meanwhile = f"[ -e {once} ] || {{ : >{once}; {shell} {other} >{answer}; }}"
    host.before = "\n".join(f'{name}() {{ {meanwhile}; command {name} "$@"; }}' for name in ("mv", "rm"))
    slow = host.exchange([("take_lock", host.session, "the slow one", "install")]).of_kind("lock")
    quick = answer.read_text() if answer.exists() else ""
    assert [bool(slow) and slow[0]["taken"] == "yes", "taken=yes" in quick].count(True) == 1


@pytest.mark.parametrize("moment", [1, 4_000_000_000], ids=["long ago", "in the future"])
def test_a_lock_without_a_holder_can_be_taken(host: LocalHost, moment: int) -> None:
    """A run was killed between creating the lock and writing its holder; the age of the lock does not matter."""
    lock = host.state / "lock"
    lock.mkdir()
    os.utime(lock, (moment, moment))
    assert take(host)["taken"] == "yes"
    assert holder(host)["who"] == "me"


# ---------------------------------------------------------------- the host's journal


def notes(host: LocalHost) -> list[dict[str, object]]:
    return [json.loads(line) for line in (host.state / "journal").read_text().splitlines()]


def test_the_lock_leaves_a_line_when_it_is_taken_and_when_it_is_released(host: LocalHost) -> None:
    host.one("take_lock", host.session, "me", "install", json.dumps({"run": "a", "who": 'it\'s "me" \\ 100%d'}))
    host.exchange([("release_lock", host.session, json.dumps({"run": "a", "exit_code": 0}))])
    begun, ended = notes(host)
    assert begun["who"] == 'it\'s "me" \\ 100%d'
    assert ended["exit_code"] == 0
    assert all(isinstance(item["when"], int) and item["when"] > 1700000000 for item in (begun, ended))
    assert stat.S_IMODE((host.state / "journal").stat().st_mode) == 0o600


def test_a_run_that_does_not_get_the_lock_leaves_no_line(host: LocalHost) -> None:
    take(host)
    host.one("take_lock", "1:1", "another", "install", '{"run": "b"}')
    host.exchange([("release_lock", "1:1", '{"run": "b"}')])
    assert not (host.state / "journal").exists()


def test_dropping_the_state_removes_the_host_s_journal(host: LocalHost) -> None:
    """An uninstall drops kprov's own folder before it releases the lock."""
    host.one("take_lock", host.session, "me", "uninstall", '{"run": "a"}')
    host.exchange([("step", "0", "drop_state")])
    host.exchange([("release_lock", host.session, '{"run": "a"}')])
    assert not host.state.exists()


def test_the_journal_of_a_host_is_bounded(host: LocalHost) -> None:
    (host.state / "journal").write_text("".join(f'{{"run":"{number}"}}\n' for number in range(500)))
    take_noted = host.one("take_lock", host.session, "me", "install", '{"run": "new"}')
    assert take_noted["taken"] == "yes"
    found = notes(host)
    assert (len(found), found[0]["run"], found[-1]["run"]) == (400, "101", "new")
    assert {path.name for path in host.state.iterdir()} == {"journal", "lock"}


def test_a_truncated_line_does_not_merge_with_the_next(host: LocalHost) -> None:
    (host.state / "journal").write_text('{"run": "a", "sta')
    host.one("take_lock", host.session, "me", "install", '{"run": "b"}')
    lines = (host.state / "journal").read_text().splitlines()
    assert (lines[0], json.loads(lines[1])["run"]) == ('{"run": "a", "sta', "b")


def test_a_journal_that_cannot_be_written_does_not_prevent_the_lock(host: LocalHost) -> None:
    (host.state / "journal").mkdir()
    assert host.one("take_lock", host.session, "me", "install", '{"run": "a"}')["taken"] == "yes"
    host.exchange([("release_lock", host.session, '{"run": "a"}')])
    assert not (host.state / "lock").exists()


@pytest.mark.parametrize(("held", "locked"), [(None, "no"), ("dead", "no"), ("alive", "yes")])
def test_a_host_reports_its_journal_and_whether_it_is_locked(host: LocalHost, held: str | None, locked: str) -> None:
    (host.state / "journal").write_text('{"run": "a"}\n')
    if held is not None:
        lock(host, session=dead_session() if held == "dead" else host.session)
    reply = host.exchange([("probe_journal", "journal")])
    fields = {key: value for record in reply.records for key, value in record.fields.items()}
    assert (fields["status"], fields["content"], fields["locked"]) == ("present", '{"run": "a"}\n', locked)


@pytest.mark.parametrize(("held", "locked"), [(None, "no"), ("dead", "no"), ("alive", "yes")])
def test_whether_a_run_has_the_lock_now(host: LocalHost, held: str | None, locked: str) -> None:
    if held is not None:
        lock(host, session=dead_session() if held == "dead" else host.session)
    assert host.one("probe_lock", "lock")["locked"] == locked


def test_a_host_without_a_journal_reports_it_absent(host: LocalHost) -> None:
    reply = host.exchange([("probe_journal", "journal")])
    assert [(record.kind, record["status"], record["locked"]) for record in reply.records] == [
        ("seen", "absent", ""),
        ("data", "", "no"),
    ]


# ------------------------------------------------------------------ steps of a run that is gone


@contextmanager
def step_under_way(host: LocalHost, seconds: float) -> Iterator[Path]:
    """A step that still runs after its run was killed; returns the file that marks its end."""
    started, ended = host.folder / "started", host.folder / "ended"
    sleep = f"{shutil.which('sleep')} {seconds}"
    host.before += f"\nslow() {{ : >{started}; {sleep}; : >{ended}; }}"
    script = host.script([("hold_lock", host.session), ("step", "0", "slow")])
    with subprocess.Popen(host.command(len(script)), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as shell:
        assert shell.stdin is not None
        shell.stdin.write(script)
        shell.stdin.close()
        until(started.exists)
        shell.kill()
    yield ended


def test_a_stale_lock_is_taken_after_the_last_step_has_ended(host: LocalHost) -> None:
    take(host)
    with step_under_way(host, 0.5) as ended:
        (host.state / "lock/holder").write_text(f"session={dead_session()}\nboot={BOOT}\nwho=gone\n")
        assert not ended.exists()
        assert take(host)["taken"] == "yes"
        assert ended.exists()
    assert holder(host)["who"] == "me"


def test_a_step_that_still_runs_keeps_the_lock_of_its_ended_run(host: LocalHost) -> None:
    take(host)
    host.before += "\nstep_seconds=1"
    with step_under_way(host, 3):
        (host.state / "lock/holder").write_text(f"session={dead_session()}\nboot={BOOT}\nwho=gone\n")
        answer = take(host)
        assert (answer["taken"], answer["gone"]) == ("no", "yes")
        host.exchange([("release_lock", host.session)])
        assert holder(host)["who"] == "gone"


def test_releasing_a_lock_waits_for_the_interrupted_step(host: LocalHost) -> None:
    take(host)
    with step_under_way(host, 0.5) as ended:
        assert not ended.exists()
        host.exchange([("release_lock", host.session)])
        assert ended.exists()
    assert not (host.state / "lock").exists()


def test_nothing_is_changed_under_a_lock_that_another_run_has(host: LocalHost) -> None:
    take(host)
    lock = host.state / "lock/holder"
    host.before += "\nsay_so() { say done; }"
    changed = host.exchange([("hold_lock", host.session), ("say_so",)])
    assert changed.of_kind("done")
    lock.write_text("session=1:1\n")
    refused = host.exchange([("hold_lock", host.session), ("say_so",)])
    assert refused.records == ()
    assert "another run" in refused.errors
    host.exchange([("release_lock", "1:1")])
    assert host.exchange([("hold_lock", host.session), ("say_so",)]).records == ()
