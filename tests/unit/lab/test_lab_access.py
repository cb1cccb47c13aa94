"""The files with which ssh, and tools that read its files, log in."""

from __future__ import annotations

import os
import shutil
import subprocess
from ipaddress import IPv4Network
from pathlib import Path

import paramiko
import pytest

from kprov.lab import access
from kprov.lab.layout import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout("kprov", IPv4Network("10.78.77.0/24"), tmp_path)


@pytest.fixture
def config(layout: Layout) -> Path:
    path = access.ssh_config(layout)
    path.write_text(access.ssh_config_text(layout, layout.slots(2)))
    return path


@pytest.mark.parametrize("host", ["kafka-2", "10.78.77.142"])
def test_paramiko_reads_it(config: Path, layout: Layout, host: str) -> None:
    assert paramiko.SSHConfig.from_path(str(config)).lookup(host) == {
        "hostname": "10.78.77.142",
        "user": "vagrant",
        "identityfile": [str(access.private_key(layout))],
        "identitiesonly": "yes",
        "userknownhostsfile": str(access.known_hosts(layout)),
        "stricthostkeychecking": "yes",
    }


@pytest.mark.skipif(shutil.which("ssh") is None, reason="needs OpenSSH")
@pytest.mark.parametrize("host", ["kafka-2", "10.78.77.142"])
def test_openssh_reads_it(config: Path, layout: Layout, host: str) -> None:
    shown = subprocess.run(["ssh", "-G", "-F", config, host], check=True, capture_output=True, text=True).stdout
    assert {
        "hostname 10.78.77.142",
        "user vagrant",
        f"identityfile {access.private_key(layout)}",
        f"userknownhostsfile {access.known_hosts(layout)}",
        "stricthostkeychecking true",
    } <= set(shown.splitlines())


def test_known_hosts_names_each_host_twice(layout: Layout) -> None:
    one, two = layout.slots(2)
    text = access.known_hosts_text({one: "ssh-ed25519 AAAA root@kafka-1\n", two: "ssh-ed25519 BBBB root@kafka-2\n"})
    assert text == "kafka-1,10.78.77.141 ssh-ed25519 AAAA\nkafka-2,10.78.77.142 ssh-ed25519 BBBB\n"


def test_the_command_that_logs_in(layout: Layout) -> None:
    assert access.command(layout, "root@kafka-1", "true") == [
        "ssh",
        "-F",
        str(layout.state_dir / "ssh_config"),
        "root@kafka-1",
        "true",
    ]


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs OpenSSH")
def test_the_key_is_made_once_and_belongs_to_who_called_sudo(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[object, ...]] = []
    monkeypatch.setattr(os, "chown", lambda *arguments: given.append(arguments))
    monkeypatch.setenv("SUDO_UID", "1234")
    monkeypatch.setenv("SUDO_GID", "5678")
    access.ensure_key(layout)
    key = access.private_key(layout)
    assert given == [(key, 1234, 5678)]
    assert key.stat().st_mode & 0o777 == 0o600
    before = key.read_text()
    access.ensure_key(layout)
    assert key.read_text() == before
    # Half a pair, as a run leaves it that was killed, is made again.
    access.public_key(layout).unlink()
    access.ensure_key(layout)
    assert access.public_key(layout).exists()
    assert key.read_text() != before
