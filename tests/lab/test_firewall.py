"""firewalld as owners run it: the zone in which the host is reached, what was open before, and rules without it."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest
from support.machine import Machine, boot

from kprov.lab.archives import default_directory

pytestmark = pytest.mark.lab

ZONE = "internal"
SERVICE = '<?xml version="1.0"?><service><short>Kafka</short><port protocol="tcp" port="9092"/></service>'


@pytest.fixture(scope="module")
def walled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A host whose interface is in another zone than the default one."""
    with boot(103, tmp_path_factory.mktemp("walled"), firewalld=True) as machine:
        machine.ssh(f"firewall-cmd -q --permanent --zone={ZONE} --change-interface=eth0; firewall-cmd -q --reload")
        assert machine.ssh("firewall-cmd --get-default-zone").strip() == "public"
        yield machine


def reachable(machine: Machine, port: int) -> bool:
    """Whether a TCP connection to the host's port comes about."""
    try:
        with socket.create_connection((machine.address, port), timeout=2):
            return True
    except OSError:
        return False


def ports(machine: Machine, zone: str) -> list[list[str]]:
    """What is open in a zone by its port: now, and permanently."""
    listing = machine.ssh(f"for how in '' --permanent; do firewall-cmd $how --zone={zone} --list-ports; done")
    return [line.split() for line in listing.split("\n")[:2]]


def firewall_changes(machine: Machine) -> list[str]:
    """What a plan would do about ports."""
    words = ("--archives", str(default_directory()), "--java", "temurin-11", "--json")
    changes = machine.kprov("plan", *words).json["plan"]["changes"]
    return [change["title"] for change in changes if change["id"].startswith("firewall:")]


def test_the_port_opens_in_the_zone_of_the_interface_and_closes_there(walled: Machine) -> None:
    assert not reachable(walled, 9092)
    installed = walled.install("--no-smoke-test", "--json").json
    (change,) = [change for change in installed["plan"]["changes"] if change["id"].startswith("firewall:")]
    assert change["title"] == f"firewall port 9092/tcp in zone {ZONE}"
    assert reachable(walled, 9092)
    assert not reachable(walled, 2181), "ZooKeeper's only client is on the host"
    assert ports(walled, ZONE) == [["9092/tcp"], ["9092/tcp"]]
    assert ports(walled, "public") == [[], []]
    receipt = json.loads(walled.ssh("cat /var/lib/kprov/receipt.json"))
    assert [made["zone"] for made in receipt["made"] if made["kind"] == "firewall"] == [ZONE]
    assert firewall_changes(walled) == []
    # Drift in the firewall is repaired.
    walled.ssh(f"firewall-cmd -q --zone={ZONE} --remove-port=9092/tcp")
    assert firewall_changes(walled) == [f"firewall port 9092/tcp in zone {ZONE}"]
    assert walled.kprov("uninstall", "--purge", "--yes", "--json").json["uninstall"]["leftovers"] == []
    assert ports(walled, ZONE) == [[], []]


RULE = "rule family=ipv4 port port=9092 protocol=tcp accept"


@pytest.mark.parametrize("what", ["service=ours", f"rich-rule='{RULE}'"], ids=["service", "rule"])
def test_what_is_open_by_whatever_means_is_left_alone(walled: Machine, what: str) -> None:
    if "service" in what:
        (walled.root / "etc/firewalld/services/ours.xml").write_text(SERVICE)
        walled.ssh("firewall-cmd -q --reload")
    walled.ssh(f"firewall-cmd -q --permanent --zone={ZONE} --add-{what}; firewall-cmd -q --zone={ZONE} --add-{what}")
    assert firewall_changes(walled) == []
    walled.ssh(f"firewall-cmd -q --permanent --zone={ZONE} --remove-{what}; firewall-cmd -q --reload")


def test_of_a_port_that_is_open_by_half_the_other_half_is_opened(walled: Machine) -> None:
    walled.ssh(f"firewall-cmd -q --zone={ZONE} --add-port=9092/tcp")
    assert len(firewall_changes(walled)) == 1
    walled.ssh(f"firewall-cmd -q --zone={ZONE} --remove-port=9092/tcp")


def test_a_source_goes_before_the_interface(walled: Machine) -> None:
    """As firewalld decides it for each connection."""
    operator = walled.address.rpartition(".")[0] + ".0/24"
    walled.ssh(f"firewall-cmd -q --zone=work --add-source={operator}")
    assert firewall_changes(walled) == ["firewall port 9092/tcp in zone work"]
    walled.ssh(f"firewall-cmd -q --zone=work --remove-source={operator}")


def test_rules_without_firewalld_are_told_and_left_alone(walled: Machine) -> None:
    walled.ssh("systemctl stop firewalld && nft add table inet theirs")
    walled.ssh("nft add chain inet theirs input '{ type filter hook input priority 0; policy accept; }'")
    walled.ssh("nft add rule inet theirs input tcp dport 9092 reject")
    before = walled.ssh("nft list ruleset")
    words = ("--archives", str(default_directory()), "--java", "temurin-11", "--json")
    results = walled.kprov("check", *words).json["check"]["results"]
    (told,) = [result for result in results if result["check"] == "firewall"]
    assert told["status"] == "warn"
    assert "9092" in told["fix"]
    plan = walled.kprov("plan", *words).json["plan"]
    assert any("kprov does not change them" in note for note in plan["notes"])
    assert not [change for change in plan["changes"] if change["id"].startswith("firewall:")]
    assert walled.ssh("nft list ruleset") == before
