"""All that the checks look at: a host as the probe saw it, and what is going to be installed there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Place:
    """A directory that will be written to, on the file system where it lies or will lie.

    purpose: in words. needed: bytes without which an install fails; advised: bytes without which it soon would.
    files: how many files and directories an install creates there. free_kib is None where the host does not tell,
    inodes also where the file system does not limit them. runs: whether programs are run from it.
    keeps: whether what is in it must outlive a reboot. device: the number of the file system.
    """

    purpose: str
    path: str
    mount: str
    kind: str
    options: frozenset[str]
    device: str
    free_kib: int | None
    inodes: int | None
    needed: int = 0
    advised: int = 0
    runs: bool = False
    keeps: bool = False
    files: int = 1


@dataclass(frozen=True)
class Closed:
    """A directory that a user may not search, or a program that one may not run; mode as ls and chmod write it."""

    user: str
    path: str
    mode: str
    owner: str


@dataclass(frozen=True)
class Way:
    """The way to a path that install or a service uses.

    purpose: in words. real: where it leads once symbolic links are followed. dangling: a link on it whose target does
    not exist; blocked: something on it that is no directory. closed: what stops a user of a service. judged: whether
    the host could tell that. data: whether the path is a directory of the user's data.
    """

    purpose: str
    path: str
    real: str
    dangling: str = ""
    target: str = ""
    blocked: str = ""
    closed: tuple[Closed, ...] = ()
    judged: bool = True
    data: bool = False


@dataclass(frozen=True)
class Port:
    """A TCP port that a unit needs; held: None where that is not known. own: whether its holder is that unit."""

    number: int
    unit: str
    held: bool | None
    pid: int = 0
    program: str = ""
    own: bool = False


@dataclass(frozen=True)
class Neighbour:
    """A process of the same trade: kind is ``kafka`` or ``zookeeper``; command: the program that runs it."""

    pid: int
    kind: str
    command: str


@dataclass(frozen=True)
class Supported:
    """What will be installed, in words, and the day from which upstream mends nothing in it (ISO), if that is known."""

    label: str
    end_of_life: str = ""


@dataclass(frozen=True)
class JavaSeen:
    """The Java that will run: pushed for a machine, or the host's own in ``home`` that prints ``version``.

    unpacked: where kprov has unpacked it already, empty where it has not; None where that could not be read.
    """

    label: str
    machine: str = ""
    home: str = ""
    present: bool = True
    version: str = ""
    unpacked: str | None = ""


@dataclass(frozen=True)
class OpenFiles:
    """How many files a running unit's process may open, and how many its unit asks for; None where not known."""

    unit: str
    asked: int | None
    given: int | None


@dataclass(frozen=True)
class Policy:
    """What SELinux's policy says; texts are empty, and answers None, where the host does not tell.

    tools: of restorecon and semanage those that are there. own: the domain of kprov's commands on the host.
    service: the domain in which a unit's start script runs. label: the type of the Java that will run; java: the
    domain in which it runs under NoNewPrivileges, and wanted: in which it would run without. starts: whether the start
    script may execute it; execmem: whether it may then make memory executable. booleans: those that have a say in
    that, by name. barred: types by directory of data and logs in which Java may not create anything; closed: types by
    directory of the system in which kprov may not.
    """

    tools: tuple[str, ...] = ()
    own: str = ""
    service: str = ""
    label: str = ""
    java: str = ""
    wanted: str = ""
    starts: bool | None = None
    execmem: bool | None = None
    booleans: Mapping[str, bool] = field(default_factory=dict)
    barred: Mapping[str, str] = field(default_factory=dict)
    closed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Subject:
    """Numbers are None, and texts empty, where the host does not tell.

    bits: of user space, 0 unknown. systemd: its version, None where it is not PID 1. heaps: by unit.
    skew: seconds by which the host's clock is ahead (negative: behind), what the way there may explain taken off.
    today: the day on the operator's machine (ISO). names: addresses on the host by name, None where it cannot resolve
    at all; host_name is one of them. own: the host's addresses; local: the one at which it was reached. public: what
    clients will be told; internal: what the host uses for itself instead, if it must. seen_homes: directories of the
    usual names that kprov did not make; seen_units likewise. drop_ins: of each unit, those that kprov did not write,
    None where unknown. init_files: the hard limit of open files of the host's init; init_capabilities: its effective
    capabilities, in hexadecimal. unit_files: of the units that run. filters: rules of a packet filter that is not
    firewalld's.
    """

    system: str = "Linux"
    machine: str = "x86_64"
    kernel: str = ""
    bits: int = 64
    os_name: str = ""
    systemd: int | None = 219
    uid: int = 0
    missing: tuple[str, ...] = ()
    container: str = ""
    memory_kib: int | None = None
    swap_kib: int | None = None
    heaps: Mapping[str, str] = field(default_factory=dict)
    places: tuple[Place, ...] = ()
    ways: tuple[Way, ...] = ()
    ports: tuple[Port, ...] = ()
    neighbours: tuple[Neighbour, ...] = ()
    seen_units: tuple[str, ...] = ()
    seen_homes: tuple[str, ...] = ()
    seen_java: str = ""
    drop_ins: Mapping[str, tuple[str, ...] | None] = field(default_factory=dict)
    host_name: str = ""
    names: Mapping[str, tuple[str, ...]] | None = None
    own: tuple[str, ...] = ()
    local: str = ""
    public: str = ""
    internal: str = ""
    skew: float | None = None
    keepers: tuple[str, ...] = ()
    synchronized: str = ""
    open_files: int | None = None
    file_max: int | None = None
    map_count: int | None = None
    init_files: int | None = None
    init_capabilities: str = ""
    unit_files: tuple[OpenFiles, ...] = ()
    swappiness: int | None = None
    huge_pages: str = ""
    entropy: int | None = None
    selinux: str = "Disabled"
    policy: Policy = Policy()
    firewalld: bool = False
    zone: str = ""
    filters: str = ""
    products: tuple[Supported, ...] = ()
    java: JavaSeen | None = None
    today: str = ""
