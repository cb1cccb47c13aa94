"""Make, boot and remove one host: a systemd-nspawn container whose root is an overlay."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import uuid
from contextlib import suppress
from pathlib import Path

from kprov.errors import NotReadyError, StepError
from kprov.lab import access, cgroups, mounts, network, processes
from kprov.lab.layout import Layout, Slot, lab_command
from kprov.lab.run import environment, last_lines

_RECORD = "host.json"
_NSPAWN_STATE = Path("/run/systemd/nspawn")
# The host may write the sysctls of its network namespace; all others belong to the machine.
_NSPAWN_ENVIRONMENT = {"SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network"}
_BOOT_SECONDS = 60.0
_REBOOT_SECONDS = 30.0
_NSPAWN_EXIT_SECONDS = 2.0
_LOOKS = 5

# The keeper. With --keep-unit, systemd-nspawn does not reboot a container itself: it exits with 133 so that a
# service manager starts it again. There is none here, so the keeper does. It first joins the given control groups,
# so everything that it starts is in them.
_KEEPER = """
groups=$1; shift
for group in $groups; do echo $$ >"$group/cgroup.procs"; done
while "$@"; [ $? -eq 133 ]; do :; done
"""


def exists(slot: Slot) -> bool:
    """Whether the host was made completely, so that it only has to be booted."""
    return (slot.directory / _RECORD).is_file()


def layers(slot: Slot) -> tuple[Path, ...]:
    """The layers of the image that the host was made from."""
    return tuple(Path(layer) for layer in json.loads((slot.directory / _RECORD).read_text())["layers"])


def leader(slot: Slot) -> int | None:
    """The PID, on the operator's machine, of the host's PID 1; None if the host is not running."""
    return processes.find(processes.leads(slot))


def is_up(slot: Slot) -> bool:
    """Whether the host runs, with its network and its keeper.

    Waits for a host that is rebooting.
    """
    deadline = time.monotonic() + _REBOOT_SECONDS
    while processes.find(processes.keeps(slot)) is not None and slot.veth in network.links():
        if leader(slot) is not None:
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return False


def create(layout: Layout, slot: Slot, image: tuple[Path, ...]) -> None:
    """Make a new host from ``image`` without booting it. A host in its place is removed."""
    remove(slot)
    slot.directory.mkdir(parents=True)
    access.make_host_key(slot)
    _mount(slot, image)
    (slot.root / "etc/hostname").write_text(f"{slot.name}\n")
    (slot.root / "etc/machine-id").write_text(f"{uuid.uuid4().hex}\n")
    access.put_into(layout, slot, slot.root)
    mounts.unmount_below(slot.root)
    # Written last: a host without it is incomplete and will be made again.
    (slot.directory / _RECORD).write_text(json.dumps({"version": 1, "layers": [str(layer) for layer in image]}))


def boot(layout: Layout, slot: Slot, hosts_file: str) -> None:
    """Boot an existing host with its disk. Whatever runs in its place is stopped.

    hosts_file: the text of its /etc/hosts.

    Raises StepError if the host cannot be started. Call :func:`await_ssh` next.
    """
    stop(slot)
    _mount(slot, layers(slot))
    write_hosts_file(slot, hosts_file)
    network.connect(layout, slot)
    groups = cgroups.make(slot)
    with slot.console.open("wb") as console:
        # setsid --fork: the host must not end with our terminal, nor be our child.
        subprocess.run(
            ["setsid", "--fork", "sh", "-c", _KEEPER, "kprov-lab-keeper", " ".join(map(str, groups)), *_nspawn(slot)],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            env=environment(_NSPAWN_ENVIRONMENT),
            cwd="/",
            check=True,
        )


def write_hosts_file(slot: Slot, text: str) -> None:
    """Replace the host's /etc/hosts, running or not; its root is mounted."""
    etc = slot.root / "etc"
    # Root on the host may have replaced it with a link that leads outside the host's files.
    if etc.is_symlink():
        raise StepError(
            f"{etc} is a symbolic link",
            where=slot.name,
            hint="remove the lab and boot it again: kprov lab down; kprov lab up",
        )
    path, unfinished = etc / "hosts", etc / ".hosts.kprov-lab"
    if not path.is_symlink() and path.is_file() and path.read_text() == text:
        return
    unfinished.unlink(missing_ok=True)
    with unfinished.open("x") as file:
        file.write(text)
    unfinished.chmod(0o644)
    unfinished.replace(path)


