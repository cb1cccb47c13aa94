"""Java (A1): the release that is pushed, and JAVA_HOME for login shells."""

from __future__ import annotations

from kprov.desired.common import parents, release
from kprov.desired.inputs import Inputs
from kprov.desired.templates import render
from kprov.releases.archive import Archive
from kprov.resources.base import Resource
from kprov.resources.files import File

JAVA = "/usr/local/java"


def java_path(archive: Archive) -> str:
    """JAVA_HOME of a pushed release."""
    return f"{JAVA}/{archive.top}"


def java(inputs: Inputs) -> list[Resource]:
    """The resources of Java, in order."""
    profile = render("profile.sh", java_home=inputs.java_home, environment=list(inputs.environment.items()))
    resources: list[Resource] = []
    if inputs.java is not None:
        resources += [*parents(inputs.java_home), release(inputs.java, inputs.java_home)]
    return [*resources, File("/etc/profile.d/kprov.sh", profile)]
