"""The packages are whole: the wheel, and the single file, render the article's files where no checkout is."""

from __future__ import annotations

import os
import re
import shutil
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


@pytest.fixture(scope="module")
def single_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``make zipapp`` makes, with the programs of the environment that runs the tests."""
    folder = tmp_path_factory.mktemp("zipapp")
    words = ["make", "-s", "-C", str(ROOT), "-o", "setup", f"BIN={Path(sys.executable).parent}", f"DIST={folder}"]
    subprocess.run([*words, "zipapp"], check=True, capture_output=True)
    return folder / "kprov.pyz"


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
    assert "-> pip install pytest pytest-testinfra" in done.stderr


def test_the_single_file_needs_nothing_but_python(single_file: Path, tmp_path: Path) -> None:
    """It renders what the checkout renders, without the packages that are installed here."""
    bare = ["env", "-i", f"PATH={os.defpath}", f"SHIV_ROOT={tmp_path / 'unpacked'}", sys.executable, "-I"]
    files = rendered([*bare, str(single_file)], tmp_path / "single")
    assert files == rendered([sys.executable, "-m", "kprov"], tmp_path / "checkout")
    words = [*bare, str(single_file), "verify", "--help"]
    assert "testinfra" in subprocess.run(words, check=True, capture_output=True, text=True).stdout


def test_packages_are_the_same_whenever_they_are_built(tmp_path: Path) -> None:
    """Byte for byte, so that everybody can check what is published against its source."""
    built = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        source = folder / "source"
        shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".git", ".venv", "dist", ".*_cache", "__pycache__"))
        for path in source.rglob("*.py"):
            os.utime(path, (len(built) * 1e9, len(built) * 1e9))
        words = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder / "dist"), str(source)]
        subprocess.run(words, check=True, capture_output=True)
        built.append({path.name: path.read_bytes() for path in (folder / "dist").iterdir()})
    assert len(built[0]) == 2
    assert built[0] == built[1]


def test_the_versions_that_matter(installed: Path) -> None:
    """Of kprov, of what it is made of, and of what it installs."""
    told = subprocess.run([installed, "--version"], check=True, capture_output=True, text=True).stdout
    assert re.fullmatch(
        r"kprov [0-9.]+\nPython 3\.\S+, fabric \S+, paramiko \S+, jinja2 \S+, click \S+\n"
        r"installs Kafka 1\.0\.0 to 3\.9\.\d+\n",
        told,
    )
