"""The host or the connection fails in the middle of an install; the next install continues to the same result."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.converged import Converged, converged
from support.machine import Machine, boot, until
from support.stopped_kprov import Far, Flip, Meddle, Run, Stop, run
from support.wire import through_wire

from kprov.errors import ExitCode
from kprov.lab.archives import default_directory

pytestmark = pytest.mark.lab

KILLED = -9
PART = 15_000_000  # bytes of Java's archive that are on the host when the connection is cut
HOME = "/usr/local/single_kafka"


def install(machine: Machine, *words: str, **options: object) -> Run:
    return run(machine, "install", "--no-smoke-test", *words, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A host whose disk and clock these tests may spoil."""
    with boot(102, tmp_path_factory.mktemp("faults")) as machine:
        yield machine


@pytest.fixture(scope="module")
def reference(machine: Machine) -> Converged:
    """The host after an undisturbed install, which is then uninstalled."""
    machine.ssh("mkdir -p /usr/local/own && echo theirs >/usr/local/own/file && echo '# theirs' >/etc/profile.d/own.sh")
    install(machine, check=0)
    state = converged(machine)
    run(machine, "uninstall", "--purge", "--yes", check=0)
    return state


@contextmanager
def small_disk(machine: Machine, folder: str, size: str) -> Iterator[None]:
    """A file system of its own for a folder, with what is in it; afterwards all is where it was."""
    kept = "/run/kept-" + folder.rpartition("/")[2]
    machine.ssh(
        f"mkdir -p {folder} {kept} && cp -a {folder}/. {kept}"
        f" && mount -t tmpfs -o size={size},mode=755 tmpfs {folder} && cp -a {kept}/. {folder}"
    )
    try:
        yield
    finally:
        machine.ssh(
            f"rm -rf {kept} && mkdir {kept} && cp -a {folder}/. {kept} && umount {folder}"
            f" && find {folder} -mindepth 1 -delete && cp -a {kept}/. {folder} && rm -rf {kept}"
        )


@contextmanager
def read_only(machine: Machine, folder: str) -> Iterator[None]:
    """A folder that nothing can be written to."""
    machine.ssh(f"mkdir -p {folder} && mount --bind {folder} {folder} && mount -o remount,ro,bind {folder}")
    try:
        yield
    finally:
        machine.ssh(f"umount {folder}")


def fill(folder: str) -> str:
    """Shell text that leaves no room in a folder."""
    return f"head -c 2G /dev/zero >{folder}/filler 2>/dev/null; :"


@pytest.mark.parametrize(("faults", "least"), [((), 0.8), ((Far(),), 0.2)], ids=["near", "far"])
def test_a_lost_connection_is_resumed(
    faults: tuple[Far, ...], least: float, machine: Machine, reference: Converged, tmp_path: Path
) -> None:
    """In the middle of Java's archive: 4, and what has arrived is not sent again. Nothing waits for it on the host.

    least: how much of what was sent has arrived; of several channels, more is on its way.
    """
    machine.ssh("rm -rf /var/lib/kprov/uploads")
    config, sent = through_wire(machine, tmp_path, PART)
    cut = install(machine, *config, faults=faults, check=ExitCode.CONNECT)
    until(lambda: machine.ssh("pgrep -x -u root cat; ls /var/lib/kprov/uploads | grep lane", check=False) == "")
    assert "the connection was lost" in cut.err
    assert "run the same command again to continue" in cut.err
    (part,) = machine.ssh("stat -c '%s %n' /var/lib/kprov/uploads/*.part").splitlines()
    arrived = int(part.split()[0])
    assert PART * least < arrived <= int(sent.read_text())
    config, sent = through_wire(machine, tmp_path)
    # The archives come before the first change: there it is ended.
    install(machine, *config, faults=[*faults, Stop(("unpack_release",), "before")], check=KILLED)
    sizes = sum(path.stat().st_size for path in whole(machine))
    assert sizes - arrived < int(sent.read_text()) < sizes - arrived + 2_500_000


def whole(machine: Machine) -> list[Path]:
    """The archives that are on the host, here."""
    names = machine.ssh("ls /var/lib/kprov/uploads | grep -v unpacked").split()
    assert len(names) == 3
    return [default_directory() / name.split("-", 1)[1] for name in names]


