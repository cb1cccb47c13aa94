"""The JSON schema of kprov.yaml, for editors: ``python -m kprov.spec.schema``.

It is made from the models, and takes what their validators take from YAML: a number where a text is wanted, an empty
group, ``off``. What a schema cannot say, such as a property's range in one version of Kafka, kprov says when it loads
the file.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from kprov.spec.model import Cluster

TITLE = "kprov.yaml"
_OURS = {"kind", "hint", "title"}  # for kprov's own messages, and names of classes
_RENAMED = {"ge": "minimum", "le": "maximum"}
_FROM_NUMBERS = {"scala", "rack"}
_ITEM = {"type": ["string", "number", "boolean", "array"], "items": {"type": ["string", "number"]}}


def schema() -> dict[str, Any]:
    """The schema, in the dialect of 2020-12."""
    found = _tidied(Cluster.model_json_schema())
    for part in (found, *found["$defs"].values()):
        for name, field in part.get("properties", {}).items():
            part["properties"][name] = _from_yaml(name, field)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": TITLE, **found}


def text() -> str:
    """The schema as it is published and written beside a kprov.yaml."""
    return json.dumps(schema(), indent=1) + "\n"


def _tidied(node: Any) -> Any:
    """Without what is only for kprov, and with the names that the dialect has."""
    if isinstance(node, list):
        return [_tidied(item) for item in node]
    if not isinstance(node, dict):
        return node
    named = "properties" in node or "$defs" in node
    return {
        _RENAMED.get(key, key): {name: _tidied(item) for name, item in value.items()}
        if key in {"properties", "$defs"} and named
        else _tidied(value)
        for key, value in node.items()
        if key not in _OURS or not isinstance(value, str)
    }


def _from_yaml(name: str, field: dict[str, Any]) -> dict[str, Any]:
    """A field with all that its validator takes from YAML."""
    if name in {"properties", "plugin_properties"}:
        return {**field, "type": ["object", "null"], "additionalProperties": _ITEM}
    if "$ref" in field:
        group = {key: value for key, value in field.items() if key != "$ref"}
        return {**group, "anyOf": [{"$ref": field["$ref"]}, {"type": "null"}]}
    if name == "jmx_port":
        return {**field, "anyOf": [*field["anyOf"], {"enum": ["off", False]}]}
    if name in _FROM_NUMBERS:
        return {**field, "anyOf": [*field["anyOf"], {"type": "number"}]}
    return field


if __name__ == "__main__":
    sys.stdout.write(text())
