"""The Java that will run, for the checks."""

from __future__ import annotations

import re
from collections.abc import Mapping

from kprov.checks.subject import ChosenJava
from kprov.kinds.base import ABSENT, Answer
from kprov.receipt import Receipt
from kprov.releases.chosen import Releases


def the_java(releases: Releases, java_home: str, seen: Mapping[str, Answer], *, receipt: Receipt) -> ChosenJava:
    """The Java that will run: from an archive, which may be unpacked already, or the host's own."""
    version = _java_version(releases, seen)
    if releases.java is None:
        return ChosenJava("Java", home=java_home, present=seen["java"].get("status") == "present", version=version)
    archive = releases.java
    status = seen.get(f"release:{java_home}", ABSENT)["status"]
    entry = receipt.made.get(f"release:{java_home}")
    ours = entry is not None and entry.content == archive.sha256 and not entry.pending
    unpacked = None if status == "unknown" else java_home if status == "present" and ours else ""
    return ChosenJava(f"Java {version}", archive.arch or "", version=version, unpacked=unpacked)


def _java_version(releases: Releases, seen: Mapping[str, Answer]) -> str:
    """The version of the archive, or what ``java -version`` of the host's own prints; empty if it prints none."""
    if releases.java is not None:
        return releases.java.version
    match = re.search(r'version "([0-9][^"]*)"', seen["java"].get("version", ""))
    return match[1] if match else ""
