"""What the tutorial and the how-to pages show is what one sees: every command, on lab hosts, in the pages' order."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.cluster import boot_three
from support.sessions import Typed, difference, run, sessions

from kprov.lab.access import prepare_home
from kprov.lab.archives import default_directory

pytestmark = [pytest.mark.lab, pytest.mark.soak, pytest.mark.timeout(900)]

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("tutorial.md", "howto/upgrade.md", "howto/remove.md")
SESSIONS = [typed for page in PAGES for typed in sessions(DOCS / page)]


@dataclass
class Desk:
    """Where the reader of the pages sits: a directory, a home with an ssh_config, and archives in the cache."""

    folder: Path
    environment: dict[str, str]
    network: str

    def type(self, typed: Typed) -> tuple[int, list[str]]:
        """Run a command; the lines, with the pages' addresses."""
        code, lines = run(typed, Path(sys.executable).parent / "kprov", self.folder, self.environment)
        return code, [line.replace(self.network, "192.168.78.") for line in lines]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with boot_three(130, tmp_path_factory.mktemp("pages")) as cluster:
        home = tmp_path_factory.mktemp("home")
        prepare_home(home, cluster.lab.ssh_config, default_directory())
        (home / "work").mkdir()
        own = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "KPROV_"))}
        network = cluster.machines[0].address.rpartition(".")[0] + "."
        yield Desk(home / "work", own | {"HOME": str(home), "COLUMNS": "200"}, network)


@pytest.mark.parametrize("typed", SESSIONS, ids=lambda typed: typed.where)
def test_what_a_page_shows_is_what_one_sees(typed: Typed, desk: Desk) -> None:
    code, seen = desk.type(typed)
    assert difference(typed.shown, seen) == "", "\n".join(seen)
    refused = any(line.startswith("error:") for line in typed.shown)
    assert code == (2 if refused else 0), "\n".join(seen)
