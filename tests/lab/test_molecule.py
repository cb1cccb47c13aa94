"""molecule test, each scenario's whole sequence: create, converge, idempotence, verify, destroy."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import ansible
from support.sites import lab_of

from kprov.lab.archives import default_directory

pytestmark = pytest.mark.lab


@pytest.mark.soak
@pytest.mark.parametrize(("scenario", "number"), [("default", 113), ("bundled", 114), ("cluster", 127)])
def test_the_whole_sequence(scenario: str, number: int, tmp_path: Path) -> None:
    """It ends well, every step of it was run, and nothing is left of the lab."""
    lab = lab_of("km", number, tmp_path).status()
    folder = Path("/var/lib/kprov-lab") / lab.name
    done = ansible.run(
        "molecule",
        "test",
        "--scenario-name",
        scenario,
        KPROV_MOLECULE_LAB=lab.name,
        KPROV_MOLECULE_SUBNET=str(lab.subnet),
        KPROV_MOLECULE_SSH_CONFIG=str(folder / "ssh_config"),
        KPROV_MOLECULE_ARCHIVES=str(default_directory()),
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    for action in ("create", "converge", "idempotence", "verify", "destroy"):
        assert f"{scenario} ➜ {action}" in said or f"{scenario} > {action}" in said, said
    assert not folder.exists()
