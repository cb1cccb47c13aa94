"""Ways to become root, and hosts that make it difficult: variants of one lab host, with real sshd and sudo."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.access import PASSWORD, USER, Door, open_door

from kprov.errors import ConnectError, ExitCode
from kprov.events import ignore
from kprov.host.answers import Record
from kprov.host.connection import Connection
from kprov.host.facts import probe, probe_host
from kprov.kinds.base import ABSENT, Upload
from kprov.lab.archives import default_directory
from kprov.node.lock import host_lock
from kprov.node.uploads import push
from kprov.secret import Passwords, Secret

pytestmark = pytest.mark.lab

FREE = f"{USER} ALL=(ALL) NOPASSWD: ALL"
ASKS = f"{USER} ALL=(ALL) ALL"
EVERY_BYTE = bytes(range(256)) * 1200  # more than one chunk, and more than a terminal's buffer


@pytest.fixture(scope="module")
def only_door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    yield from open_door("kacc", 167, tmp_path_factory.mktemp("kacc"), tmp_path_factory.mktemp("desk"))


@pytest.fixture(scope="module", params=["dash", "bash"])
def door(only_door: Door, request: pytest.FixtureRequest) -> Iterator[Door]:
    """The host with Debian's /bin/sh, then with EL7's, which is bash."""
    with only_door.sh(request.param):
        yield only_door


def test_the_host_s_sh_is_the_one_that_is_meant(door: Door, request: pytest.FixtureRequest) -> None:
    wanted = request.node.callspec.params["door"]
    assert door.run("readlink -f /bin/sh").strip().endswith(f"/{wanted}")


def exercise(connection: Connection) -> None:
    """Do what every command does: probe, run a step as root, and upload arbitrary bytes; check the answers."""
    found = probe_host(connection, [("probe_receipt", "receipt")])
    assert found.facts.missing == ()
    assert found.seen["receipt"]["status"] == "absent"
    reply = connection.exchange([("step", "1", "id", "-u"), ("step", "2", "tty")])
    assert reply.records[1]["output"] == "0", reply
    assert reply.records[3]["output"] == "not a tty", "a step reads nothing from a terminal"
    name = hashlib.sha256(EVERY_BYTE).hexdigest()
    call = ("receive_upload", name, name, str(len(EVERY_BYTE)))
    reply = connection.exchange([call], [EVERY_BYTE[:100_000], EVERY_BYTE[100_000:]])
    assert reply.records[0].fields == {"ok": "yes"}, reply
    assert reply.status == 0
    assert "kprov" not in reply.errors, "neither the prompt nor a mark is taken for an error of the script"
    reply = connection.exchange([("probe_path", "file", f"/var/lib/kprov/uploads/{name}"), ("drop_state",)])
    assert (reply.records[0]["mode"], reply.records[0]["owner"]) == ("644", "root")
    reply = connection.exchange([("fail", "said on standard error")])
    # Before it there may be what a login shell complains about.
    assert reply.errors.rstrip().endswith("said on standard error")


Change = Callable[[Door], AbstractContextManager[None]]


@dataclass(frozen=True)
class Variant:
    """What is different about the host; password: whether sudo asks for it; user: who logs in."""

    sudoers: str = FREE
    password: bool = False
    changes: tuple[Change, ...] = ()
    user: str = USER

    @contextmanager
    def made(self, door: Door) -> Iterator[None]:
        with ExitStack() as stack:
            stack.enter_context(door.sudoers(self.sudoers))
            for change in self.changes:
                stack.enter_context(change(door))
            yield


def shell(user: str, path: str) -> Change:
    return lambda door: door.shell(user, path)


def home(**files: str) -> Change:
    return lambda door: door.home({f".{name}": text for name, text in files.items()})


def sshd(text: str) -> Change:
    return lambda door: door.sshd(text)


def done(before: str, after: str) -> Change:
    return lambda door: door.done(before, after)


def without_sftp(door: Door) -> AbstractContextManager[None]:
    text = (door.host.root / "etc/ssh/sshd_config").read_text()
    assert "\nSubsystem" in text
    stack = ExitStack()
    stack.enter_context(door.file("etc/ssh/sshd_config", text.replace("\nSubsystem", "\n#Subsystem")))
    stack.enter_context(door.sshd("# without sftp"))
    return stack  # type: ignore[return-value]


def defaults(*options: str) -> str:
    return f"Defaults:{USER} {', '.join(options)}\n"


BANNER = "echo 'Authorised users only'; printf 'no end of line'; echo 'and on standard error' >&2"
VARIANTS = {
    "root": Variant(user="root"),
    "sudo without a password": Variant(),
    "sudo with a password": Variant(ASKS, password=True),
    "requiretty": Variant(defaults("requiretty") + FREE),
    "requiretty with a password": Variant(defaults("requiretty") + ASKS, password=True),
    "use_pty": Variant(defaults("use_pty") + FREE),
    "use_pty with a password": Variant(defaults("use_pty") + ASKS, password=True),
    "requiretty and use_pty with a password": Variant(defaults("requiretty", "use_pty") + ASKS, password=True),
    "secure_path without /usr/local": Variant(defaults('secure_path="/usr/bin:/bin"') + ASKS, password=True),
    "a lecture always": Variant(defaults("lecture=always") + ASKS, password=True),
    "a lecture always and requiretty": Variant(defaults("lecture=always", "requiretty") + ASKS, password=True),
    "sudo that speaks otherwise": Variant(
        defaults('passprompt="Passwort für %p: "', "passprompt_override", 'badpass_message="Falsch, noch einmal"')
        + ASKS,
        password=True,
        changes=(sshd("SetEnv LANG=de_DE.UTF-8 LC_ALL=de_DE.UTF-8 LANGUAGE=de"),),
    ),
    "insults for a wrong password": Variant(defaults("insults", "pwfeedback") + ASKS, password=True),
    "the login shell is tcsh": Variant(ASKS, password=True, changes=(shell(USER, "/bin/tcsh"),)),
    "the login shell is tcsh, with requiretty": Variant(
        defaults("requiretty") + ASKS, password=True, changes=(shell(USER, "/bin/tcsh"),)
    ),
    "the login shell is fish": Variant(ASKS, password=True, changes=(shell(USER, "/usr/bin/fish"),)),
    "the login shell is fish, with requiretty": Variant(
        defaults("requiretty") + ASKS, password=True, changes=(shell(USER, "/usr/bin/fish"),)
    ),
    "root's shell is fish": Variant(user="root", changes=(shell("root", "/usr/bin/fish"),)),
    "root's shell is nologin": Variant(changes=(shell("root", "/usr/sbin/nologin"),)),
    "start-up files that print": Variant(
        ASKS, password=True, changes=(home(bashrc=BANNER, bash_profile=BANNER, profile=BANNER),)
    ),
    "start-up files of tcsh that print": Variant(
        changes=(shell(USER, "/bin/tcsh"), home(cshrc="echo hello\nprintf 'no end of line'\n"))
    ),
    "start-up files of fish that print": Variant(
        changes=(shell(USER, "/usr/bin/fish"), home(**{"config/fish/config.fish": "echo hello\n"}))
    ),
    "umask 077": Variant(defaults("umask=0077", "umask_override") + FREE, changes=(home(bashrc="umask 077\n"),)),
    "no LANG": Variant(changes=(home(bashrc="unset LANG LC_ALL\n"),)),
    "a Chinese LANG": Variant(changes=(sshd("SetEnv LANG=zh_CN.UTF-8 LC_ALL=zh_CN.GB18030 LANGUAGE=zh_CN"),)),
    "MaxSessions 1": Variant(changes=(sshd("MaxSessions 1"),)),
    "no sftp": Variant(changes=(without_sftp,)),
    "no sshd environment, no terminal": Variant(changes=(sshd("PermitTTY no\nAcceptEnv NOTHING"),)),
    "/tmp noexec": Variant(changes=(done("mount -t tmpfs -o noexec none /tmp", "umount /tmp"),)),
    "/tmp full": Variant(
        changes=(
            done("mount -t tmpfs -o size=8k none /tmp; cat /dev/zero >/tmp/full 2>/dev/null; true", "umount /tmp"),
        )
    ),
    "hidepid": Variant(
        changes=(
            done(
                f"mount -o remount,hidepid=2 /proc && runuser -u {USER} -- sh -c '! test -e /proc/1'",
                "mount -o remount,hidepid=0 /proc",
            ),
        )
    ),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_a_host_that_is_reached(door: Door, name: str) -> None:
    variant = VARIANTS[name]
    answers = [PASSWORD] if variant.password else []
    with variant.made(door), door.connect(f"{variant.user}@{door.address}", answers=answers) as connection:
        exercise(connection)


@pytest.mark.parametrize(
    ("variant", "channels"),
    [
        (Variant(user="root"), 4),
        (Variant(ASKS, password=True), 4),
        (Variant(defaults("requiretty") + ASKS, password=True), 4),
        (Variant(changes=(sshd("MaxSessions 2"),)), 2),
        (VARIANTS["MaxSessions 1"], 1),
    ],
    ids=["root", "password", "requiretty", "MaxSessions 2", "MaxSessions 1"],
)
def test_an_archive_for_a_host_at_a_distance(door: Door, variant: Variant, channels: int, tmp_path: Path) -> None:
    """It travels on several channels, or on as many as sshd opens."""
    path = tmp_path / "far.tgz"
    path.write_bytes(os.urandom(1_000_003) * 9)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    upload = Upload(path.name, digest, path.stat().st_size, path, "", "")
    answers = [PASSWORD] if variant.password else []
    with variant.made(door), door.connect(f"{variant.user}@{door.address}", answers=answers) as connection:
        with host_lock(connection, "test"):
            connection.distance = 1.0
            before = connection.traffic.exchanges
            push(connection, upload, ABSENT, ignore)
            assert connection.traffic.exchanges == before + channels
            assert probe(connection, [upload.query()])[upload.stored]["whole"] == "yes"
        connection.exchange([("drop_state",)])


@pytest.mark.parametrize("options", [(), ("requiretty",)])
def test_after_following_the_connection_is_still_usable(door: Door, options: tuple[str, ...]) -> None:
    class EnoughError(Exception):
        pass

    def leave(record: Record) -> None:
        raise EnoughError(record.kind)

    sudoers = (defaults(*options) if options else "") + ASKS
    with door.sudoers(sudoers), door.connect(answers=[PASSWORD]) as connection:
        with pytest.raises(EnoughError, match="begun"):
            connection.follow([("say", "begun"), ("cat",)], leave)
        exercise(connection)


def test_the_password_is_in_no_log_of_the_host(door: Door) -> None:
    with door.sudoers(ASKS), door.connect(answers=[PASSWORD]) as connection:
        probe_host(connection, [])
    logged = door.run("journalctl", "--no-pager", "_COMM=sudo", "-o", "cat")
    assert "COMMAND=/bin/sh -c" in logged
    assert "quoted" not in door.run("journalctl", "--no-pager", "-o", "json"), "a word of the password"


@pytest.mark.parametrize("options", [(), ("requiretty",), ("use_pty",), ("lecture=always", "insults")])
def test_a_wrong_password_is_asked_for_again(door: Door, options: tuple[str, ...]) -> None:
    sudoers = (defaults(*options) if options else "") + ASKS
    with door.sudoers(sudoers), door.connect(answers=["wrong", PASSWORD]) as connection:
        assert probe_host(connection, []).facts.missing == ()


def test_the_third_wrong_password_for_sudo_is_the_last(door: Door) -> None:
    with (
        door.sudoers(ASKS),
        pytest.raises(ConnectError, match="sudo rejected 3 passwords") as caught,
        door.connect(answers=["one", "two", "three", PASSWORD]),
    ):
        pass
    assert "--sudo-password-file" in caught.value.problems[0].hint


@pytest.mark.parametrize(
    ("sudoers", "given", "what", "cause"),
    [
        (ASKS, "", "sudo asks for a password", "a password is required"),
        (ASKS, "wrong", "sudo rejected the password that was given", "Sorry, try again"),
        (defaults("passwd_tries=1") + ASKS, "wrong", "sudo rejected the password", "1 incorrect password attempt"),
        (defaults("requiretty") + ASKS, "", "sudo asks for a password", ""),
        ("", PASSWORD, "sudo does not allow it to become root", f"{USER} is not in the sudoers file"),
        (f"{USER} ALL=(ALL) /bin/true", PASSWORD, "sudo does not allow it to become root", "is not allowed to execute"),
    ],
)
def test_sudo_that_does_not_allow_the_user_is_quoted(
    door: Door, sudoers: str, given: str, what: str, cause: str
) -> None:
    passwords = Passwords(None, None, Secret(given) if given else None)
    with (
        door.sudoers(sudoers),
        pytest.raises(ConnectError, match=what) as caught,
        door.connect(passwords=passwords),
    ):
        pass
    problem = caught.value.problems[0]
    assert problem.what.startswith(f"{USER} is not root and ")
    assert cause in problem.cause
    assert problem.hint
    assert PASSWORD not in str(problem)


def test_sudo_that_requires_a_terminal_that_sshd_denies(door: Door) -> None:
    with (
        door.sudoers(defaults("requiretty") + FREE),
        door.sshd("PermitTTY no"),
        pytest.raises(ConnectError, match="sudo does not allow it to become root") as caught,
        door.connect(),
    ):
        pass
    assert "PermitTTY" in caught.value.problems[0].cause


def test_a_login_shell_that_runs_nothing(door: Door) -> None:
    with (
        door.shell(USER, "/usr/sbin/nologin"),
        pytest.raises(ConnectError, match="login shell did not run kprov's command"),
        door.connect(),
    ):
        pass


@pytest.mark.parametrize("shell", ["bash", pytest.param("dash", marks=pytest.mark.soak)])
def test_an_installation_through_sudo_with_a_password_and_a_terminal(only_door: Door, shell: str) -> None:
    """A complete install: archives are uploaded, files staged, steps run, and the receipt written and read again."""
    door = only_door
    secret = door.desk / "sudo-password"
    secret.write_text(f"{PASSWORD}\n")
    secret.chmod(0o600)
    words = ("--java", "temurin-11", "--archives", str(default_directory()), "--yes", "--no-smoke-test")
    access = ("--sudo-password-file", str(secret))
    with door.sh(shell), door.sudoers(defaults("requiretty", "use_pty") + ASKS):
        installed = door.kprov("install", *words, *access)
        assert installed.code == ExitCode.DONE, installed.err
        assert f"--sudo-password-file {secret}" in installed.err + installed.out, "the command to type next"
        again = door.kprov("install", *words, "--sudo-password-file", "-", stdin=f"{PASSWORD}\n")
        assert again.code == ExitCode.DONE, again.err
        gone = door.kprov("uninstall", "--purge", "--yes", *access)
        assert gone.code == ExitCode.DONE, gone.err
    for run in (installed, again, gone):
        assert "quoted" not in run.out + run.err
