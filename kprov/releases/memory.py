"""Remembers what a scan of an archive found, so that a second run need not read 100 MB again."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from kprov.releases.tarball import Contents

#: Raised whenever a scan looks at something else: what an older kprov remembered is then not believed.
FORMAT = 1

_CONTENTS = TypeAdapter(Contents)


class Memory:
    """A folder with one small file per scanned archive.

    An archive is recognised by its path, size and time of change. What cannot be read or written is forgotten:
    the memory saves time, nothing depends on it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @staticmethod
    def key(path: Path) -> str:
        """What the archive is recognised by. Raises OSError if it cannot be looked at."""
        status = path.stat()
        return json.dumps([FORMAT, str(path.resolve()), status.st_size, status.st_mtime_ns])

    def recall(self, key: str) -> Contents | None:
        """What was found in the archive with this key, if it is remembered."""
        try:
            document = json.loads(self._file(key).read_text(encoding="utf-8"))
            return _CONTENTS.validate_python(document["contents"]) if document["key"] == key else None
        except (OSError, ValueError, KeyError, TypeError, ValidationError):
            return None

    def keep(self, key: str, contents: Contents) -> None:
        """Remember what was found in the archive with this key."""
        file = self._file(key)
        part = file.with_name(f"{file.name}.{os.getpid()}")
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps({"key": key, "contents": asdict(contents)}), encoding="utf-8")
            part.replace(file)

    def _file(self, key: str) -> Path:
        return self._folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"