def await_ssh(layout: Layout, slot: Slot) -> None:
    """Wait until the host's sshd answers.

    Raises NotReadyError with the last lines of the console if it does not answer, or if the host stops.
    """
    deadline = time.monotonic() + _BOOT_SECONDS
    while not _ssh_answers(slot):
        if not _is_supervised(slot):
            raise _not_ready(layout, slot, "stopped while it was booting")
        if time.monotonic() > deadline:
            raise _not_ready(layout, slot, f"did not answer on port 22 within {_BOOT_SECONDS:.0f} s")
        time.sleep(0.02)


def _is_supervised(slot: Slot) -> bool:
    """Whether the keeper or systemd-nspawn runs. Looks several times: during an exec a process has no command line."""
    for _ in range(_LOOKS):
        if processes.find(processes.supervises(slot)) is not None:
            return True
        time.sleep(0.1)
    return False


def await_firewall(layout: Layout, slot: Slot) -> None:
    """Wait until firewalld has loaded its rules. Raises NotReadyError as :func:`await_ssh` does."""
    deadline = time.monotonic() + _BOOT_SECONDS
    ask = access.command(layout, f"root@{slot.name}", "firewall-cmd", "--state")
    while (
        subprocess.run(
            ask, stdin=subprocess.DEVNULL, capture_output=True, env=environment(), timeout=_BOOT_SECONDS, check=False
        ).returncode
        != 0
    ):
        if time.monotonic() > deadline:
            raise _not_ready(layout, slot, "did not start firewalld")
        time.sleep(0.1)


def stop(slot: Slot) -> None:
    """End all processes of the host and undo what booting it set up; keep its disk. Safe to repeat."""
    processes.kill(processes.keeps(slot))  # first, as it would boot the host again
    processes.kill(processes.leads(slot))
    # Without its container, systemd-nspawn ends by itself and cleans up better than we could.
    processes.wait_until_gone(processes.supervises(slot), _NSPAWN_EXIT_SECONDS)
    processes.kill(processes.belongs_to(slot))
    _tidy_after_nspawn(slot)
    mounts.unmount_below(slot.directory)
    network.disconnect(slot)
    cgroups.remove(slot)


def remove(slot: Slot) -> None:
    """Stop the host and remove its disk. Safe to repeat."""
    stop(slot)
    if slot.directory.exists():
        shutil.rmtree(slot.directory)


def _mount(slot: Slot, image: tuple[Path, ...]) -> None:
    mounts.mount_overlay(image, upper=slot.upper, work=slot.work, point=slot.root)


def _nspawn(slot: Slot) -> list[str]:
    scope = [] if cgroups.machine_runs_systemd() else ["--keep-unit"]
    return [
        "systemd-nspawn",
        "--quiet",
        f"{processes.DIRECTORY}{slot.root}",
        f"--machine={slot.machine}",
        f"--hostname={slot.name}",
        "--register=no",
        *scope,
        f"--network-namespace-path=/run/netns/{slot.namespace}",
        "--capability=CAP_NET_ADMIN",  # for a firewall on the host; limited to its namespace
        "--link-journal=no",
        "--resolv-conf=off",
        "--timezone=off",
        "--boot",
    ]


def _tidy_after_nspawn(slot: Slot) -> None:
    """Remove what a killed systemd-nspawn leaves in /run, and the lock beside the host's root."""
    with suppress(FileNotFoundError):
        root = slot.root.stat()
        (_NSPAWN_STATE / "locks" / f"inode-{root.st_dev}:{root.st_ino}").unlink(missing_ok=True)
    for kind in ("propagate", "unix-export"):
        left = _NSPAWN_STATE / kind / slot.machine
        mounts.unmount_below(left)
        if left.is_dir():
            shutil.rmtree(left)
    (slot.directory / f".#{slot.root.name}.lck").unlink(missing_ok=True)


def _ssh_answers(slot: Slot) -> bool:
    try:
        with socket.create_connection((str(slot.address), 22), timeout=2.0) as connection:
            answers = connection.recv(64).startswith(b"SSH-")
            # Close the connection properly, or sshd would log an error.
            connection.sendall(b"SSH-2.0-kprov_lab\r\n")
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass
            return answers
    except OSError:
        return False


def _not_ready(layout: Layout, slot: Slot, how: str) -> NotReadyError:
    log = slot.console.read_text(errors="replace") if slot.console.exists() else ""
    return NotReadyError(
        f"the host {how}",
        where=f"{slot.name} ({slot.address})",
        cause=last_lines(log),
        hint=f"its console output is in {slot.console}; remove the lab: {lab_command(layout.name, 'down')}",
    )
