"""The acceptance script against a lab host: the same one that CI runs against the Vagrant box."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from support.cluster import HEAPS, boot_three
from support.machine import boot

from kprov.lab.archives import default_directory

pytestmark = pytest.mark.lab

SCRIPT = Path(__file__).parents[2] / "acceptance/run"


@pytest.mark.soak
def test_the_whole_life_of_an_installation(tmp_path: Path) -> None:
    """From an empty host to an upgraded one and back to an empty one; each step is in the report."""
    with boot(112, tmp_path) as machine:
        run(machine.address, tmp_path, machine.lab.ssh_config)


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_the_whole_life_of_a_cluster(tmp_path: Path) -> None:
    """The same with three hosts, one of which fails in between."""
    with boot_three(128, tmp_path) as cluster:
        run(" ".join(cluster.hosts), tmp_path, cluster.lab.ssh_config, *HEAPS)
    assert (tmp_path / "reports/failover.xml").exists()


def run(targets: str, folder: Path, ssh_config: Path, *install: str) -> None:
    """Run the script; every step must pass."""
    options = ["--archives", str(default_directory()), "--java", "temurin-11", *install]
    words = [str(SCRIPT), targets, str(folder / "reports"), "--ssh-config", str(ssh_config), "--", *options]
    environment = os.environ | {"KPROV": str(Path(sys.executable).parent / "kprov")}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 leftovers" in done.stdout
    for report in ("acceptance", "install", "smoke-test", "verify", "upgrade", "verify-upgrade", "uninstall"):
        suite = ET.parse(folder / f"reports/{report}.xml").getroot().find("testsuite")  # noqa: S314 (our own)
        assert suite is not None
        assert suite.get("failures") == "0"
        assert suite.findall("testcase")
