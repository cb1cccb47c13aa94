"""init: writes a kprov.yaml for hosts, with comments, and the schema that editors complete and check it with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kprov.errors import UsageError, unwritable
from kprov.operations.named import all_nodes
from kprov.operations.report import NextStep, Report
from kprov.spec.commented import commented
from kprov.spec.load import Flag
from kprov.spec.schema import TITLE, text

SCHEMA_FILE = "kprov.schema.json"
_USUAL = Path("kprov.yaml")


@dataclass(frozen=True)
class Initialised:
    """The files that were written, the settings first."""

    files: tuple[Path, ...]


def init(hosts: Sequence[str], flags: Sequence[Flag], file: Path) -> Report:
    """Write the files. Raises UsageError for wrong settings and for files that are there already, and OutputError."""
    cluster = all_nodes(None, hosts, flags)[0].cluster
    beside = file.parent / SCHEMA_FILE
    if file.exists():
        raise UsageError(f"{file} is there already", where="--to", hint="name another file, or move this one away")
    if beside.exists() and not _is_ours(beside):
        hint = "kprov writes its schema there: move the file away, or name a file in another directory"
        raise UsageError(f"{beside} is something else", where="--to", hint=hint)
    for path, content in ((beside, text()), (file, commented(cluster))):
        _write(path, content)
    config = "" if file == _USUAL else f" --config {file}"
    return Report("init", (Initialised((file, beside)), NextStep(f"kprov check{config}")))


def _is_ours(path: Path) -> bool:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and found.get("title") == TITLE


def _write(path: Path, content: str) -> None:
    try:
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        hint = "name a file in a directory that you may write to"
        raise unwritable(error, f"{path} cannot be written", where="--to", hint=hint) from None
