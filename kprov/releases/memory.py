"""Caches the result of scanning an archive, so that the next run does not read 100 MB again."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from kprov.releases.contents import Contents

#: Increase it whenever a scan changes; results of older versions are then ignored.
FORMAT = 1

_CONTENTS = TypeAdapter(Contents)


class Memory:
    """A folder with one small file per scanned archive.

    An archive is identified by its path, size and modification time. Errors are ignored: the memory only saves time.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @staticmethod
    def key(path: Path) -> str:
        """The identity of the archive. Raises OSError if it cannot be read."""
        status = path.stat()
        return json.dumps([FORMAT, str(path.resolve()), status.st_size, status.st_mtime_ns])

    def recall(self, key: str) -> Contents | None:
        """The contents of the archive with this key; None if they are not cached."""
        try:
            document = json.loads(self._file(key).read_text(encoding="utf-8"))
            return _CONTENTS.validate_python(document["contents"]) if document["key"] == key else None
        except (OSError, ValueError, KeyError, TypeError, ValidationError):
            return None

    def keep(self, key: str, contents: Contents) -> None:
        """Cache the contents of the archive with this key."""
        file = self._file(key)
        part = file.with_name(f"{file.name}.{os.getpid()}")
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps({"key": key, "contents": asdict(contents)}), encoding="utf-8")
            part.replace(file)

    def _file(self, key: str) -> Path:
        return self._folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"
