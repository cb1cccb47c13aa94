"""Java (A1): the release that is pushed, and JAVA_HOME for login shells."""

from __future__ import annotations

from collections.abc import Mapping

from kprov.kinds.base import Resource
from kprov.kinds.file import File
from kprov.releases.archive import Archive
from kprov.roles.common import parents, release
from kprov.roles.hardening import as_written_and_real
from kprov.roles.inputs import Inputs
from kprov.roles.templates import render

JAVA = "/usr/local/java"


def java_path(archive: Archive) -> str:
    """JAVA_HOME of a pushed release."""
    return f"{JAVA}/{archive.top}"


def java_program(java_home: str) -> str:
    """The program that the start scripts run."""
    return f"{java_home}/bin/java"


def java_paths(home: str, real: Mapping[str, str]) -> tuple[str, ...]:
    """What the services need of Java: its home, and where its program leads if that is a link out of the home.

    real: where paths of the host lead once symbolic links are followed.
    """
    program = java_program(home)
    leads = real.get(program, program)
    inside = any(leads.startswith(f"{path}/") for path in as_written_and_real([home], real))
    return (home,) if inside else (home, leads)


def java(java_home: str, inputs: Inputs) -> list[Resource]:
    """The resources of Java, in order. java_home: JAVA_HOME on the host."""
    profile = render("profile.sh", java_home=java_home, environment=list(inputs.environment.items()))
    resources: list[Resource] = []
    if inputs.java is not None:
        resources += [*parents(java_home), release(inputs.java, java_home)]
    return [*resources, File("/etc/profile.d/kprov.sh", profile)]
