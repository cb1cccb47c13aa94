"""The probes for preflight checks, in dash and in bash, with a PATH of exactly the declared commands."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.local_host import SHELLS, LocalHost

from kprov.host.facts import seen_of

ZONE = """internal
  target: default
  interfaces: eth0
  sources:
  services: ssh ours
  ports: 9000-9100/tcp 53/udp
  forward-ports: port=7000:proto=tcp
  source-ports: 6000/tcp
  rich rules:
\trule family="ipv4" port port="8080" protocol="tcp" accept
\trule family="ipv4" source address="10.0.0.1" port port="8081" protocol="tcp" accept
\trule family="ipv4" port port="8082" protocol="tcp" reject
"""


@pytest.fixture(params=SHELLS, ids=lambda shell: shell[0])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> LocalHost:
    (tmp_path / "host").mkdir()
    return LocalHost(tmp_path / "host", shell=request.param)


@pytest.mark.parametrize(
    ("call", "keys"),
    [
        (
            "probe_kernel",
            {"swap_kib", "swappiness", "nr_open", "map_count", "entropy", "huge_pages", "container", "init_files"},
        ),
        ("probe_time", {"keepers", "synchronized"}),
        ("probe_addresses", {"own", "six", "routes", "ends"}),
        ("probe_neighbours", {"processes", "units", "homes", "java"}),
        ("probe_selinux", {"tools", "service", "java", "execmem", "closed"}),
        ("probe_filters", {"rules"}),
    ],
)
def test_a_minimal_host_answers_every_question(host: LocalHost, call: str, keys: set[str]) -> None:
    """All optional commands are missing; nothing is written to standard error."""
    (reply,) = [host.exchange([(call, "x", "/java")])]
    assert reply.errors == ""
    (record,) = reply.records
    assert (record["id"], record["status"]) == ("x", "present")
    assert keys <= record.fields.keys()


def test_the_settings_of_the_kernel_are_read(host: LocalHost) -> None:
    record = host.one("probe_kernel", "x")
    assert record["swappiness"] == Path("/proc/sys/vm/swappiness").read_text().strip()
    assert record.number("nr_open") > 1000


def test_own_addresses(host: LocalHost) -> None:
    assert "127.0.0.1" in host.one("probe_addresses", "x")["own"].split()


def test_both_ends_of_the_connection(host: LocalHost) -> None:
    host.before = "SSH_CONNECTION='192.0.2.1 50000 192.0.2.2 22'"
    assert host.one("probe_addresses", "x")["ends"] == "192.0.2.1 50000 192.0.2.2 22"


def test_names(host: LocalHost) -> None:
    assert host.one("probe_names", "x", "localhost")["status"] == "unknown", "getent is not installed"
    lines = "10.0.0.5 STREAM kafka-1\\n10.0.0.5 DGRAM\\n::1 STREAM\\n"
    host.stand_in("getent", f'[ "$2" != kafka-1 ] || printf "{lines}"')
    own, known, unknown = host.one("probe_names", "x", "kafka-1", "nowhere")["names"].splitlines()
    assert own.split() == [Path("/proc/sys/kernel/hostname").read_text().strip()]
    assert known.split() == ["kafka-1", "10.0.0.5", "::1"]
    assert unknown.split() == ["nowhere"]


def test_active_time_services_are_named(host: LocalHost) -> None:
    host.stand_in("systemctl", 'shift; for unit; do [ "$unit" = ntpd ] && echo active || echo inactive; done')
    host.stand_in("timedatectl", 'echo "     NTP synchronized: yes"')  # as 219 writes it
    record = host.one("probe_time", "x")
    assert (record["keepers"], record["synchronized"]) == ("ntpd", "yes")


def test_a_file_system(host: LocalHost, tmp_path: Path) -> None:
    record = host.one("probe_disk", "x", str(tmp_path / "not/there yet"))
    assert record["place"] == str(tmp_path)
    assert record.number("kib") > 0
    assert record["mount"].startswith("/")
    assert {"rw", "ro"} & set(record["options"].split(","))
    assert record["device"] == str(tmp_path.stat().st_dev)


def test_selinux_is_asked_only_if_it_is_on(host: LocalHost) -> None:
    host.stand_in("selinuxexeccon", "echo system_u:system_r:unconfined_service_t:s0")
    host.stand_in("selinuxenabled", "exit 1")
    assert host.one("probe_selinux", "x", "/java")["service"] == ""
    host.stand_in("selinuxenabled", "exit 0")
    host.stand_in("restorecon")
    record = host.one("probe_selinux", "x", "/java")
    assert (record["service"], record["tools"]) == ("system_u:system_r:unconfined_service_t:s0", "restorecon")
    assert not [line for line in host.log if line.startswith("restorecon")]


@pytest.mark.parametrize(
    ("port", "there"),
    [
        ("9092/tcp", True),
        ("9000/tcp", True),
        ("9101/tcp", False),
        ("9092/udp", False),
        ("53/udp", True),
        ("8080/tcp", True),
        ("8081/tcp", False),
        ("8082/tcp", False),
        ("7000/tcp", False),
        ("6000/tcp", False),
    ],
)
def test_what_is_open_in_a_zone(host: LocalHost, port: str, there: bool) -> None:
    """A port or a range, a rule that accepts from everywhere; not what is forwarded or only for some."""
    host.stand_in("systemctl", "echo active")
    (host.folder / "zone").write_text(ZONE)
    host.stand_in("firewall-cmd", f"/bin/cat {host.folder / 'zone'}")
    assert host.one("probe_firewall", "x", port, "internal")["status"] == ("present" if there else "absent")
    assert [line for line in host.log if line.startswith("firewall")] == [
        "firewall-cmd --zone=internal --list-all",
        "firewall-cmd --permanent --zone=internal --list-all",
    ]


def test_every_port_is_open_in_a_zone_that_accepts_everything(host: LocalHost) -> None:
    host.stand_in("systemctl", "echo active")
    host.stand_in("firewall-cmd", 'printf "trusted\\n  target: ACCEPT\\n  ports: \\n"')
    assert host.one("probe_firewall", "x", "9092/tcp", "")["status"] == "present"


def test_a_port_that_is_open_only_now_or_only_permanently(host: LocalHost) -> None:
    host.stand_in("systemctl", "echo active")
    host.stand_in("firewall-cmd", 'case $* in *permanent*) ;; *) printf "z\\n  ports: 9092/tcp\\n" ;; esac')
    record = host.one("probe_firewall", "x", "9092/tcp", "z")
    assert (record["status"], record["now"], record["permanent"]) == ("present", "yes", "no")


def test_a_port_is_unknown_without_firewalld(host: LocalHost) -> None:
    reply = host.exchange([("probe_firewall", "x", "9092/tcp", "")])
    assert seen_of(reply)["x"] == {"id": "x", "status": "unknown", "why": "firewalld is not running", "running": "no"}
    assert host.one("probe_zones", "x")["status"] == "absent"


@pytest.mark.parametrize(
    ("how", "calls"),
    [
        ("permanentnow", ["-q --permanent --zone=z --add-port=9092/tcp", "-q --zone=z --add-port=9092/tcp"]),
        ("now", ["-q --zone=z --add-port=9092/tcp"]),
        ("permanent", ["-q --permanent --zone=z --add-port=9092/tcp"]),
        ("", []),
    ],
)
def test_a_port_is_opened_as_far_as_it_is_closed(host: LocalHost, how: str, calls: list[str]) -> None:
    host.stand_in("firewall-cmd")
    host.exchange([("step", "1", "open_port", "9092/tcp", "z", how)])
    assert host.log == [f"firewall-cmd {call}" for call in calls]
