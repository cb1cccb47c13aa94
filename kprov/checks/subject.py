"""What the checks examine: a host as the probe saw it, and what will be installed there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Place:
    """A directory that an install writes to, with its present or future file system.

    purpose: what it is for, in words. needed: bytes that an install requires; advised: bytes that the services need
    soon after. files: how many files and directories an install creates there. free_kib: None if unknown.
    inodes: None if unknown or unlimited. runs: whether programs run from it. keeps: whether its contents must survive
    a reboot. device: the number of the file system.
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
    """A directory that a user cannot enter, or a program that a user cannot run; mode as chmod writes it."""

    user: str
    path: str
    mode: str
    owner: str


@dataclass(frozen=True)
class ResolvedPath:
    """A path that install or a service uses, as the host resolves it.

    purpose: what it is for, in words. real: the path with its symbolic links followed. dangling: a link in the path
    whose target does not exist. blocked: a part of the path that should be a directory and is not. closed: what a
    service's user cannot enter or run. judged: whether the host could determine that. data: whether it is a data
    directory.
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
    """A TCP port that a unit needs.

    held: whether a process uses it, None if unknown. own: whether that unit does. public: whether other machines
    connect to it.
    """

    number: int
    unit: str
    held: bool | None
    pid: int = 0
    program: str = ""
    own: bool = False
    public: bool = False


@dataclass(frozen=True)
class Neighbour:
    """A process of another installation. kind: ``kafka`` or ``zookeeper``. command: the program that runs it."""

    pid: int
    kind: str
    command: str


@dataclass(frozen=True)
class ProductLife:
    """What will be installed, in words, and the ISO date on which upstream stops fixing it; empty if unknown."""

    label: str
    end_of_life: str = ""


@dataclass(frozen=True)
class ChosenJava:
    """The Java that will run: an archive for a machine, or the host's own in ``home``, which prints ``version``.

    unpacked: where kprov has already unpacked it; empty if nowhere, None if unknown.
    """

    label: str
    machine: str = ""
    home: str = ""
    present: bool = True
    version: str = ""
    unpacked: str | None = ""


@dataclass(frozen=True)
class OpenFiles:
    """The limit of open files of a running unit (given) and the one in its unit file (asked); None if unknown."""

    unit: str
    asked: int | None
    given: int | None


@dataclass(frozen=True)
class Policy:
    """What SELinux's policy allows. Texts are empty, and answers None, if unknown.

    tools: which of restorecon and semanage are installed. own: the domain of kprov's commands on the host.
    service: the domain of a unit's start script. label: the type of the Java that will run. java: the domain in which
    Java runs under NoNewPrivileges. wanted: the domain in which it would run otherwise. starts: whether the start
    script may execute Java. execmem: whether Java may make memory executable. booleans: the values of the booleans
    about that. barred: directory of data or logs -> its type, where Java may not create files. closed: directory of
    the system -> its type, where kprov may not.
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
    """A host. Numbers are None, and texts empty, if unknown.

    bits: of the user space, 0 if unknown. systemd: its version, None if it is not PID 1. heaps: by unit.
    skew: seconds by which the host's clock is ahead (negative: behind), without what network delay can explain.
    today: the date on the operator's machine (ISO). names: name -> addresses as the host resolves them, None if it
    cannot resolve; host_name is one of the names. own: the host's addresses. local: the one on which kprov reached it.
    public: the address that clients connect to. internal: the one that the host itself uses instead, if it must.
    seen_homes, seen_units: directories and units with the usual names that kprov did not create. drop_ins: by unit,
    those that kprov did not write, None if unknown. init_files: the hard limit of open files of the host's init.
    init_capabilities: its effective capabilities, in hexadecimal. unit_files: of the running units. filters: the rules
    of a packet filter other than firewalld.
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
    ways: tuple[ResolvedPath, ...] = ()
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
    products: tuple[ProductLife, ...] = ()
    java: ChosenJava | None = None
    today: str = ""
