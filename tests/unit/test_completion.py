"""What the Tab key offers: with click's own protocol, as each shell asks for it, and in a real bash."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

KPROV = Path(sys.executable).with_name("kprov")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh/config").write_text("Host kafka-1 kafka-2 !no\n  User root\nHost *.example.com\nhost=bastion\n")
    return tmp_path


def offered(line: str, home: Path) -> list[str]:
    """The words that a shell would offer for the last word of a line."""
    words = line.split(" ")
    asked = {"_KPROV_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    environment = {**os.environ, **asked, "HOME": str(home)}
    done = subprocess.run([KPROV], env=environment, cwd=home, capture_output=True, text=True, check=True)
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("kprov up", ["upgrade"]),
        ("kprov status ka", ["kafka-1", "kafka-2"]),
        ("kprov status kafka-1 ka", ["kafka-2"]),
        ("kprov status root@ba", ["root@bastion"]),
        ("kprov install x --zookeeper-version 3.5.3", ["3.5.3-beta"]),
        ("kprov install x --java temurin-1", ["temurin-17", "temurin-11"]),
        ("kprov install x --set num.part", ["num.partitions="]),
        ("kprov install x --kafka-version 3.9.2 --set process.r", ["process.roles="]),
        ("kprov install x --kafka-version latest --set process.r", ["process.roles="]),
        ("kprov install x --ignore mem", ["memory"]),
        ("kprov completion z", ["zsh"]),
        ("kprov status --js", ["--json"]),
    ],
)
def test_words_are_offered(line: str, words: list[str], home: Path) -> None:
    assert offered(line, home) == words


def test_the_hosts_of_kprov_yaml_are_offered(home: Path) -> None:
    (home / "kprov.yaml").write_text("hosts:\n  - {address: broker-1}\n  - address: 'broker-2'\n")
    assert offered("kprov status br", home) == ["broker-1", "broker-2"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script(shell: str) -> None:
    done = subprocess.run([KPROV, "completion", shell], capture_output=True, text=True, check=True)
    assert "_KPROV_COMPLETE" in done.stdout


def test_bash_takes_the_script() -> None:
    text = f'PATH={KPROV.parent}:$PATH; eval "$(kprov completion bash)"; complete -p kprov'
    done = subprocess.run(["bash", "-c", text], capture_output=True, text=True, check=True)
    assert "kprov" in done.stdout
