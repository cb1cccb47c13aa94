"""The playbooks against a lab host: check mode, change, no change, and back."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator

import pytest
from support import ansible
from support.machine import Machine, boot

from kprov.lab.archives import default_directory

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """An empty host."""
    with boot(115, tmp_path_factory.mktemp("playbooks")) as machine:
        yield machine


def play(host: Machine, playbook: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a playbook against the host; it must end well."""
    install = ["--java=temurin-11", f"--archives={default_directory()}", "--no-smoke-test"]
    variables = {"kprov_ssh_config": str(host.lab.ssh_config), "kprov_purge": True}
    words = [] if "--check" not in options else install[:-1]
    variables |= {"kprov_install": words or install}
    inventory = host.lab.ssh_config.parent / "hosts.ini"
    inventory.write_text(f"[kafka]\nkafka-1 ansible_host={host.address}\n")
    done = ansible.run(
        "ansible-playbook", "-i", str(inventory), f"playbooks/{playbook}.yml", "-e", json.dumps(variables), *options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def changed(done: subprocess.CompletedProcess[str]) -> int:
    """How many tasks changed the host, by Ansible's own count."""
    match = re.search(r"^kafka-1 .*changed=(\d+)", done.stdout, re.MULTILINE)
    assert match, done.stdout
    return int(match[1])


def test_check_mode_shows_the_plan_and_changes_nothing(host: Machine) -> None:
    """Ansible counts what would change, and the host stays empty."""
    done = play(host, "install", "--check", "--diff")
    assert changed(done) == 1
    assert "file:/usr/local/single_kafka/config/server.properties" in done.stdout
    host.kprov("status", check=3)


def test_install_changes_once(host: Machine) -> None:
    """The second run, and check mode after it, change nothing."""
    assert changed(play(host, "install")) == 1
    assert changed(play(host, "install")) == 0
    assert changed(play(host, "install", "--check")) == 0


def test_the_services_are_proven_and_shown(host: Machine) -> None:
    """smoke-test.yml and status.yml change nothing."""
    assert changed(play(host, "smoke-test")) == 0
    done = play(host, "status")
    assert changed(done) == 0
    assert '"serving": true' in done.stdout


def test_uninstall(host: Machine) -> None:
    """Check mode leaves all; then all goes."""
    assert changed(play(host, "uninstall", "--check")) == 0
    host.kprov("status")
    assert changed(play(host, "uninstall")) == 1
    host.kprov("status", check=3)
