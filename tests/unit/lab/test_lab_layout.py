"""Names and addresses of a lab."""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path

import pytest

from kprov.errors import UsageError
from kprov.lab.layout import DEFAULT_SUBNET, MOST_HOSTS, Layout, parse_subnet

STATE = Path("/var/lib/kprov-lab/kprov")


def make(name: str = "kprov", subnet: str = str(DEFAULT_SUBNET), state: Path = STATE) -> Layout:
    return Layout(name, IPv4Network(subnet), state)


def test_the_first_host_has_the_article_s_address() -> None:
    layout = make()
    assert str(layout.operator) == "192.168.78.1"
    assert [(slot.name, str(slot.address)) for slot in layout.slots(2)] == [
        ("kafka-1", "192.168.78.141"),
        ("kafka-2", "192.168.78.142"),
    ]
    assert layout.slot(1).root == STATE / "hosts/kafka-1/root"


@pytest.mark.parametrize("name", ["a", "kprov", "eight-ch", "nine-char", "n" * 31])
def test_interface_names_fit_the_kernel(name: str) -> None:
    layout = make(name)
    names = [layout.bridge, *(slot.veth for slot in layout.every_slot())]
    assert len(set(names)) == MOST_HOSTS + 1
    assert max(map(len, names)) <= 15


def test_long_names_with_the_same_beginning_do_not_collide() -> None:
    one, other = make("a-long-name-1"), make("a-long-name-2")
    assert one.bridge != other.bridge
    assert one.slot(1).veth != other.slot(1).veth
    assert one.slot(1).namespace != other.slot(1).namespace


def test_hardware_addresses_stay_the_same_and_differ() -> None:
    layout = make()
    macs = [layout.bridge_mac, *(slot.mac for slot in layout.every_slot())]
    assert macs == [make().bridge_mac, *(slot.mac for slot in make().every_slot())]
    assert len(set(macs)) == len(macs)
    assert all(int(mac[:2], 16) & 0b11 == 0b10 for mac in macs), "locally administered, unicast"
    assert make("other").slot(1).mac != layout.slot(1).mac


@pytest.mark.parametrize("name", ["", "Kprov", "1lab", "a b", "a/b", "..", "a\n", "n" * 32])
def test_bad_names(name: str) -> None:
    with pytest.raises(UsageError, match="is not a valid name for a lab"):
        make(name)


@pytest.mark.parametrize("subnet", ["192.168.78.0/25", "10.0.0.0/30", "8.8.8.0/24"])
def test_bad_subnets(subnet: str) -> None:
    with pytest.raises(UsageError, match="cannot be used as a lab's subnet"):
        make(subnet=subnet)


@pytest.mark.parametrize("text", ["", "kafka", "10.0.0.0/33", "10.0.0.1/24", "fd00::/64", "10.0.0.0/x"])
def test_texts_that_are_not_subnets(text: str) -> None:
    with pytest.raises(UsageError, match="is not an IPv4 network"):
        parse_subnet(text)


@pytest.mark.parametrize("path", ["state", "/a b", "/a,b", "/a:b", "/a%h", '/a"b', "/a\\b", "/a\nb"])
def test_directories_that_mount_options_or_ssh_config_would_misread(path: str) -> None:
    with pytest.raises(UsageError, match="cannot use the directory"):
        make(state=Path(path))


@pytest.mark.parametrize("count", [0, -1, MOST_HOSTS + 1])
def test_bad_counts(count: int) -> None:
    with pytest.raises(UsageError, match="a lab cannot have"):
        make().slots(count)


def test_all_addresses_are_in_the_subnet() -> None:
    layout = make()
    assert all(slot.address in layout.subnet for slot in layout.every_slot())
    assert layout.every_slot()[-1].address == layout.subnet.broadcast_address - 1
