"""The one format in which the remote library answers, and the one parser of it.

A line is ``@kprov``, the kind of record, then ``key=value`` fields, separated by tabs. A key that ends in
``64`` holds base64 of any bytes, one that ends in ``_e`` text whose tabs and backslashes are escaped by a
backslash; the record has it decoded under the key without that ending.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_MARK = "@kprov\t"
_ESCAPED = re.compile(r"\\([t\\])")


@dataclass(frozen=True)
class Record:
    """One answer: its kind and its fields; ``text`` and ``number`` read a field with a default."""

    kind: str
    fields: Mapping[str, str]

    def __getitem__(self, key: str) -> str:
        return self.fields.get(key, "")

    def number(self, key: str) -> int:
        """The field as a whole number; 0 where it is absent or is none."""
        value = self.fields.get(key, "")
        return int(value) if value.lstrip("-").isdigit() else 0


def parse(line: str) -> Record | None:
    """The record of a line; None for anything that the library did not write."""
    _, mark, rest = line.rstrip("\r\n").partition(_MARK)
    if not mark:
        return None
    kind, *fields = rest.split("\t")
    return Record(kind, dict(_fields(fields)))


def _fields(fields: list[str]) -> Iterator[tuple[str, str]]:
    for item in fields:
        key, separator, value = item.partition("=")
        if not separator:
            continue
        if key.endswith("64"):
            try:
                yield key[:-2], base64.b64decode(value, validate=True).decode("utf-8", "replace")
            except ValueError:  # binascii.Error is one; what is not ASCII raises the plain one
                yield key[:-2], ""
        elif key.endswith("_e"):
            yield key[:-2], _ESCAPED.sub(lambda match: "\t" if match[1] == "t" else "\\", value)
        else:
            yield key, value
