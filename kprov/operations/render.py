"""render: every file of a specification into a local folder, without a host and without an archive."""

from __future__ import annotations

from pathlib import Path

from kprov.desired.host import desired
from kprov.desired.inputs import Inputs
from kprov.desired.java import java_path
from kprov.errors import unwritable
from kprov.operations.install import check_compatibility, named
from kprov.releases import catalogue
from kprov.resources.files import File
from kprov.spec.model import Cluster, Host, Mode


def render(cluster: Cluster, host: Host, folder: Path) -> list[Path]:
    """Write the files below ``folder`` at the paths that they have on the host; their paths.

    Raises UsageError where the folder cannot be written or the versions do not go together, OutputError where its
    disk is full.
    """
    kafka = named(catalogue.kafka(cluster.kafka.version, scala=cluster.kafka.scala))
    standalone = cluster.zookeeper.mode is Mode.STANDALONE
    zookeeper = named(catalogue.zookeeper(cluster.zookeeper.version)) if standalone else None
    java = None if cluster.java.home else named(catalogue.java(cluster.java.release))
    java_home = cluster.java.home or (java_path(java) if java else "")
    environment = check_compatibility(cluster, java.major).environment if java else {}
    inputs = Inputs(kafka, zookeeper, java, java_home, environment)
    return [_write(file, folder / file.path.lstrip("/")) for file in desired(cluster, host, inputs).files()]


def _write(file: File, path: Path) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.content, encoding="utf-8")
        path.chmod(int(file.mode, 8))
    except OSError as error:
        hint = "name a folder that you may write to, with room enough"
        raise unwritable(error, f"{path} cannot be written", where="--to", hint=hint) from None
    return path
