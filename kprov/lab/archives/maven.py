"""Jars and what they depend on, from Maven Central by ``mvn``, through the user's own repository."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from kprov.errors import Problem
from kprov.lab.run import environment, run

PLUGIN_VERSION = "2.8"  # what Maven 3.6 to 3.8 takes by itself; fixed, so that all of them do the same


def missing() -> tuple[Problem, ...]:
    """What keeps this machine from using Maven."""
    if shutil.which("mvn", path=environment()["PATH"]):
        return ()
    return (Problem("mvn is missing", hint="apt-get install maven"),)


def copy_jars(coordinates: Sequence[str], folder: Path) -> None:
    """Copy the jars of these coordinates, and all that they need at run time, to ``folder``.

    Raises StepError if one of them cannot be had.
    """
    with tempfile.TemporaryDirectory(prefix="kprov-pom-") as temporary:
        project = Path(temporary, "pom.xml")
        project.write_text(pom(coordinates), encoding="utf-8")
        run(
            "mvn",
            "--quiet",
            "--batch-mode",
            "--strict-checksums",
            "-Dstyle.color=never",
            f"--file={project}",
            "dependency:copy-dependencies",
            f"-DoutputDirectory={folder}",
            hint="Maven gets its packages from where ~/.m2/settings.xml says; can that be reached?",
        )


def pom(coordinates: Sequence[str]) -> str:
    """A project that depends on these coordinates and does nothing else.

    Maven takes the version nearest to the project, so a coordinate given here also fixes the version of
    a dependency of another one.
    """
    dependencies = "".join(_dependency(*coordinate.split(":")) for coordinate in coordinates)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<project xmlns="http://maven.apache.org/POM/4.0.0">\n'
        "  <modelVersion>4.0.0</modelVersion>\n"
        "  <groupId>kprov.lab</groupId><artifactId>archive</artifactId><version>1</version>\n"
        "  <packaging>pom</packaging>\n"
        "  <build><pluginManagement><plugins><plugin>\n"
        "    <artifactId>maven-dependency-plugin</artifactId>"
        f"<version>{PLUGIN_VERSION}</version>\n"
        "  </plugin></plugins></pluginManagement></build>\n"
        f"  <dependencies>\n{dependencies}  </dependencies>\n"
        "</project>\n"
    )


def _dependency(group: str, artifact: str, version: str) -> str:
    return (
        f"    <dependency><groupId>{escape(group)}</groupId><artifactId>{escape(artifact)}</artifactId>"
        f"<version>{escape(version)}</version></dependency>\n"
    )
