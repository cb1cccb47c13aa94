"""Validate documents against docs/schemas."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

FOLDER = Path(__file__).parents[2] / "docs/schemas"


@cache
def validator(name: str) -> Draft202012Validator:
    """The validator for ``docs/schemas/NAME.json``, which is itself validated."""
    schema = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def validated(text: str, name: str = "kprov-1") -> Any:
    """Return the document; AssertionError with each place where it violates the schema, or has an empty text."""
    document = json.loads(text)
    wrong = [f"{error.json_path}: {error.message}" for error in validator(name).iter_errors(document)]
    wrong += [f"{place}: empty text, where null is meant" for place in _empty(document, "$")]
    assert not wrong, "\n".join(wrong)
    return document


def _empty(value: Any, place: str) -> Iterator[str]:
    """Where a key has an empty text."""
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _empty(item, f"{place}[{number}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from [f"{place}.{key}"] if item == "" else _empty(item, f"{place}.{key}")
