"""Java (A1): the release that is pushed, and JAVA_HOME for login shells."""

from __future__ import annotations

from kprov.desired.common import parents, release
from kprov.desired.hardening import as_written_and_real
from kprov.desired.inputs import Inputs
from kprov.desired.templates import render
from kprov.kinds.base import Resource
from kprov.kinds.file import File
from kprov.releases.archive import Archive

JAVA = "/usr/local/java"


def java_path(archive: Archive) -> str:
    """JAVA_HOME of a pushed release."""
    return f"{JAVA}/{archive.top}"


def java_program(java_home: str) -> str:
    """The program that the start scripts run."""
    return f"{java_home}/bin/java"


def java_paths(inputs: Inputs) -> tuple[str, ...]:
    """What the services need of Java: its home, and where its program leads if that is a link out of the home."""
    home, program = inputs.java_home, java_program(inputs.java_home)
    leads = inputs.real.get(program, program)
    inside = any(leads.startswith(f"{path}/") for path in as_written_and_real([home], inputs.real))
    return (home,) if inside else (home, leads)


def java(inputs: Inputs) -> list[Resource]:
    """The resources of Java, in order."""
    profile = render("profile.sh", java_home=inputs.java_home, environment=list(inputs.environment.items()))
    resources: list[Resource] = []
    if inputs.java is not None:
        resources += [*parents(inputs.java_home), release(inputs.java, inputs.java_home)]
    return [*resources, File("/etc/profile.d/kprov.sh", profile)]
