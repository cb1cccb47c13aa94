"""Each check gets a host as the probe saw it and returns an outcome, the evidence and a fix."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from typing import Any

import pytest

from kprov.checks import NAMES, Outcome, Result, cluster, run
from kprov.checks.names import is_own
from kprov.checks.subject import (
    ChosenJava,
    Closed,
    Neighbour,
    OpenFiles,
    Place,
    Policy,
    Port,
    ProductLife,
    ResolvedPath,
    Subject,
)

GIB = 2**20  # in KiB


def place(purpose: str = "the messages", **values: Any) -> Place:
    given = {"path": "/data", "mount": "/", "kind": "xfs", "options": frozenset({"rw"}), "device": "1"}
    return Place(purpose, **{**given, "free_kib": 10 * GIB, "inodes": 10**6, **values})


def way(path: str = "/data/kafka", real: str = "", **values: Any) -> ResolvedPath:
    return ResolvedPath("the messages", path, real or path, **values)


# A host that passes every check.
HOST = Subject(
    kernel="5.14.0",
    memory_kib=8 * GIB,
    swap_kib=0,
    heaps={"zookeeper.service": "512m", "kafka.service": "1g"},
    places=(place(), place("the logs", needed=2**20, advised=2**20)),
    ports=(Port(2181, "zookeeper.service", held=False), Port(9092, "kafka.service", held=False, public=True)),
    host_name="kafka-1",
    names={"kafka-1": ("10.0.0.5",), "broker.example": ("10.0.0.5",)},
    own=("10.0.0.5", "fd00::5"),
    local="10.0.0.5",
    public="10.0.0.5",
    skew=0.0,
    keepers=("chronyd",),
    open_files=1048576,
    file_max=10**6,
    map_count=262144,
    init_files=524288,
    swappiness=60,
    huge_pages="always [madvise] never",
    entropy=256,
    products=(ProductLife("ZooKeeper 3.8.6", "2099-01-01"),),
    java=ChosenJava("Java 11.0.29", "x86_64", version="11.0.29"),
    today="2026-11-24",
)


def results(host: Subject, check: str) -> list[Result]:
    return [item for item in run(host) if item.check == check]


def test_a_good_host_passes_every_check() -> None:
    assert {item.status for item in run(HOST)} == {Outcome.PASS}
    assert (*dict.fromkeys(item.check for item in run(HOST)), *cluster.NAMES) == NAMES


def test_results_are_grouped_by_theme() -> None:
    themes = [item.theme for item in run(HOST)]
    assert themes == sorted(themes, key=themes.index)


PASS, WARN, FAIL, UNKNOWN = Outcome.PASS, Outcome.WARN, Outcome.FAIL, Outcome.UNKNOWN
# SELinux policies: one that allows everything kprov needs, and one that confines root to a user's domain.
FREE = Policy(
    ("restorecon", "semanage"),
    "unconfined_t",
    service="unconfined_service_t",
    label="bin_t",
    java="unconfined_service_t",
    wanted="unconfined_service_t",
    starts=True,
    execmem=True,
)
STAFF = Policy(own="staff_t", closed={"/usr/local": "usr_t"})
OTHERS = (Neighbour(77, "kafka", "/opt/java"), Neighbour(78, "zookeeper", "java"))

# The check, how the host differs from a good one, the outcome, a part of the evidence, a part of the fix.
CASES: list[tuple[str, dict[str, Any], Outcome, str, str]] = [
    ("operating-system", {"system": "FreeBSD"}, FAIL, "the host runs FreeBSD, not Linux", "Linux host with systemd"),
    ("architecture", {"machine": "aarch64"}, PASS, "aarch64, 64 bit", ""),
    ("architecture", {"machine": "i686", "bits": 32}, FAIL, "the host is i686, 32 bit", "64-bit"),
    ("architecture", {"bits": 32}, FAIL, "the host is x86_64, 32 bit", "64-bit"),
    ("architecture", {"machine": "riscv64"}, FAIL, "the host is riscv64, 64 bit", "x86_64 or aarch64"),
    ("architecture", {"machine": "ppc64", "bits": 0}, FAIL, "the host is ppc64", "x86_64 or aarch64"),
    ("architecture", {"bits": 0}, UNKNOWN, "without getconf", "64-bit"),
    ("systemd", {"systemd": None}, FAIL, "systemd is not running as the host's init", "boots with systemd"),
    ("systemd", {"systemd": 208}, FAIL, "systemd 208 is older than 219", "update the host"),
    ("systemd", {"systemd": 219}, PASS, "systemd 219", ""),
    ("privileges", {"uid": 1000}, FAIL, "commands run as user 1000", "sudo"),
    ("tools", {"missing": ("tar", "useradd")}, FAIL, "the host lacks tar, useradd", "shadow-utils"),
    ("java", {"java": ChosenJava("Java", home="/j", present=False)}, FAIL, "/j/bin/java does not exist", "--java-home"),
    (
        "java",
        {"java": ChosenJava("Java 11.0.29", "x86_64", version="11.0.29", unpacked="/usr/local/java/jre11")},
        PASS,
        "Java 11.0.29 is already on the host, in /usr/local/java/jre11",
        "",
    ),
    (
        "java",
        {"java": ChosenJava("Java 11.0.29", unpacked=None)},
        UNKNOWN,
        "already on the host could not",
        "/usr/local/java",
    ),
    ("java", {"java": ChosenJava("Java", home="/j")}, FAIL, "/j/bin/java does not print its version", "--java-home"),
    ("java", {"java": ChosenJava("Java", home="/j", version="11.0.2")}, PASS, "/j is Java 11.0.2", ""),
    ("java", {"machine": "aarch64"}, FAIL, "Java 11.0.29 is for x86_64, the host is aarch64", "--arch aarch64"),
    ("memory", {"memory_kib": 1536 * 1024 - 1}, FAIL, "zookeeper.service 512m, kafka.service 1g) do not fit", "--heap"),
    ("memory", {"memory_kib": 1536 * 1024}, WARN, "leave too little of 1536 MiB", "--zookeeper-heap"),
    ("memory", {"memory_kib": 2 * GIB}, PASS, "2048 MiB", ""),
    ("memory", {"memory_kib": None}, UNKNOWN, "memory could not be read", "/proc/meminfo"),
    ("paths", {"ways": (way(real="/home/data/kafka"),)}, PASS, "/data/kafka leads to /home/data/kafka", ""),
    (
        "paths",
        {"ways": (way(dangling="/data", target="/mnt/big"), way("/data/zk", dangling="/data", target="/mnt/big"))},
        FAIL,
        "/data is a symbolic link to /mnt/big, which does not exist; this blocks /data/kafka, /data/zk",
        "create /mnt/big",
    ),
    ("paths", {"ways": (way(blocked="/data"),)}, FAIL, "/data is not a directory", "move it away"),
    ("paths", {"ways": (way(real="/mnt/my disk/kafka"),)}, FAIL, "contains ' '", "change the link"),
    ("paths", {"ways": (way(real="/tmp/kafka"),)}, FAIL, "/data/kafka leads to /tmp/kafka", "change the link"),
    ("paths", {"ways": (way(real="/run/kafka"),)}, FAIL, "is emptied by a reboot", "change the link"),
    (
        "paths",
        {"ways": (way("/a/kafka", "/disk/kafka", data=True), way("/b/kafka", "/disk/kafka", data=True))},
        FAIL,
        "/a/kafka leads to /disk/kafka and /b/kafka to /disk/kafka, which overlap",
        "do not overlap",
    ),
    ("paths", {"ways": (way("/a/logs", "/disk/k"), way("/a/kafka", "/disk/k", data=True))}, PASS, "leads to", ""),
    (
        "access",
        {"ways": (way(closed=(Closed("kafka", "/data", "0700", "ada:ada"),)),)},
        FAIL,
        "kafka cannot enter /data (mode 0700, ada:ada), which contains /data/kafka",
        "chmod o+x /data, or choose another directory",
    ),
    (
        "access",
        {
            "ways": tuple(
                way(x, closed=(Closed(u, "/opt", "0750", "r:r"),)) for x, u in (("/opt/k", "k"), ("/opt/z", "z"))
            )
        },
        FAIL,
        "k and z cannot enter /opt (mode 0750, r:r), which contains /opt/k, /opt/z",
        "chmod o+x /opt",
    ),
    (
        "access",
        {"ways": (way("/j/bin/java", closed=(Closed("kafka", "/j/bin/java", "0700", "r:r"),)),)},
        FAIL,
        "kafka cannot run /j/bin/java",
        "chmod o+rx /j/bin/java",
    ),
    ("access", {"ways": (way(judged=False),)}, UNKNOWN, "can reach /data/kafka could not be determined", "namei"),
    ("ports", {"ports": (Port(9092, "kafka.service", None),)}, UNKNOWN, "port 9092, which kafka.service", "ss"),
    ("host-name", {"names": {}}, WARN, "kafka-1 does not resolve on the host", "10.0.0.5 kafka-1"),
    ("host-name", {"names": None}, UNKNOWN, "kafka-1", "getent"),
    ("advertised-address", {"public": "broker.example"}, PASS, "broker.example, an address of the host", ""),
    ("advertised-address", {"public": "FD00:0::5"}, PASS, "FD00:0::5, an address of the host", ""),
    ("advertised-address", {"public": "127.0.0.1"}, WARN, "which is the client's own machine", "--advertised"),
    ("advertised-address", {"public": "203.0.113.9"}, WARN, "which is not an address of the host", "hosts[].internal"),
    ("advertised-address", {"public": "203.0.113.9", "internal": "10.0.0.5"}, PASS, "uses 10.0.0.5 itself", ""),
    (
        "advertised-address",
        {"public": "nowhere.example"},
        WARN,
        "which is not an address of the host",
        "hosts[].internal",
    ),
    (
        "advertised-address",
        {"public": "broker.example", "names": None},
        UNKNOWN,
        "could not be determined",
        "--advertised",
    ),
    ("clock", {"skew": 5.5}, WARN, "6 s ahead of", "chrony"),
    ("clock", {"skew": -86400.0}, WARN, "86400 s behind", "chrony"),
    ("clock", {"skew": None}, UNKNOWN, "time could not be read", "date"),
    ("time-sync", {"keepers": ()}, WARN, "no time service", "chronyd"),
    ("time-sync", {"keepers": (), "synchronized": "yes"}, PASS, "synchronized", ""),
    ("time-sync", {"keepers": (), "container": "lxc"}, PASS, "container (lxc)", ""),
    ("limits", {"open_files": 65536}, FAIL, "fs.nr_open is 65536", "fs.nr_open = "),
    ("limits", {"file_max": 50000}, WARN, "fs.file-max is 50000", "fs.file-max = "),
    ("limits", {"map_count": 1000}, WARN, "vm.max_map_count is 1000", "vm.max_map_count = "),
    ("limits", {"map_count": None}, UNKNOWN, "not all kernel limits", "sysctl"),
    (
        "limits",
        {"init_files": 4096, "init_capabilities": "00000000a80425fb"},
        WARN,
        "limit is 4096 open files",
        "hard limit",
    ),
    ("limits", {"init_files": 4096, "init_capabilities": "000001ffffffffff"}, PASS, "fs.nr_open 1048576", ""),
    (
        "limits",
        {"init_files": 4096, "init_capabilities": ""},
        UNKNOWN,
        "systemd's own limit of open files",
        "/proc/1/limits",
    ),
    (
        "limits",
        {"unit_files": (OpenFiles("kafka.service", 100000, 4096),)},
        WARN,
        "kafka.service runs with a limit of 4096 open files, and its unit sets LimitNOFILE=100000",
        "hard limit",
    ),
    ("limits", {"unit_files": (OpenFiles("kafka.service", 100000, 100000),)}, PASS, "fs.nr_open", ""),
    (
        "limits",
        {"unit_files": (OpenFiles("kafka.service", 100000, None),)},
        UNKNOWN,
        "open files of kafka.service",
        "/proc",
    ),
    (
        "limits",
        {"unit_files": (OpenFiles("kafka.service", None, 4096),)},
        UNKNOWN,
        "open files of kafka.service",
        "/proc",
    ),
    (
        "drop-ins",
        {"drop_ins": {"kafka.service": ("/etc/systemd/system/kafka.service.d/my own.conf", "/run/x.conf")}},
        WARN,
        "kafka.service has drop-ins that kprov did not write: /etc/systemd/system/kafka.service.d/my own.conf, /run/x",
        "systemctl cat kafka.service",
    ),
    ("drop-ins", {"drop_ins": {"kafka.service": None}}, UNKNOWN, "the drop-ins of kafka.service", "systemctl cat"),
    ("drop-ins", {"drop_ins": {"kafka.service": ()}}, PASS, "no drop-ins that kprov did not write", ""),
    ("swappiness", {"swap_kib": 2048}, WARN, "vm.swappiness is 60 with 2 MiB of swap", "vm.swappiness = 1"),
    ("swappiness", {"swap_kib": 2048, "swappiness": 1}, PASS, "vm.swappiness is 1", ""),
    ("swappiness", {"swap_kib": None}, UNKNOWN, "vm.swappiness", "sysctl"),
    ("huge-pages", {"huge_pages": "[always] madvise never"}, WARN, "always on", "madvise"),
    ("huge-pages", {"huge_pages": ""}, PASS, "no transparent huge pages", ""),
    ("entropy", {"kernel": "3.10.0-1160.el7", "entropy": 150}, WARN, "only 150 bits", "haveged"),
    ("entropy", {"kernel": "3.10.0-1160.el7", "entropy": None}, UNKNOWN, "entropy could not be read", "entropy_avail"),
    ("entropy", {"kernel": "5.6.0", "entropy": 1}, PASS, "never blocks", ""),
    (
        "privileges",
        {"selinux": "Enforcing", "policy": STAFF},
        FAIL,
        "the domain staff_t, which may not",
        "ROLE=sysadm_r",
    ),
    ("privileges", {"selinux": "Enforcing", "policy": Policy(own="user_t")}, FAIL, "the domain user_t", "newrole"),
    ("privileges", {"selinux": "Permissive", "policy": STAFF}, PASS, "as root", ""),
    ("selinux", {"selinux": "unknown"}, UNKNOWN, "its mode could not be read", "getenforce"),
    (
        "selinux",
        {"selinux": "Enforcing", "policy": replace(FREE, tools=())},
        WARN,
        "restorecon is not installed",
        "policycoreutils",
    ),
    (
        "selinux",
        {"selinux": "Enforcing", "policy": replace(FREE, java="", service="")},
        UNKNOWN,
        "are unknown",
        "ps -Z",
    ),
    ("selinux", {"selinux": "Enforcing", "policy": FREE}, PASS, "unconfined_service_t may bind the ports", ""),
    (
        "selinux",
        {"selinux": "Enforcing", "policy": replace(FREE, java="kafka_t", wanted="kafka_t")},
        WARN,
        "its policy starts services in kafka_t",
        "semanage port -a -t TYPE -p tcp PORT",
    ),
    (
        "selinux",
        {"selinux": "Enforcing", "policy": replace(FREE, execmem=False, booleans={"deny_execmem": True})},
        FAIL,
        "denies Java executable memory in the domain unconfined_service_t",
        "setsebool -P deny_execmem off",
    ),
    (
        "selinux",
        {"selinux": "Permissive", "policy": replace(FREE, execmem=False, booleans={"allow_execmem": False})},
        WARN,
        "denies Java executable memory",
        "setsebool -P allow_execmem on",
    ),
    (
        "selinux",
        {"selinux": "Enforcing", "policy": replace(FREE, execmem=False, booleans={"deny_execmem": False})},
        FAIL,
        "denies Java executable memory",
        "sesearch -A -s unconfined_service_t",
    ),
    (
        "selinux",
        {"selinux": "Enforcing", "policy": replace(FREE, execmem=None, booleans={"deny_execmem": False})},
        UNKNOWN,
        "is unknown (deny_execmem off)",
        "getsebool -a",
    ),
    (
        "selinux",
        {"selinux": "Enforcing", "policy": replace(FREE, label="java_exec_t", wanted="java_t")},
        WARN,
        "its label java_exec_t leads to java_t, but NoNewPrivileges prevents that",
        "semanage fcontext -a -t bin_t JAVA_HOME/bin/java",
    ),
    (
        "selinux",
        {"selinux": "Enforcing", "policy": replace(FREE, label="java_exec_t", wanted="java_t", execmem=False)},
        FAIL,
        "NoNewPrivileges prevents that), so Java cannot start",
        "sesearch",
    ),
    (
        "selinux",
        {"selinux": "Enforcing", "policy": replace(FREE, label="java_exec_t", wanted="java_t", starts=False)},
        FAIL,
        "does not let unconfined_service_t execute Java, which has the label java_exec_t",
        "semanage fcontext",
    ),
    (
        "selinux",
        {"selinux": "Enforcing", "policy": replace(FREE, barred={"/data/kafka": "default_t"})},
        FAIL,
        "write to /data/kafka, which has the label default_t",
        "semanage fcontext",
    ),
    ("firewall", {"firewalld": True, "zone": "public"}, PASS, "in its zone public", ""),
    ("firewall", {"firewalld": True}, UNKNOWN, "its zones could not be read", "list-all-zones"),
    ("firewall", {"filters": "-P INPUT ACCEPT\n-A INPUT -j REJECT"}, WARN, "kprov does not change them", "port 9092"),
    ("firewall", {"filters": "chain input { type filter hook input; policy drop; }"}, WARN, "firewalld", "9092"),
    ("firewall", {"filters": "-P INPUT ACCEPT"}, PASS, "no firewall", ""),
    ("other-java", {"seen_java": "/usr/bin/java"}, PASS, "/usr/bin/java stays unchanged", ""),
    ("other-kafka", {"neighbours": OTHERS}, WARN, "process 77 (/opt/java)", "stop and remove"),
    ("other-zookeeper", {"neighbours": OTHERS}, WARN, "process 78 (java)", "stop and remove"),
    ("other-kafka", {"seen_units": ("confluent-kafka.service",)}, WARN, "unit confluent-kafka.service", "ports"),
    ("other-kafka", {"seen_homes": ("/opt/Kafka_2.11",)}, WARN, "/opt/Kafka_2.11", "ports"),
    ("other-zookeeper", {"seen_homes": ("/opt/kafka",)}, PASS, "no other ZooKeeper", ""),
    (
        "end-of-life",
        {"products": (ProductLife("X 1", "2020-06-01"),)},
        WARN,
        "X 1 has had no fixes since",
        "later release",
    ),
    ("end-of-life", {"products": (ProductLife("X 1"),)}, UNKNOWN, "the end of life of X 1 is unknown", "project"),
]


@pytest.mark.parametrize(("check", "change", "status", "evidence", "fix"), CASES)
def test_a_check_reports_its_outcome_evidence_and_fix(
    check: str, change: dict[str, Any], status: Outcome, evidence: str, fix: str
) -> None:
    (result,) = results(replace(HOST, **change), check)
    assert result.status is status
    assert evidence in result.evidence
    assert fix in result.fix


# Hosts that reach what the cases above do not: the results of file systems.
PLACES = (
    place("releases", needed=2**34),
    place("releases", free_kib=None),
    place("messages", advised=2**34),
    place("messages", inodes=0),
    place("messages", inodes=500),
    place("messages", kind=""),
    place("messages", options=frozenset({"ro"})),
    place("releases", options=frozenset({"noexec"}), runs=True),
    place("messages", kind="tmpfs", keeps=True),
    place("messages", kind="nfs4", keeps=True),
    place("messages", options=frozenset({"strictatime"}), keeps=True),
)


def test_every_result_that_did_not_pass_has_a_fix_and_only_those() -> None:
    changes = [change for _, change, *_ in CASES] + [{"places": (item,)} for item in PLACES]
    for change in changes:
        for result in run(replace(HOST, **change)):
            assert bool(result.fix.strip()) is (result.status is not PASS), result


def test_evidence_and_fix_are_plain_sentences_without_a_full_stop() -> None:
    changes = [change for _, change, *_ in CASES] + [{"places": (item,)} for item in PLACES]
    for change in changes:
        for result in run(replace(HOST, **change)):
            for text in (result.evidence, result.fix):
                assert not text.endswith("."), result
                assert not re.search(r"\b(tells?|told|asked for|is there and)\b", text), result


def test_every_check_has_a_case() -> None:
    """Those between hosts have theirs in test_cluster_checks.py."""
    assert set(NAMES) - set(cluster.NAMES) == {check for check, *_ in CASES} | {"disk-space", "file-system"}


OPTIONAL = [field.name for field in fields(Subject) if "None" in str(field.type)]


@pytest.mark.parametrize("name", [name for name in OPTIONAL if name not in {"systemd", "java", "drop_ins"}])
def test_an_unknown_value_makes_some_check_unknown(name: str) -> None:
    known = {"kernel": "3.10.0", "swap_kib": 1024, "swappiness": 1, "public": "broker.example"}
    host = replace(HOST, **{**known, name: None})
    assert UNKNOWN not in {item.status for item in run(replace(HOST, **known))}
    assert UNKNOWN in {item.status for item in run(host)}


def test_all_failures_of_a_host_are_reported_at_once() -> None:
    host = replace(HOST, machine="i686", bits=32, systemd=None, missing=("tar",))
    assert sum(item.status is Outcome.FAIL for item in run(host)) == 4  # and its Java is for another machine


def test_with_a_confined_root_failures_and_unknowns_say_to_fix_privileges_first() -> None:
    """Passes and warnings do not change."""
    first = "fix privileges first: root runs in staff_t, which may be the cause; then: "
    host = replace(HOST, missing=("tar",), open_files=None, keepers=(), selinux="Enforcing", policy=STAFF)
    for item in run(host):
        if item.check in {"tools", "limits"}:
            assert item.fix.startswith(first)
            assert len(item.fix) > len(first)
        elif item.check not in {"selinux", "privileges"}:
            assert "privileges" not in item.fix, item
    assert "privileges" not in "".join(item.fix for item in run(replace(host, selinux="Permissive")))


def test_a_host_without_linux_gets_only_the_first_check() -> None:
    assert [item.evidence for item in run(replace(HOST, system="SunOS"))] == ["the host runs SunOS, not Linux"]


@pytest.mark.parametrize(
    ("port", "evidence", "fix"),
    [
        (
            Port(9092, "kafka.service", held=True, pid=77, program="nc -l 9092"),
            "port 9092, which kafka.service needs, is used by process 77 (nc -l 9092)",
            "--port",
        ),
        (
            Port(2181, "zookeeper.service", held=True, pid=77),
            "port 2181, which zookeeper.service needs, is used by process 77",
            "zookeeper.client_port",
        ),
        (
            Port(2181, "zookeeper.service", held=True),
            "port 2181, which zookeeper.service needs, is used by another process",
            "zookeeper.client_port",
        ),
    ],
)
def test_a_port_of_another_process_fails_and_names_the_process(port: Port, evidence: str, fix: str) -> None:
    taken, free = results(replace(HOST, ports=(port, Port(9999, "kafka.service", held=False))), "ports")
    assert (taken.status, taken.evidence) == (Outcome.FAIL, evidence)
    assert fix in taken.fix
    assert free.status is Outcome.PASS


def test_a_port_of_kprovs_own_service_passes() -> None:
    (result,) = results(replace(HOST, ports=(Port(9092, "kafka.service", held=True, pid=7, own=True),)), "ports")
    assert (result.status, result.evidence) == (Outcome.PASS, "port 9092 is used by kafka.service")


@pytest.mark.parametrize(
    ("free_kib", "status"),
    [(3 * 1024, PASS), (3 * 1024 - 1, WARN), (2 * 1024, WARN), (2 * 1024 - 1, FAIL), (None, UNKNOWN)],
)
def test_needed_space_is_summed_for_each_file_system(free_kib: int | None, status: Outcome) -> None:
    """Two places of 1 MiB on one, with 1 MiB more to grow; a third on another."""
    both = [place("releases", needed=2**20, free_kib=free_kib), place("logs", needed=2**20, free_kib=free_kib)]
    apart = place("messages", mount="/data", device="2")
    grows = place("more", advised=2**20, free_kib=free_kib)
    first, second = results(replace(HOST, places=(*both, apart, grows)), "disk-space")
    assert first.status is status
    assert "releases" in first.evidence or status is WARN
    assert (second.status, second.evidence) == (PASS, "/data has 10240 MiB free, for messages")


def test_few_inodes_warn_and_uncounted_inodes_pass() -> None:
    (result,) = results(replace(HOST, places=(place(inodes=500),)), "disk-space")
    assert (result.status, "500 inodes" in result.evidence) == (Outcome.WARN, True)
    (result,) = results(replace(HOST, places=(place(inodes=None),)), "disk-space")  # btrfs counts none
    assert result.status is Outcome.PASS


@pytest.mark.parametrize(("inodes", "said"), [(0, "but no inodes"), (29, "but only 29 inodes")])
def test_too_few_inodes_are_a_failure_that_freeing_space_does_not_fix(inodes: int, said: str) -> None:
    places = (place("unpacking", needed=2**20, files=20, inodes=inodes), place("the logs", files=10, inodes=inodes))
    (result,) = results(replace(HOST, places=places), "disk-space")
    assert result.status is Outcome.FAIL
    assert result.evidence == f"/ has 10240 MiB free, {said}: unpacking (1 MiB) needs 30"
    assert "freeing space does not help" in result.fix
    assert "free space on" not in result.fix
    both = tuple(replace(item, free_kib=10) for item in places)
    found = results(replace(HOST, places=both), "disk-space")
    assert [item.status for item in found] == [Outcome.FAIL, Outcome.FAIL], "space and inodes are reported separately"


@pytest.mark.parametrize(
    ("values", "status", "evidence"),
    [
        ({"options": frozenset({"ro"})}, FAIL, "is mounted read-only"),
        ({"options": frozenset({"noexec"}), "runs": True}, FAIL, "is mounted noexec"),
        ({"options": frozenset({"noexec"})}, PASS, "/ is xfs"),
        ({"kind": "tmpfs", "keeps": True}, WARN, "is a tmpfs"),
        ({"kind": "tmpfs"}, PASS, "/ is tmpfs"),
        ({"kind": "nfs4", "keeps": True}, WARN, "is nfs4"),
        ({"options": frozenset({"strictatime"}), "keeps": True}, WARN, "is mounted strictatime"),
        ({"kind": ""}, UNKNOWN, "could not be read"),
    ],
)
def test_file_systems_are_judged_by_type_and_mount_options(
    values: dict[str, Any], status: Outcome, evidence: str
) -> None:
    (result,) = results(replace(HOST, places=(place(**values),)), "file-system")
    assert (result.status, evidence in result.evidence) == (status, True), result


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("10.0.0.5", True),
        ("10.0.0.6", False),
        ("fd00:0:0::5", True),
        ("kafka-1", True),
        ("loop", True),
        ("elsewhere", False),
        ("nowhere", False),
    ],
)
def test_is_own_follows_names_as_the_host_resolves_them(name: str, own: bool) -> None:
    names = {"kafka-1": ("fd00::5",), "loop": ("127.0.1.1",), "elsewhere": ("10.0.0.5", "10.0.0.6")}
    assert is_own(name, HOST.own, names) is own
    assert is_own(name, (), names) is None
