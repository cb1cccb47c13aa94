"""Which Debian archive the machine's apt knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from kprov.lab.apt_sources import AptSource, debian_archive, parse_deb822, parse_list, read

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def test_one_line_style() -> None:
    text = f"""\
# deb http://commented.example/debian bookworm main
deb http://one.example/debian bookworm main contrib   # a remark
deb-src http://source.example/debian bookworm main
  deb [arch=amd64 signed-by={KEYRING}] https://two.example/debian trixie main
deb http://flat.example/ ./
deb
deb "unclosed
"""
    assert list(parse_list(text)) == [
        AptSource("http://one.example/debian", ("bookworm",), ("main", "contrib")),
        AptSource("https://two.example/debian", ("trixie",), ("main",), Path(KEYRING)),
        AptSource("http://flat.example/", ("./",), ()),
    ]


def test_stanzas() -> None:
    text = f"""\
Types: deb deb-src
# a remark between the lines
URIs: http://one.example/debian
 http://two.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: {KEYRING}

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main

Types: deb-src
URIs: http://source.example/debian
Suites: bookworm
Components: main


types: deb
uris: http://inline.example/debian
suites: sid
components: main
signed-by:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 /abcdef
 -----END PGP PUBLIC KEY BLOCK-----
"""
    suites = ("bookworm", "bookworm-updates")
    assert list(parse_deb822(text)) == [
        AptSource("http://one.example/debian", suites, ("main",), Path(KEYRING)),
        AptSource("http://two.example/debian", suites, ("main",), Path(KEYRING)),
        AptSource("http://inline.example/debian", ("sid",), ("main",)),
    ]


def test_files_are_read_in_apt_s_order(tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text("deb http://first.example/ sid main\n")
    (tmp_path / "sources.list.d/b.list").write_text("deb http://third.example/ sid main\n")
    (tmp_path / "sources.list.d/a.sources").write_text(
        "Types: deb\nURIs: http://second.example/\nSuites: sid\nComponents: main\n"
    )
    (tmp_path / "sources.list.d/c.list.save").write_text("deb http://ignored.example/ sid main\n")
    assert [source.uri for source in read(tmp_path)] == [
        "http://first.example/",
        "http://second.example/",
        "http://third.example/",
    ]


def test_no_sources_at_all(tmp_path: Path) -> None:
    assert read(tmp_path / "none") == ()


def source(uri: str, *suites: str, components: tuple[str, ...] = ("main",)) -> AptSource:
    return AptSource(uri, suites, components)


SECURITY = source("http://security.example/", "bookworm-security")
OTHERS = source("https://packages.example/apt", "cloud-sdk-bookworm")
UBUNTU = source("http://ubuntu.example/", "noble")
TRIXIE = source("http://debian.example/", "trixie", "trixie-updates")
BOOKWORM = source("https://mirror.example/debian", "bookworm", "bookworm-updates")


@pytest.mark.parametrize(
    ("sources", "chosen"),
    [
        ((SECURITY, OTHERS, BOOKWORM), BOOKWORM),
        ((TRIXIE, BOOKWORM), BOOKWORM),
        ((OTHERS, TRIXIE), TRIXIE),
        ((SECURITY, OTHERS, UBUNTU), None),
        ((source("cdrom:[disc]/", "bookworm"),), None),
        ((source("http://x.example/", "bookworm", components=("contrib",)),), None),
        ((), None),
    ],
)
def test_the_archive_to_build_from(sources: tuple[AptSource, ...], chosen: AptSource | None) -> None:
    assert debian_archive(sources, "bookworm") == chosen
