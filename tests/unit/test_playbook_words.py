"""What the playbooks tell kprov, and where: secrets go by standard input alone. What they do to hosts is a lab test."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support import ansible

pytest.importorskip("ansible", reason="ansible-core 2.16 runs on Python 3.10 to 3.12")

SECRET = "geheim"
CHANGES = {"plan": {"changes": [{"action": "create", "id": "user:kafka", "diff": ""}]}}


@pytest.mark.parametrize(
    ("variables", "option"),
    [
        ({"kprov_sudo_password": SECRET}, "--sudo-password-file - "),
        ({"kprov_config": {"kafka": {"properties": {"ssl.key.password": SECRET}}}}, "--config /dev/stdin"),
    ],
    ids=["sudo password", "kprov.yaml"],
)
def test_a_secret_is_on_no_command_line_and_in_no_log(
    variables: dict[str, object], option: str, tmp_path: Path
) -> None:
    """Even with -vvv; kprov reads it from its standard input."""
    program = tmp_path / "kprov"
    program.write_text(
        f"#!/bin/sh\necho \"$@\" >>{tmp_path}/words\ncat >>{tmp_path}/stdin\necho '{json.dumps(CHANGES)}'\n"
    )
    program.chmod(0o755)
    inventory = tmp_path / "hosts.ini"
    inventory.write_text("[kafka]\nkafka-1 ansible_host=10.0.0.1 ansible_user=vagrant\nkafka-2\n")
    given = json.dumps({**variables, "kprov_program": str(program), "kprov_install": ["--set=num.partitions=1"]})
    extra = tmp_path / "extra.json"
    extra.write_text(given)
    for mode in ((), ("--check", "--diff")):
        done = ansible.run(
            "ansible-playbook", "-vvv", "-i", str(inventory), "playbooks/install.yml", "-e", f"@{extra}", *mode
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.count("changed=1") == 2
        assert SECRET not in done.stdout + done.stderr
    words = (tmp_path / "words").read_text()
    assert SECRET not in words
    assert words.count(option) == 4
    assert "install vagrant@10.0.0.1 --set=num.partitions=1 --yes" in words
    assert "plan kafka-2 --set=num.partitions=1" in words
    assert (tmp_path / "stdin").read_text().count(SECRET) == 4


def test_the_hosts_of_a_cluster_are_named_in_one_run(tmp_path: Path) -> None:
    """In the order of the inventory; what it changes counts once."""
    document = {"plans": {"10.0.0.1": {"changes": []}, "kafka-2": CHANGES["plan"]}, "cluster": {}}
    program = tmp_path / "kprov"
    program.write_text(f"#!/bin/sh\necho \"$@\" >>{tmp_path}/words\necho '{json.dumps(document)}'\n")
    program.chmod(0o755)
    inventory = tmp_path / "hosts.ini"
    inventory.write_text("[kafka]\nkafka-1 ansible_host=10.0.0.1 ansible_user=vagrant\nkafka-2\n")
    given = json.dumps({"kprov_program": str(program), "kprov_cluster": True})
    for playbook, mode in (("install", ()), ("install", ("--check",)), ("status", ())):
        book = f"playbooks/{playbook}.yml"
        done = ansible.run("ansible-playbook", "-i", str(inventory), book, "-e", given, *mode)
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.count("changed=1") == 1
    words = (tmp_path / "words").read_text().splitlines()
    assert [line.split()[:3] for line in words] == [
        [command, "vagrant@10.0.0.1", "kafka-2"] for command in ("install", "plan", "status")
    ]