def test_an_archive_that_arrives_changed_is_not_used(machine: Machine, reference: Converged) -> None:
    """Bytes change on their way, or in the part that lies on the host: the sum tells, and it is sent anew."""
    machine.ssh("rm /var/lib/kprov/uploads/*kafka*")
    flipped = install(machine, faults=[Flip("kafka")], check=ExitCode.STEP)
    assert "kafka_2.12-1.0.0.tgz did not arrive whole" in flipped.err
    assert "its SHA-256 there is" in flipped.err
    assert "run the same command again" in flipped.err
    assert "kafka" not in machine.ssh("ls /var/lib/kprov/uploads /usr/local")
    install(machine, faults=[Stop(("receive_upload",), "during")], check=KILLED)
    machine.ssh("cd /var/lib/kprov/uploads && printf x | dd of=$(ls *.part) bs=1 seek=5000 conv=notrunc 2>/dev/null")
    again = install(machine, faults=[Stop(("unpack_release",), "before")], check=KILLED)
    pushes = [call for calls in again.exchanges for call in calls if call[0] == "receive_upload"]
    assert len(pushes) == 2
    assert len(whole(machine)) == 3


def test_a_full_disk_while_the_receipt_is_written(machine: Machine, reference: Converged) -> None:
    """The receipt that was there stays whole, and nothing is changed before the new one is written."""
    before = machine.ssh("cat /var/lib/kprov/receipt.json; ls -d /usr/local/*")
    with small_disk(machine, "/var/lib/kprov", "150m"):
        full = install(machine, faults=[Meddle(("write_receipt",), fill("/var/lib/kprov"))], check=ExitCode.STEP)
        machine.ssh("rm -f /var/lib/kprov/filler")
    assert "the receipt could not be written" in full.err
    assert "No space left on device" in full.err
    assert "-> the disk is full, its inodes are used up, or a quota is exceeded" in full.err
    assert machine.ssh("cat /var/lib/kprov/receipt.json; ls -d /usr/local/*") == before


def test_a_full_disk_while_an_archive_is_unpacked(machine: Machine, reference: Converged) -> None:
    """A half-unpacked release is never in its place, whether there was no room on its arrival or at its step."""
    with small_disk(machine, "/usr/local", "600m"):
        machine.ssh("rm -rf /var/lib/kprov/uploads /usr/local/*.kprov-new /usr/local/*/*.kprov-new")
        full = install(machine, faults=[Meddle(("receive_upload",), fill("/usr/local"), 2)], check=ExitCode.STEP)
        machine.ssh("rm -f /usr/local/filler")
    assert "create release /usr/local/kafka_2.12-1.0.0 failed" in full.err
    assert "No space left on device" in full.err
    assert "free some space (check df -h, df -i); then run the same command again" in full.err
    assert machine.ssh("ls -d /usr/local/kafka_2.12-1.0.0", check=False) == ""


@pytest.mark.parametrize(
    ("folder", "what"),
    [
        ("/usr/local", "create release /usr/local/kafka_2.12-1.0.0 failed"),
        ("/var/lib/kprov", "lock could not be taken"),
    ],
)
def test_a_read_only_target(machine: Machine, reference: Converged, folder: str, what: str) -> None:
    """It is reported before any change; with --ignore, the step says what cannot be written, and why."""
    with read_only(machine, folder):
        told = install(machine, check=ExitCode.PREFLIGHT)
        refused = install(machine, "--ignore", "file-system", check=ExitCode.STEP)
    assert f"{folder} (for " in told.err
    assert "is mounted read-only" in told.err
    assert what in refused.err
    assert "Read-only file system" in refused.err
    assert "-> the file system is mounted read-only" in refused.err


def test_a_step_that_continues_after_its_run_was_killed(machine: Machine, reference: Converged) -> None:
    """The next run waits for it before it looks at the host, and continues from what that step has done."""
    slow = Meddle(("unpack_release",), 'chown() { sleep 2; command chown "$@"; }')
    install(machine, faults=[slow, Stop(("unpack_release",), "alone")], check=KILLED)
    install(machine, faults=[Stop(("put_links",), "before")], check=KILLED)
    assert machine.ssh("ls -d /usr/local/kafka*") == "/usr/local/kafka_2.12-1.0.0\n"


