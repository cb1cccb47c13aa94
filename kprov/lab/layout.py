"""The names and paths of a lab, derived from its name, subnet and state directory alone.

Everything that the lab makes in the kernel or on disk has a name from here, so that `down` finds it
without a record of what `up` did.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError
from pathlib import Path

from kprov.errors import UsageError

DEFAULT_NAME = "kprov"
DEFAULT_SUBNET = IPv4Network("192.168.78.0/24")
STATE_PARENT = Path("/var/lib/kprov-lab")

FIRST_HOST = 141  # the article's host is 192.168.78.141
LAST_HOST = 254
MOST_HOSTS = LAST_HOST - FIRST_HOST + 1

_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
# Characters with a meaning in an overlay's mount options or in ssh_config.
_UNSAFE = re.compile(r"""[\s,:"'\\%]""")
_TAG_LENGTH = 8  # with "-v114", a tag stays within the 15 characters of an interface name


@dataclass(frozen=True)
class Slot:
    """The place of one host in a lab, whether or not the host exists.

    directory: holds ``root`` (the overlay's mount point), ``upper``, ``work``, ``console.log``.
    veth: the operator's end of the host's link; its own end is ``eth0``.
    mac: of the host's eth0; fixed, so that ARP caches stay valid when a host is booted again.
    """

    number: int
    name: str
    address: IPv4Address
    directory: Path
    namespace: str
    veth: str
    mac: str
    machine: str

    @property
    def root(self) -> Path:
        """The host's file system, as the operator sees it."""
        return self.directory / "root"

    @property
    def upper(self) -> Path:
        """The files that the host wrote; all others come from the image."""
        return self.directory / "upper"

    @property
    def work(self) -> Path:
        """Overlayfs' own scratch directory."""
        return self.directory / "work"

    @property
    def console(self) -> Path:
        """The host's console output since it was booted."""
        return self.directory / "console.log"


@dataclass(frozen=True)
class Layout:
    """The names and addresses of one lab.

    Raises UsageError for a name, subnet or state directory that cannot be used.
    """

    name: str
    subnet: IPv4Network
    state_dir: Path

    def __post_init__(self) -> None:
        check_name(self.name)
        if self.subnet.prefixlen > 24 or not self.subnet.is_private:
            raise UsageError(
                f"{self.subnet} cannot be used as a lab's subnet",
                where="--subnet",
                cause=f"hosts have the addresses .{FIRST_HOST} to .{LAST_HOST} of a private IPv4 network",
                hint=f"give a private network of at least 256 addresses, for instance {DEFAULT_SUBNET}",
            )
        check_path(self.state_dir)

    @property
    def operator(self) -> IPv4Address:
        """The address of the machine that the lab runs on, as its hosts see it."""
        return self.subnet.network_address + 1

    @property
    def hosts_dir(self) -> Path:
        """Where the hosts' directories are."""
        return self.state_dir / "hosts"

    @property
    def owner(self) -> str:
        """The alias of the bridge, which says to which lab it belongs."""
        return f"kprov lab in {self.state_dir}"

    @property
    def bridge(self) -> str:
        return f"{self._tag}-br"

    @property
    def bridge_mac(self) -> str:
        return self._mac("bridge")

    @property
    def _tag(self) -> str:
        """The lab's name, shortened (and kept unique by a hash) if it is too long for an interface name."""
        if len(self.name) <= _TAG_LENGTH:
            return self.name
        return f"{self.name[:3]}{hashlib.sha256(self.name.encode()).hexdigest()[: _TAG_LENGTH - 3]}"

    def _mac(self, what: str) -> str:
        digest = hashlib.sha256(f"{self.name}/{what}".encode()).digest()
        return ":".join(f"{byte:02x}" for byte in (0x02, *digest[:5]))  # 02: locally administered, unicast

    def slot(self, number: int) -> Slot:
        """The place of host ``number``, counted from 1."""
        name = f"kafka-{number}"
        return Slot(
            number=number,
            name=name,
            address=self.subnet.network_address + FIRST_HOST - 1 + number,
            directory=self.hosts_dir / name,
            namespace=f"{self.name}-{name}",
            veth=f"{self._tag}-v{number}",
            mac=self._mac(name),
            machine=f"{self.name}-{name}",
        )

    def slots(self, count: int) -> tuple[Slot, ...]:
        """The places of the first ``count`` hosts. Raises UsageError if a lab cannot have that many."""
        if not 1 <= count <= MOST_HOSTS:
            raise UsageError(f"a lab cannot have {count} hosts", where="--hosts", hint=f"give 1 to {MOST_HOSTS}")
        return tuple(self.slot(number) for number in range(1, count + 1))

    def every_slot(self) -> tuple[Slot, ...]:
        """All places that hosts of this lab can have."""
        return self.slots(MOST_HOSTS)


def lab_command(name: str, *words: str) -> str:
    """A command for the lab of this name, to be typed."""
    return shlex.join(["kprov", "lab", *words, *(() if name == DEFAULT_NAME else ("--name", name))])


def check_name(name: str) -> None:
    """Raise UsageError for an invalid name; it becomes part of paths, host names and interface names."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is not a valid name for a lab",
            where="--name",
            hint="use lower-case letters, digits and dashes, a letter first, at most 31 characters",
        )


def check_path(path: Path) -> None:
    """Raise UsageError if the lab cannot use the directory ``path``."""
    if not path.is_absolute() or _UNSAFE.search(str(path)):
        raise UsageError(
            f"the lab cannot use the directory {str(path)!r}",
            cause="blanks, quotes and , : \\ % have a meaning in mount options and in ssh_config",
            hint="choose an absolute path without these characters",
        )


def parse_subnet(text: str) -> IPv4Network:
    """Parse a subnet such as ``192.168.78.0/24``. Raises UsageError for anything else."""
    try:
        return IPv4Network(text)
    except (AddressValueError, NetmaskValueError, ValueError) as error:
        raise UsageError(
            f"{text!r} is not an IPv4 network",
            where="--subnet",
            cause=str(error),
            hint=f"give one such as {DEFAULT_SUBNET}",
        ) from None
