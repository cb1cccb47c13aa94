"""Facts of a host in, problems out: each names the value and what to do."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from kprov.checks import check_host, check_memory, check_ports, check_space


@dataclass(frozen=True)
class Facts:
    """A host that can be provisioned."""

    system: str = "Linux"
    machine: str = "x86_64"
    bits: int = 64
    systemd: int | None = 219
    missing: tuple[str, ...] = ()


def test_a_host_that_will_do() -> None:
    assert list(check_host(Facts(), "kafka-1")) == []
    assert list(check_host(replace(Facts(), machine="aarch64", systemd=252), "kafka-1")) == []
    assert list(check_host(replace(Facts(), bits=0), "kafka-1")) == []  # there is no getconf


@pytest.mark.parametrize(
    ("change", "what", "hint"),
    [
        ({"system": "FreeBSD"}, "the host runs FreeBSD, not Linux", "Linux host with systemd"),
        ({"machine": "i686", "bits": 32}, "the host is i686, 32 bit", "64-bit"),
        ({"bits": 32}, "the host is x86_64, 32 bit", "64-bit"),
        ({"machine": "armv7l", "bits": 32}, "the host is armv7l, 32 bit", "64-bit"),
        ({"machine": "riscv64"}, "the host is riscv64, 64 bit", "x86_64 and aarch64"),
        ({"machine": "ppc64", "bits": 0}, "the host is ppc64", "x86_64 and aarch64"),
        ({"systemd": None}, "systemd is not running as the host's init", "boots with systemd"),
        ({"systemd": 208}, "systemd 208 is older than 219", "7.2 or later"),
        ({"missing": ("tar", "useradd")}, "the host lacks tar, useradd", "shadow-utils"),
    ],
)
def test_a_host_that_will_not(change: dict[str, object], what: str, hint: str) -> None:
    (problem,) = check_host(replace(Facts(), **change), "kafka-1")
    assert problem.what == what
    assert problem.where == "kafka-1"
    assert hint in problem.hint


def test_everything_about_a_host_is_told_at_once() -> None:
    facts = Facts(machine="i686", bits=32, systemd=None, missing=("tar",))
    assert len(list(check_host(facts, "kafka-1"))) == 3


def test_of_another_system_nothing_more_is_told() -> None:
    facts = Facts(system="SunOS", machine="sun4v", systemd=None, missing=("tar",))
    assert [problem.what for problem in check_host(facts, "kafka-1")] == ["the host runs SunOS, not Linux"]


PORTS = {2181: "zookeeper.service", 9092: "kafka.service"}


@pytest.mark.parametrize(
    ("seen", "pids"),
    [
        ({}, {}),
        ({2181: {"status": "absent"}, 9092: {"status": "absent"}}, {}),
        ({9092: {"status": "present", "pid": "77", "program": "java"}}, {"kafka.service": 77}),
    ],
)
def test_ports_that_are_free_or_our_own(seen: dict[int, dict[str, str]], pids: dict[str, int]) -> None:
    assert list(check_ports(PORTS, seen, pids, "kafka-1")) == []


@pytest.mark.parametrize(
    ("port", "answer", "pids", "what", "hint"),
    [
        (
            9092,
            {"pid": "77", "program": "nc -l 9092 "},
            {},
            "port 9092, which kafka.service needs, is taken by process 77 (nc -l 9092)",
            "--port",
        ),
        (
            9092,
            {"pid": "77", "program": "java"},
            {"kafka.service": 78},
            "port 9092, which kafka.service needs, is taken by process 77 (java)",
            "--port",
        ),
        (
            9092,
            {"pid": "77", "program": "java"},
            {"zookeeper.service": 77},
            "port 9092, which kafka.service needs, is taken by process 77 (java)",
            "--port",
        ),
        (
            2181,
            {"pid": "77", "program": ""},
            {},
            "port 2181, which zookeeper.service needs, is taken by process 77",
            "zookeeper.client_port",
        ),
        (
            2181,
            {"pid": ""},
            {"zookeeper.service": 0},
            "port 2181, which zookeeper.service needs, is taken by another process",
            "zookeeper.client_port",
        ),
    ],
)
def test_a_port_that_another_has(port: int, answer: dict[str, str], pids: dict[str, int], what: str, hint: str) -> None:
    (problem,) = check_ports(PORTS, {port: {"status": "present", **answer}}, pids, "kafka-1")
    assert (problem.what, problem.where) == (what, "kafka-1")
    assert hint in problem.hint


@pytest.mark.parametrize(
    ("memory", "heaps", "fits"),
    [
        (2048, {"kafka.service": "1m", "zookeeper.service": "1m"}, True),
        (2047, {"kafka.service": "1m", "zookeeper.service": "1m"}, False),
        (1024 * 1024, {"kafka.service": "1g"}, True),
        (1024 * 1024 - 1, {"kafka.service": "1G"}, False),
        (1024, {"kafka.service": "1025k"}, False),
        (1024, {"kafka.service": "1048576"}, True),
        (0, {"kafka.service": "9999g"}, True),  # the host does not say how much it has
    ],
)
def test_heaps_and_memory(memory: int, heaps: dict[str, str], *, fits: bool) -> None:
    problems = list(check_memory(memory, heaps, "kafka-1"))
    assert (problems == []) is fits
    for problem in problems:
        assert all(f"{unit} {heap}" in problem.what for unit, heap in heaps.items())
        assert f"{memory // 1024} MiB" in problem.what
        assert "--heap" in problem.hint


@pytest.mark.parametrize(("free", "needed", "fits"), [(1024, 2**20, True), (1023, 2**20, False), (0, 0, True)])
def test_room_for_the_releases(free: int, needed: int, *, fits: bool) -> None:
    problems = list(check_space(free, "/usr", needed, "kafka-1"))
    assert (problems == []) is fits
    for problem in problems:
        assert problem.what == f"/usr has {free // 1024} MiB free, and unpacking the releases needs 1 MiB"
        assert problem.where == "kafka-1"
        assert problem.hint
