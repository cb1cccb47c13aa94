"""Addresses, interfaces and firewall zones from a host's answers, and the skew of its clock."""

from __future__ import annotations

import pytest

from kprov.host.facts import skew
from kprov.host.network import Network, network_of, zone_of

ROUTES = """Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
eth1\t0000000A\t00000000\t0001\t0\t0\t0\t000000FF\t0\t0\t0
"""
SIX = "fd000000000000000000000000000005 03 40 00 80     eth1\nfe80000000000000000000fffe000001 02 40 20 80     eth0\n"
SEEN = {
    "status": "present",
    "own": "127.0.0.1 192.168.1.5 127.0.0.1 192.168.1.5 10.1.2.3",
    "six": SIX,
    "routes": ROUTES,
}
NAMES = {"status": "present", "names": "box 127.0.1.1 \nkafka-1 10.1.2.3 10.1.2.3 \nnowhere \n"}


def test_addresses_that_others_could_use() -> None:
    network = network_of({**SEEN, "ends": "192.168.1.9 50000 192.168.1.5 22"}, NAMES, "box")
    assert network.own == ("192.168.1.5", "10.1.2.3", "fd00::5")
    assert (network.local, network.peer, network.interface) == ("192.168.1.5", "192.168.1.9", "eth0")
    assert network.names == {"box": ("127.0.1.1",), "kafka-1": ("10.1.2.3",), "nowhere": ()}


@pytest.mark.parametrize(
    ("ends", "local", "interface"),
    [
        ("10.9.9.9 1 10.1.2.3 22", "10.1.2.3", "eth1"),
        ("::ffff:10.9.9.9 1 ::ffff:10.1.2.3 22", "10.1.2.3", "eth1"),
        ("fd00::9 1 fd00::5 22", "fd00::5", "eth1"),
        ("fe80::9%eth0 1 fe80::ff:fe00:1%eth0 22", "fe80::ff:fe00:1", "eth0"),
        ("127.0.0.1 1 127.0.0.1 22", "127.0.0.1", ""),
        ("", "", ""),
        ("rubbish", "", ""),
    ],
)
def test_the_interface_of_the_connection(ends: str, local: str, interface: str) -> None:
    network = network_of({**SEEN, "ends": ends}, NAMES, "box")
    assert (network.local, network.interface) == (local, interface)


def test_a_host_that_reports_nothing() -> None:
    assert network_of({"status": "unknown"}, {"status": "unknown"}, "box") == Network(host_name="box")


# firewalld 0.3.9 of CentOS 7.2 wrote "(default, active)", 1.3 writes "(active)".
ZONES = """block
  target: %%REJECT%%
  interfaces:
  sources:

dmz (active)
  target: default
  interfaces: eth1
  sources: 203.0.113.0/24 ipset:friends 00:11:22:33:44:55

public (default, active)
  target: default
  interfaces: eth0
  sources:
"""


@pytest.mark.parametrize(
    ("interface", "peer", "zone"),
    [
        ("eth0", "192.168.1.9", "public"),
        ("eth1", "192.168.1.9", "dmz"),
        ("eth0", "203.0.113.7", "dmz"),
        ("eth7", "192.168.1.9", "public"),
        ("", "", "public"),
        ("eth1", "fd00::9", "dmz"),
    ],
)
def test_the_zone_of_a_connection(interface: str, peer: str, zone: str) -> None:
    """By source, else by interface, else the default one."""
    listing = {"status": "present", "default": "public", "zones": ZONES}
    assert zone_of(listing, Network(peer=peer, interface=interface)) == zone


def test_the_zone_is_empty_if_firewalld_reports_none() -> None:
    assert zone_of({"status": "absent"}, Network()) == ""


@pytest.mark.parametrize(
    ("now", "asked", "told", "difference"),
    [
        (100, 100.2, 100.9, 0),  # within the second that it read
        (99, 100.2, 101.0, -0.2),
        (90, 100.0, 104.0, -9.0),  # at 90.99, and it was asked at 100 at the earliest
        (102, 100.0, 104.0, 0),  # anywhere on the way there and back
        (114, 100.0, 104.0, 10.0),
    ],
)
def test_the_time_of_the_answer_is_not_counted_as_skew(now: int, asked: float, told: float, difference: float) -> None:
    assert skew(now, asked, told) == pytest.approx(difference)
