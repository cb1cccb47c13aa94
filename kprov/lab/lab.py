"""A lab: throwaway hosts with systemd and sshd on one Linux machine, each with its own address."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from platformdirs import user_cache_path

from kprov.errors import UsageError
from kprov.events import Emit, Message, Warned, ignore
from kprov.lab import access, cgroups, container, mounts, network, processes, requirements
from kprov.lab.image import BASE, FIREWALLD, Images
from kprov.lab.layout import DEFAULT_NAME, DEFAULT_SUBNET, STATE_PARENT, Layout, Slot, check_name, lab_command
from kprov.lab.lock import locked
from kprov.lab.steps import Steps

_RECORD = "lab.json"


@dataclass(frozen=True)
class LabHost:
    """A host of a lab.

    root: its file system on the operator's machine, for `chroot` or to put files there; readable by root only.
    namespace: its network namespace, for `ip netns exec`.
    leader: the PID of its PID 1 on the operator's machine; None if it is not running. It changes with a reboot.
    """

    name: str
    address: IPv4Address
    root: Path
    namespace: str
    leader: int | None


@dataclass(frozen=True)
class LabStatus:
    """The state of a lab; one that is not up has no hosts."""

    name: str
    subnet: IPv4Network
    firewalld: bool
    state_dir: Path
    ssh_config: Path
    hosts: tuple[LabHost, ...]


@dataclass(frozen=True)
class _Record:
    """The settings of a lab that is up."""

    subnet: IPv4Network
    firewalld: bool


class Lab:
    """The lab called ``name``. Labs with other names and subnets can be up at the same time.

    subnet: an IPv4 network of 256 addresses or more; the operator is .1, the hosts are .141, .142 ...
        Default: that of the lab if it is up, and 192.168.78.0/24 otherwise.
    state_dir: holds the hosts' disks, the key and ssh_config; by default /var/lib/kprov-lab/NAME. It is removed with
        the lab.
    cache_dir: holds the images, which are kept; by default below the user's cache directory.
    mirror: the URL of a Debian archive for the image; by default the one that the machine's apt uses.

    Raises UsageError for an invalid name, subnet or directory.
    """

    def __init__(
        self,
        name: str = DEFAULT_NAME,
        *,
        subnet: IPv4Network | None = None,
        state_dir: Path | None = None,
        cache_dir: Path | None = None,
        mirror: str | None = None,
    ) -> None:
        check_name(name)
        state_dir = (state_dir or STATE_PARENT / name).absolute()
        self._record = _read_record(state_dir)
        if subnet and self._record and subnet != self._record.subnet:
            raise UsageError(
                f"the lab {name!r} is up with the subnet {self._record.subnet}, not {subnet}",
                where="--subnet",
                hint=f"remove it: {lab_command(name, 'down')}; or make another lab with --name",
            )
        known = self._record.subnet if self._record else DEFAULT_SUBNET
        self._layout = Layout(name, subnet or known, state_dir)
        self._images = Images(cache_dir or user_cache_path("kprov") / "lab", mirror)

    @property
    def ssh_config(self) -> Path:
        """The file for `ssh -F` while the lab is up."""
        return access.ssh_config(self._layout)

    def up(
        self, count: int | None = None, *, firewalld: bool | None = None, emit: Emit = ignore
    ) -> tuple[LabHost, ...]:
        """Make sure that at least ``count`` hosts run and accept logins, and return all hosts.

        Running hosts are not changed. A stopped one is booted again with its disk, as after a power failure.
        None for ``count`` means the present number of hosts, or one.

        firewalld: whether hosts run a firewalld that lets only ssh in (which also brings Python). It is the same
            for all hosts of a lab. None keeps the present setting; a new lab has none.

        Raises PreflightError if the machine lacks something or the subnet is in use, UsageError if the lab is up
        with other settings, StepError or NotReadyError if a host cannot be booted.
        """
        slots = self._layout.slots(count or 1)
        requirements.check()
        network.check(self._layout)
        with self._locked(emit):
            record = self._settle(firewalld)
            # Existing hosts beyond count are kept.
            slots = tuple(dict.fromkeys((*slots, *self._made())))
            self._bring_up(slots, record, emit)
            return self.hosts()

    def down(self, *, emit: Emit = ignore) -> None:
        """Remove the lab in whatever state it is: processes, mounts, namespaces, links and files.

        Does nothing if there is nothing to remove. The cached images are kept.

        Raises PreflightError without root, StepError if something cannot be removed.
        """
        requirements.check(("ip", "umount"))
        network.check_owner(self._layout)
        slots = self._traces()
        if not slots and not self._layout.state_dir.exists() and self._layout.bridge not in network.links():
            emit(Message(f"the lab {self._layout.name!r} is not up"))
            return
        with self._locked(emit):
            for slot in self._traces():
                container.remove(slot)
                emit(Message(f"removed {slot.name}"))
            network.remove_bridge(self._layout)
            self._remove_state()
        self._record = None
        emit(Message(f"the lab {self._layout.name!r} is down"))

    def hosts(self) -> tuple[LabHost, ...]:
        """The hosts of the lab, running or not, in order of their numbers."""
        return tuple(
            LabHost(slot.name, slot.address, slot.root, slot.namespace, container.leader(slot)) for slot in self._made()
        )

    def status(self) -> LabStatus:
        """The state of the lab; changes nothing.

        Raises PreflightError without root: only root can find out which hosts run.
        """
        requirements.check(())
        record = _read_record(self._layout.state_dir)
        return LabStatus(
            name=self._layout.name,
            subnet=self._layout.subnet,
            firewalld=bool(record and record.firewalld),
            state_dir=self._layout.state_dir,
            ssh_config=self.ssh_config,
            hosts=self.hosts(),
        )

    def ssh_command(self, host: str | None = None, *words: str) -> list[str]:
        """The command that logs in to ``host``, or runs ``words`` there.

        host: a name or address in the lab, optionally with ``user@``; None is the first host.

        Raises UsageError if the lab has no such host.
        """
        slots = self._made()
        if not slots:
            raise UsageError(
                f"the lab {self._layout.name!r} is not up", hint=f"start it: {lab_command(self._layout.name, 'up')}"
            )
        host = host or slots[0].name
        known = [name for slot in slots for name in (slot.name, str(slot.address))]
        if host.rpartition("@")[2] not in known:
            raise UsageError(
                f"the lab {self._layout.name!r} has no host {host!r}",
                hint=f"it has {', '.join(slot.name for slot in slots)}",
            )
        return access.command(self._layout, host, *words)

    def _bring_up(self, slots: tuple[Slot, ...], record: _Record, emit: Emit) -> None:
        recipe = FIREWALLD if record.firewalld else BASE
        dead = [slot for slot in slots if not container.is_up(slot)]
        steps = Steps(emit, self._images.unbuilt(recipe) + bool(dead))
        image = self._images.ensure(recipe, steps, emit)
        access.ensure_key(self._layout)
        network.ensure_bridge(self._layout)
        for slot in dead:
            self._make(slot, image, emit)
        access.write(self._layout, slots)
        hosts_file = self._hosts_file(slots)
        for slot in slots:
            if slot not in dead:
                network.attach(self._layout, slot)
                container.write_hosts_file(slot, hosts_file)
        if not dead:
            return
        with steps.step(f"boot {', '.join(slot.name for slot in dead)}"):
            for slot in dead:
                container.boot(self._layout, slot, hosts_file)
            for slot in dead:
                container.await_ssh(self._layout, slot)
                if record.firewalld:
                    container.await_firewall(self._layout, slot)

    def _make(self, slot: Slot, image: tuple[Path, ...], emit: Emit) -> None:
        """Make the host if it does not exist, or if its image is gone."""
        if container.exists(slot):
            if all(layer.is_dir() for layer in container.layers(slot)):
                return
            emit(Warned(f"{slot.name} is created again: its image is no longer in the cache"))
        container.create(self._layout, slot, image)

    def _hosts_file(self, slots: tuple[Slot, ...]) -> str:
        """An /etc/hosts with all hosts of the lab, which has no name server."""
        return "".join(
            (
                "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n",
                f"{self._layout.operator} operator\n",
                *(f"{slot.address} {slot.name}\n" for slot in slots),
            )
        )

    def _made(self) -> tuple[Slot, ...]:
        return tuple(slot for slot in self._layout.every_slot() if container.exists(slot))

    def _traces(self) -> tuple[Slot, ...]:
        """The slots in which something of a host is left: a process, a mount, a link, a namespace or a file."""
        links, namespaces = network.links(), network.namespaces()
        living = processes.hosts_below(self._layout.hosts_dir)
        return tuple(
            slot
            for slot in self._layout.every_slot()
            if slot.directory.exists()
            or slot.veth in links
            or slot.namespace in namespaces
            or slot.name in living
            or cgroups.exist(slot)
        )

    def _settle(self, firewalld: bool | None) -> _Record:
        """Record the settings of the lab. Raises UsageError if it is up with other ones."""
        record = _read_record(self._layout.state_dir)
        if record and self._made() and firewalld not in (None, record.firewalld):
            has = "with" if record.firewalld else "without"
            raise UsageError(
                f"the lab {self._layout.name!r} is up {has} firewalld",
                where="--firewalld",
                hint=f"remove it: {lab_command(self._layout.name, 'down')}; "
                "or make another lab with --name and --subnet",
            )
        if firewalld is None:
            firewalld = bool(record and record.firewalld)
        settled = _Record(self._layout.subnet, firewalld)
        if settled != record:
            text = json.dumps({"version": 1, "subnet": str(settled.subnet), "firewalld": settled.firewalld})
            unfinished = self._layout.state_dir / f".{_RECORD}"
            unfinished.write_text(f"{text}\n")
            unfinished.replace(self._layout.state_dir / _RECORD)
        self._layout.hosts_dir.mkdir(mode=0o700, exist_ok=True)  # the hosts' disks hold setuid programs
        self._record = settled
        return settled

    def _remove_state(self) -> None:
        """Remove the lab's own files, and the state directory unless it holds other files."""
        layout = self._layout
        mounts.unmount_below(layout.state_dir)
        shutil.rmtree(layout.hosts_dir, ignore_errors=not layout.hosts_dir.exists())
        for path in (layout.state_dir / _RECORD, *access.files(layout)):
            path.unlink(missing_ok=True)
            path.with_name(f".{path.name}").unlink(missing_ok=True)
        with suppress(OSError):
            layout.state_dir.rmdir()
            STATE_PARENT.rmdir()  # if this was the last lab

    @contextmanager
    def _locked(self, emit: Emit) -> Iterator[None]:
        """Lock the lab against other runs, and set a umask for the hosts' files."""
        umask = os.umask(0o022)
        try:
            with locked(self._layout.state_dir, emit, waiting_for=f"another run on the lab {self._layout.name!r}"):
                yield
        finally:
            os.umask(umask)


def _read_record(state_dir: Path) -> _Record | None:
    try:
        record = json.loads((state_dir / _RECORD).read_text())
    except FileNotFoundError:
        return None
    return _Record(IPv4Network(record["subnet"]), bool(record["firewalld"]))
