"""The format of the remote library's answers, and its parser.

A line is ``@kprov``, the kind of record, then ``key=value`` fields, separated by tabs. The value of a key that
ends in ``64`` is base64; that of a key that ends in ``_e`` has tabs, line breaks and backslashes escaped with a
backslash.
The record holds both decoded, under the key without that ending.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_MARK = "@kprov\t"
_ESCAPED = re.compile(r"\\([tn\\])")
_MEANT = {"t": "\t", "n": "\n", "\\": "\\"}


@dataclass(frozen=True)
class Record:
    """One answer: its kind and its fields. A field that is missing reads as empty, or as 0."""

    kind: str
    fields: Mapping[str, str]

    def __getitem__(self, key: str) -> str:
        return self.fields.get(key, "")

    def number(self, key: str) -> int:
        """The field as an integer; 0 if it is missing or not one."""
        value = self.fields.get(key, "")
        return int(value) if value.lstrip("-").isdigit() else 0


def parse(line: str) -> Record | None:
    """Read the record from a line; None if the library did not write it."""
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
            except ValueError:  # binascii.Error is a ValueError; non-ASCII text raises ValueError itself
                yield key[:-2], ""
        elif key.endswith("_e"):
            yield key[:-2], _ESCAPED.sub(lambda match: _MEANT[match[1]], value)
        else:
            yield key, value
