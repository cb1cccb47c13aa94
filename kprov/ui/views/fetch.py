"""The archives that fetch found or downloaded."""

from __future__ import annotations

from typing import Any

from kprov.commands import HostArguments
from kprov.operations.fetch import Fetched
from kprov.releases.archive import Archive
from kprov.sizes import human_size
from kprov.ui.views.view import View


def view(result: Fetched, _: HostArguments) -> View:
    """One line per archive; the warnings were shown when they occurred."""
    document = {"warnings": list(result.warnings), "archives": [_document(archive) for archive in result.archives]}
    return View(document, tuple(_line(archive) for archive in result.archives))


def _line(archive: Archive) -> str:
    return f"{archive.product.label + ' ' + archive.version:<22} {human_size(archive.size):>10}  {archive.path}"


def _document(archive: Archive) -> dict[str, Any]:
    return {
        "product": archive.product.value,
        "version": archive.version,
        "name": archive.name,
        "path": str(archive.path),
        "size": archive.size,
        "sha256": archive.sha256,
        "sha512": archive.sha512,
        "arch": archive.arch,
    }
