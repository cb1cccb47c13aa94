"""render: writes every file of one or more hosts into a local folder, without contacting them.

An archive is read only if one is given, since its top directory is part of paths. render does not know what a host
runs, so versions without an option are the defaults.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kprov.errors import UsageError, unwritable
from kprov.kinds.file import File
from kprov.operations.named import named_nodes
from kprov.operations.releases import assumed_releases, check_compatibility
from kprov.operations.report import Report
from kprov.roles.desired import desired
from kprov.roles.inputs import Inputs
from kprov.roles.java import java_path
from kprov.spec.load import Flag
from kprov.topology import Node

_NO_HOST = "render reads no host: give the version with --kafka-version"


@dataclass(frozen=True)
class Rendered:
    """The files that were written below a folder."""

    folder: Path
    files: tuple[Path, ...]


def render(config: Path | None, hosts: Sequence[str], flags: Sequence[Flag], folder: Path) -> Report:
    """Write the files of each host, those of several hosts each into a folder of its own.

    Raises UsageError for wrong settings, and what ``write_files`` raises.
    """
    try:
        nodes = named_nodes(config, hosts, flags)
    except UsageError as error:
        raise _explained(error) from None
    folders = [folder / node.host.address if len(nodes) > 1 else folder for node in nodes]
    files = [file for node, own in zip(nodes, folders, strict=True) for file in write_files(node, own)]
    return Report("render", (Rendered(folder, tuple(files)),))


def _explained(error: UsageError) -> UsageError:
    """The same problems, with a hint at the version for which the keys were checked."""
    return UsageError(
        [
            replace(item, hint=f"{item.hint}; {_NO_HOST}") if re.match(r"Kafka [0-9]", item.what) else item
            for item in error.problems
        ]
    )


def write_files(node: Node, folder: Path) -> list[Path]:
    """Write the files below ``folder`` at the paths that they have on the host, and return their paths.

    Raises UsageError if the folder cannot be written or the versions do not work together, OutputError if its
    disk is full.
    """
    cluster = node.cluster
    found = assumed_releases(cluster)
    kafka, zookeeper, java = found.kafka, found.zookeeper, found.java
    java_home = cluster.java.home or (java_path(java) if java else "")
    environment = check_compatibility(cluster, java.major).environment if java else {}
    state = desired(node.with_java(java_home), Inputs(kafka, zookeeper, java, environment))
    return [_write(file, folder / file.path.lstrip("/")) for file in state.files()]


def _write(file: File, path: Path) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
        path.chmod(int(file.mode, 8))
    except OSError as error:
        hint = "name a folder that you may write to, with room enough"
        raise unwritable(error, f"{path} cannot be written", where="--to", hint=hint) from None
    return path
