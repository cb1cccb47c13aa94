"""Root's rights, the commands that kprov calls, and the Java that will run."""

from __future__ import annotations

from collections.abc import Iterator

from kprov.checks.result import Finding, bad, good, unseen
from kprov.checks.subject import Subject


def privileges(host: Subject) -> Iterator[Finding]:
    """Commands run as root, at once or through sudo."""
    if host.uid:
        yield bad(f"commands run as user {host.uid}", "log in as root, or as a user who may become root with sudo")
    else:
        yield good("commands run as root")


def tools(host: Subject) -> Iterator[Finding]:
    """All commands that the remote library declares are there."""
    if host.missing:
        hint = "install coreutils, sed, grep, tar, gzip and the package with useradd (shadow-utils, passwd)"
        yield bad(f"the host lacks {', '.join(host.missing)}", hint)
    else:
        yield good("every command that kprov calls is there")


def java(host: Subject) -> Iterator[Finding]:
    """The Java fits the machine; one that is on the host already starts and tells its version."""
    java = host.java
    if java is None:
        return
    if java.home and not java.present:
        yield bad(f"{java.home}/bin/java is not there", "name the Java's own folder with --java-home")
    elif java.home and not java.version:
        yield bad(f"{java.home}/bin/java does not tell its version", "name another Java with --java-home")
    elif java.machine and java.machine != host.machine:
        hint = (
            f"get the one for it: kprov fetch --arch {host.machine} --to DIR; then name that file with --java-archive"
        )
        yield bad(f"{java.label} is for {java.machine}, the host is {host.machine}", hint)
    elif java.home:
        yield good(f"{java.home} is Java {java.version}")
    elif java.unpacked:
        yield good(f"{java.label} is on the host, in {java.unpacked}")
    elif java.unpacked is None:
        yield unseen(f"whether {java.label} is on the host already could not be read", "look at /usr/local/java")
    else:
        yield good(f"{java.label} will be pushed")
