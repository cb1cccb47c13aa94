"""What is read from the kernel: mounts, control groups, routes."""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path

import pytest

from kprov.lab.cgroups import hierarchies
from kprov.lab.mounts import Mount, parse_mountinfo
from kprov.lab.network import Route, conflict

OVERLAY = (
    "113 89 0:39 / / rw,relatime shared:4 master:1 - overlay overlay "
    "rw,lowerdir=/c/fw:/c/base,upperdir=/s/hosts/kafka-1/upper,workdir=/s/hosts/kafka-1/work,uuid=on"
)


def test_a_mountinfo_line_with_optional_fields() -> None:
    (mount,) = parse_mountinfo(OVERLAY)
    assert (mount.point, mount.filesystem) == ("/", "overlay")
    assert mount.options["upperdir"] == "/s/hosts/kafka-1/upper"
    assert mount.options["lowerdir"] == "/c/fw:/c/base"


def test_a_mountinfo_line_without_optional_fields_and_with_blanks() -> None:
    (mount,) = parse_mountinfo(r"1 2 0:3 / /a\040b\134c rw - tmpfs some\040where rw,size=4k")
    assert mount.point == r"/a b\c"
    assert mount.options == {"rw": "", "size": "4k"}


V1 = Mount("/sys/fs/cgroup/memory", "cgroup", {"rw": "", "memory": ""})
NAMED = Mount("/sys/fs/cgroup/systemd", "cgroup", {"rw": "", "name": "systemd"})
HYBRID = Mount("/sys/fs/cgroup/unified", "cgroup2", {"rw": ""})
UNIFIED = Mount("/sys/fs/cgroup", "cgroup2", {"rw": ""})


@pytest.mark.parametrize(
    ("mounted", "used"),
    [
        ((V1, NAMED, HYBRID), ("/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified")),
        ((V1, NAMED), ("/sys/fs/cgroup/systemd",)),
        ((UNIFIED,), ("/sys/fs/cgroup",)),
        ((V1,), ()),
    ],
)
def test_hierarchies_that_systemd_keeps_its_units_in(mounted: tuple[Mount, ...], used: tuple[str, ...]) -> None:
    assert hierarchies(mounted) == tuple(map(Path, used))


def route(network: str, interface: str = "eth0") -> Route:
    return Route(IPv4Network(network), interface)


@pytest.mark.parametrize(
    "known",
    [
        route("0.0.0.0/0"),
        route("128.0.0.0/1", "tun0"),
        route("192.168.79.0/24"),
        route("192.168.78.0/24", "kprov-br"),
    ],
)
def test_routes_that_do_not_conflict(known: Route) -> None:
    assert conflict(IPv4Network("192.168.78.0/24"), "kprov-br", (known,)) is None


@pytest.mark.parametrize(
    "known", [route("192.168.78.0/24"), route("192.168.0.0/16", "tun0"), route("192.168.78.9/32", "wg0")]
)
def test_routes_that_conflict(known: Route) -> None:
    others = (route("0.0.0.0/0"), known)
    assert conflict(IPv4Network("192.168.78.0/24"), "kprov-br", others) == known
