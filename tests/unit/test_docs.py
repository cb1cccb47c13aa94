"""The pages that are made from the code are those of the code, and the links between pages lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kprov.cli.document import commands
from kprov.errors import ExitCode
from kprov.releases import catalogue
from kprov.releases.product import Product
from kprov.spec.document import configuration
from kprov.spec.model import Java, Kafka, ZooKeeper

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "README.zh-CN.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_the_configuration_page_is_that_of_the_models() -> None:
    """Regenerate it with python -m kprov.spec.document > docs/configuration.md."""
    assert (ROOT / "docs/configuration.md").read_text(encoding="utf-8") == configuration()


def test_the_page_of_the_commands_is_that_of_their_help() -> None:
    """Regenerate it with python -m kprov.cli.document > docs/commands.md."""
    assert (ROOT / "docs/commands.md").read_text(encoding="utf-8") == commands()


def test_every_exit_code_is_documented() -> None:
    """And none besides."""
    text = (ROOT / "docs/exit-codes.md").read_text(encoding="utf-8")
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)] == sorted(ExitCode)


def test_the_commands_that_a_host_needs_are_documented() -> None:
    """Those that the remote library declares."""
    library = (ROOT / "kprov/host/library.sh").read_text(encoding="utf-8")
    needs = re.search(r"^kprov_needs='([^']+)'", library, re.MULTILINE)
    assert needs
    listed = re.search(r"minimal CentOS 7: ([^.]+)\.", (ROOT / "docs/hosts.md").read_text(encoding="utf-8"))
    assert listed
    assert listed[1].split() == needs[1].split()


def test_the_ways_into_a_host_that_are_tested_are_documented() -> None:
    """Each variant of tests/lab/test_access.py is named in the table of docs/hosts.md."""
    tests = (ROOT / "tests/lab/test_access.py").read_text(encoding="utf-8")
    variants = re.findall(r'^    "([^"]+)": Variant\(', tests, re.MULTILINE)
    assert len(variants) > 25
    page = (ROOT / "docs/hosts.md").read_text(encoding="utf-8")
    assert [name for name in variants if name.removesuffix(", with requiretty") not in page] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every file that a page links to is there."""
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


def test_the_house_names_every_part_of_the_package() -> None:
    """docs/architecture.md knows each module and package at the top of kprov/."""
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    parts = [path for path in (ROOT / "kprov").iterdir() if not path.name.startswith("__")]
    names = [f"{path.name}/" if path.is_dir() else path.name for path in parts]
    assert [name for name in names if name not in text] == []


def test_the_specification_defaults_to_what_the_catalogue_does() -> None:
    """The two say the same."""
    assert Kafka().version == catalogue.default_version(Product.KAFKA)
    assert ZooKeeper().version == catalogue.default_version(Product.ZOOKEEPER)
    assert Java().release == catalogue.default_version(Product.JAVA)


def test_the_page_on_clusters_names_tests_that_exist() -> None:
    """Each row of what a command does to availability has its test."""
    page = (ROOT / "docs/clusters.md").read_text(encoding="utf-8")
    named = re.findall(r"`(test_\w+)::(test_\w+)`", page)
    assert len(named) > 12
    missing = [
        f"{module}::{test}"
        for module, test in named
        if not any(
            f"def {test}(" in path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob(f"{module}.py")
        )
    ]
    assert missing == []
