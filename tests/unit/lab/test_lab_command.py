"""The command line of the lab, with a lab that is not real."""

from __future__ import annotations

import json
import os
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest
from click.testing import CliRunner

from kprov.cli import lab as command
from kprov.lab.lab import LabHost, LabStatus

STATE = Path("/var/lib/kprov-lab/kprov")
HOSTS = (
    LabHost("kafka-1", IPv4Address("192.168.78.141"), STATE / "hosts/kafka-1/root", "kprov-kafka-1", 4711),
    LabHost("kafka-2", IPv4Address("192.168.78.142"), STATE / "hosts/kafka-2/root", "kprov-kafka-2", None),
)


class FakeLab:
    hosts: tuple[LabHost, ...] = HOSTS

    def __init__(self, name: str, **options: object) -> None:
        self.name = name

    def status(self) -> LabStatus:
        subnet = IPv4Network("192.168.78.0/24")
        return LabStatus(self.name, subnet, False, STATE, STATE / "ssh_config", self.hosts)

    def ssh_command(self, host: str | None, *words: str) -> list[str]:
        return ["ssh", self.name, str(host), *words]


@pytest.fixture(autouse=True)
def _fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "Lab", FakeLab)


@pytest.mark.parametrize(
    ("typed", "executed"),
    [
        ([], ["ssh", "kprov", "None"]),
        (["kafka-2"], ["ssh", "kprov", "kafka-2"]),
        (["--", "uname", "-a"], ["ssh", "kprov", "None", "uname", "-a"]),
        (["root@kafka-2", "--", "ls", "-l", "--", "x"], ["ssh", "kprov", "root@kafka-2", "ls", "-l", "--", "x"]),
        (["kafka-1", "ls", "-l"], ["ssh", "kprov", "kafka-1", "ls", "-l"]),
        (["--name", "other", "--", "id"], ["ssh", "other", "None", "id"]),
    ],
)
def test_ssh(monkeypatch: pytest.MonkeyPatch, typed: list[str], executed: list[str]) -> None:
    seen: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(os, "execvp", lambda program, words: seen.append((program, words)))
    result = CliRunner().invoke(command.lab, ["ssh", *typed], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert seen == [("ssh", executed)]


def test_status_says_how_to_reach_each_host() -> None:
    result = CliRunner().invoke(command.lab, ["status"], catch_exceptions=False)
    assert f"ssh -F {STATE}/ssh_config kafka-1" in result.stdout
    assert "kafka-2  192.168.78.142  does not run" in result.stdout
    assert result.stdout.splitlines()[-1] == f"next: kprov install 192.168.78.141 --ssh-config {STATE}/ssh_config"


def test_status_of_a_lab_that_is_not_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeLab, "hosts", ())
    result = CliRunner().invoke(command.lab, ["status"], catch_exceptions=False)
    assert result.stdout == "the lab 'kprov' is not up\n"


def test_the_document() -> None:
    result = CliRunner().invoke(command.lab, ["status", "--json"], catch_exceptions=False)
    document = json.loads(result.stdout)
    assert (document["version"], document["kind"], document["name"]) == (1, "lab", "kprov")
    assert document["hosts"][0] == {
        "name": "kafka-1",
        "address": "192.168.78.141",
        "root": str(STATE / "hosts/kafka-1/root"),
        "namespace": "kprov-kafka-1",
        "leader": 4711,
    }
    assert document["hosts"][1]["leader"] is None


@pytest.mark.parametrize("hosts", ["0", "-1", "115", "many"])
def test_a_bad_number_of_hosts(hosts: str) -> None:
    assert CliRunner().invoke(command.lab, ["up", "--hosts", hosts]).exit_code == 2
