"""The wheel is whole: installed where no checkout is, it renders the article's files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kprov command of a virtual environment that holds the wheel and its dependencies alone."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("kprov-*.whl")
    subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
    subprocess.run([folder / "venv/bin/pip", "-q", "install", str(wheel)], check=True, cwd=folder)
    return folder / "venv/bin/kprov"


def rendered(command: list[str], folder: Path) -> dict[str, str]:
    """What ``render`` writes for the article's host."""
    words = [*command, "render", "192.168.78.141", "--to", str(folder)]
    subprocess.run(words, check=True, capture_output=True, cwd=folder.parent)
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_the_wheel_renders_what_the_checkout_renders(installed: Path, tmp_path: Path) -> None:
    """Every template is in it."""
    files = rendered([str(installed)], tmp_path / "wheel")
    assert "num.network.threads=3" in files["usr/local/single_kafka/config/server.properties"].splitlines()
    assert {"usr/local/single_kafka/kk_zk_start.sh", "etc/systemd/system/kafka.service"} <= files.keys()
    assert files == rendered([sys.executable, "-m", "kprov"], tmp_path / "checkout")


def test_every_command_of_the_wheel_has_its_help(installed: Path) -> None:
    """Every module is in it, data and remote library included."""
    help_text = subprocess.run([installed, "--help"], check=True, capture_output=True, text=True).stdout
    names = [line.split()[0] for line in help_text.partition("Commands:")[2].splitlines() if line.strip()]
    assert "install" in names
    for name in names:
        subprocess.run([installed, name, "--help"], check=True, capture_output=True)
    probe = "from kprov.host.connection import _library; from kprov.spec.broker_keys import broker_keys; "
    probe += "from packaging.version import Version; print(len(_library()) > 1000, len(broker_keys(Version('3.9.2'))))"
    python = installed.parent / "python"
    done = subprocess.run([python, "-c", probe], check=True, capture_output=True, text=True, cwd="/")
    assert done.stdout.split() == ["True", "314"]


def test_verify_without_its_extra_says_what_to_install(installed: Path) -> None:
    """Before any host is reached."""
    done = subprocess.run([installed, "verify", "kafka-1"], check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert "-> pip install 'kprov[verify]'" in done.stderr
