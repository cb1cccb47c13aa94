"""Read the machine's apt sources, from which the lab takes its Debian packages."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# Suites that identify a Debian archive; suites of other archives may contain such a word.
_DEBIAN = {
    *("buster", "bullseye", "bookworm", "trixie", "forky", "duke", "sid"),
    *("oldoldstable", "oldstable", "stable", "testing", "unstable"),
}
_SCHEMES = ("http://", "https://", "file:/")


@dataclass(frozen=True)
class AptSource:
    """One package archive.

    signed_by: the keyring to check it with, if the source names one.
    """

    uri: str
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: Path | None = None


def read(etc_apt: Path = Path("/etc/apt")) -> tuple[AptSource, ...]:
    """All enabled sources of binary packages, in apt's order.

    Files that cannot be read or parsed are skipped, as apt does with files of other names.
    """
    found: list[AptSource] = []
    for path in (etc_apt / "sources.list", *sorted((etc_apt / "sources.list.d").glob("*"))):
        try:
            text = path.read_text(errors="replace")
        except OSError:
            continue
        if path.suffix == ".list":
            found += parse_list(text)
        elif path.suffix == ".sources":
            found += parse_deb822(text)
    return tuple(found)


def debian_archive(sources: tuple[AptSource, ...], suite: str) -> AptSource | None:
    """The archive for ``suite``: one that the machine uses for it, else any with Debian's main component
    (an archive holds all suites); None if there is none.
    """
    archives = [
        source
        for source in sources
        if "main" in source.components and source.uri.startswith(_SCHEMES) and _DEBIAN.intersection(source.suites)
    ]
    same = [source for source in archives if suite in source.suites]
    return next(iter(same + archives), None)


def parse_list(text: str) -> Iterator[AptSource]:
    """Read the one-line style, sources.list(5): ``deb [signed-by=KEYRING] URI SUITE COMPONENT...``"""
    for line in text.splitlines():
        entry = re.fullmatch(r"\s*deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<rest>[^#\s][^#]*)(?:#.*)?", line)
        if entry is None:
            continue
        options = dict(word.split("=", 1) for word in (entry["options"] or "").split() if "=" in word)
        try:
            uri, suite, *components = shlex.split(entry["rest"])
        except ValueError:
            continue
        yield AptSource(uri, (suite,), tuple(components), _keyring(options.get("signed-by", "")))


def parse_deb822(text: str) -> Iterator[AptSource]:
    """Read the stanza style, sources.list(5): ``Types:``, ``URIs:``, ``Suites:``, ``Components:`` ..."""
    for stanza in _stanzas(text):
        if "deb" not in stanza.get("types", "").split() or stanza.get("enabled", "yes").lower() in (
            "no",
            "false",
            "without",
            "off",
            "disable",
        ):
            continue
        for uri in stanza.get("uris", "").split():
            yield AptSource(
                uri,
                tuple(stanza.get("suites", "").split()),
                tuple(stanza.get("components", "").split()),
                _keyring(stanza.get("signed-by", "")),
            )


def _stanzas(text: str) -> Iterator[dict[str, str]]:
    stanza: dict[str, str] = {}
    field = ""
    for line in (*text.splitlines(), ""):
        if line.startswith("#"):
            continue  # also between the lines of one field
        if not line.strip():
            if stanza:
                yield stanza
            stanza, field = {}, ""
        elif line[0].isspace():
            if field:
                stanza[field] += f"\n{line.strip()}"
        else:
            name, _, value = line.partition(":")
            field = name.strip().lower()
            stanza[field] = value.strip()


def _keyring(value: str) -> Path | None:
    """The path of a keyring; None for an embedded key or a fingerprint."""
    first = value.partition(",")[0].strip()
    return Path(first) if first.startswith("/") and "\n" not in first else None