def test_a_lock_that_nobody_holds(machine: Machine, reference: Converged) -> None:
    """The lock of a process that has ended, and one without an owner, of a killed run: the next run takes both."""
    machine.ssh(
        "mkdir -p /var/lib/kprov/lock && printf 'session=999999:1\\nboot=%s\\nwho=x\\nsince=1\\n'"
        " $(cat /proc/sys/kernel/random/boot_id) >/var/lib/kprov/lock/holder"
    )
    install(machine, faults=[Stop(("make_directory",), "before")], check=KILLED)
    machine.ssh("rm /var/lib/kprov/lock/holder; touch -d tomorrow /var/lib/kprov/lock")
    install(machine, faults=[Stop(("make_directory",), "before")], check=KILLED)


def test_lock_files_of_the_tools_that_change_users(machine: Machine, reference: Converged) -> None:
    """One that names a process that is gone stops nothing; one that names none does, and is told."""
    machine.ssh(": >/etc/group.lock")
    refused = install(machine, check=ExitCode.STEP)
    assert "create user zookeeper failed" in refused.err
    assert (
        "-> a tool that changes users was killed and left its lock file: remove that lock file; then run" in refused.err
    )
    machine.ssh("printf 999999 >/etc/group.lock; printf 999999 >/etc/passwd.lock")
    install(machine, faults=[Stop(("add_user",), "after")], check=KILLED)


def test_a_reboot_between_two_steps(machine: Machine, reference: Converged) -> None:
    """The connection is lost: 4, and the next run finds no lock that holds it up."""
    before = machine.ssh("cat /proc/sys/kernel/random/boot_id; stat -c %Y /proc/1")
    reboot = Meddle(("make_directory", "/usr/local/zookeeper/conf"), "systemctl reboot; sleep 60")
    lost = install(machine, faults=[reboot], check=ExitCode.CONNECT)
    assert "the connection was lost" in lost.err
    until(
        lambda: machine.ssh("cat /proc/sys/kernel/random/boot_id; stat -c %Y /proc/1", check=False) not in {"", before}
    )
    install(machine, faults=[Stop(("put_file",), "before")], check=KILLED)


def test_the_clock_set_back_a_day(machine: Machine, reference: Converged) -> None:
    """All that tells a time is of tomorrow: the receipt, the lock, files, uploads."""
    machine.ssh(
        "find /var/lib/kprov /usr/local /etc/systemd/system /etc/profile.d -exec touch -h -d tomorrow {} +;"
        'sed -i \'s/"written": "20../"written": "2099/\' /var/lib/kprov/receipt.json;'
        "touch -d tomorrow /var/lib/kprov/lock /var/lib/kprov/lock/holder /var/lib/kprov/receipt.json"
    )
    install(machine, faults=[Stop(("put_file",), "after")], check=KILLED)
    machine.ssh(
        'printf \'#!/bin/sh\\nexec /usr/bin/date -d "$(/usr/bin/date -d yesterday)" "$@"\\n\' >/usr/sbin/date;'
        "chmod 755 /usr/sbin/date"
    )
    try:
        assert machine.ssh("/usr/sbin/date +%s").strip() < machine.ssh("date -d '23 hours ago' +%s").strip()
        install(machine, faults=[Stop(("put_file",), "after")], check=KILLED)
    finally:
        machine.ssh("rm /usr/sbin/date")


def test_the_next_install_comes_to_the_same_host(machine: Machine, reference: Converged) -> None:
    """After all this, and with a /tmp from which nothing can be run."""
    machine.ssh("mount -t tmpfs -o noexec,mode=1777 tmpfs /tmp")
    proven = run(machine, "install", check=0)
    assert "smoke test passed" in proven.out
    machine.ssh("umount -l /tmp")
    state = converged(machine)
    assert state.receipt.pop("state") == "done"
    assert reference.receipt.pop("state") == "unproven"
    assert state.differences(reference) == []
    assert install(machine, check=0).steps() == []
