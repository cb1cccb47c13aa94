"""fetch: the archives of a release, verified, in the cache or in a folder for a closed network."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kprov.errors import Problem, UsageError
from kprov.events import Emit, Warned
from kprov.operations.report import NextStep, Report
from kprov.releases import catalogue
from kprov.releases.archive import Archive
from kprov.releases.bundle import bundle
from kprov.releases.catalogue import Wanted
from kprov.releases.compatibility import check
from kprov.releases.sources import locate


@dataclass(frozen=True)
class Versions:
    """Which releases are fetched.

    scala: the build of Kafka, None for the usual one. zookeeper: None for the one in Kafka's archive. java: a release
    of the catalogue, None if the hosts have their own; arch: the machine that it is for, as ``uname -m`` prints it.
    """

    kafka: str
    scala: str | None
    zookeeper: str | None
    java: str | None
    arch: str


@dataclass(frozen=True)
class Fetched:
    """The archives that were found or downloaded. warnings: what upstream does not support about the combination."""

    warnings: tuple[str, ...]
    archives: tuple[Archive, ...]


def fetch(versions: Versions, archives: Path | None, to: Path | None, emit: Emit, *, options: Sequence[str]) -> Report:
    """Find or download every archive, and copy them to the folder ``to`` if one is given.

    archives: a folder that is searched first. options: those that choose the releases, which install needs too.
    Raises UsageError with all problems, also if the versions do not work together.
    """
    java = None if versions.java is None else catalogue.release_major(versions.java)
    wanted = _wanted(versions)
    compatibility = check(versions.kafka, versions.zookeeper, java)
    compatibility.require()
    for warning in compatibility.warnings:
        emit(Warned(warning))
    found = _locate_all(wanted, archives, emit)
    if to is None:
        return Report("fetch", (Fetched(compatibility.warnings, found),))
    fetched = Fetched(compatibility.warnings, bundle(found, to, emit=emit))
    command = shlex.join(["kprov", "install", "HOST", *options, "--archives", str(to)])
    return Report("fetch", (fetched, NextStep(command)))


def _wanted(versions: Versions) -> list[Wanted]:
    wanted = [catalogue.kafka(versions.kafka, scala=versions.scala)]
    if versions.zookeeper is not None:
        wanted.append(catalogue.zookeeper(versions.zookeeper))
    if versions.java is not None:
        wanted.append(catalogue.java(versions.java, arch=versions.arch))
    return wanted


def _locate_all(wanted: Sequence[Wanted], archives: Path | None, emit: Emit) -> tuple[Archive, ...]:
    """Every archive. Raises UsageError with all problems, not only the first."""
    found: list[Archive] = []
    problems: list[Problem] = []
    for item in wanted:
        try:
            found.append(locate(item, archives=archives, emit=emit))
        except UsageError as error:
            problems += (problem for problem in error.problems if problem not in problems)
    if problems:
        raise UsageError(problems)
    return tuple(found)
