"""A kprov.yaml with every key that there is: those that matter are set, the others are comments with their defaults."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import BaseModel
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from kprov.spec.model import Cluster, Host

_HEAD = """# yaml-language-server: $schema=./kprov.schema.json
# What kprov installs. Lines that are comments have the default, or an empty place; all keys must be known ones.
# To be used in this directory, without naming a HOST: kprov check; kprov install
"""
_WIDTH = 100
# The keys that are always set: what is installed, and how much memory it takes.
_SET = {
    ("kafka", "version"),
    ("kafka", "heap"),
    ("zookeeper", "mode"),
    ("zookeeper", "version"),
    ("zookeeper", "heap"),
}
_ID = frozenset({"id"})


@dataclass(frozen=True)
class _Place:
    """Where a group is in the file. always: keys that are set there even to a default. brief: without comments."""

    path: tuple[str, ...] = ()
    indent: str = ""
    always: frozenset[str] = frozenset()
    brief: bool = False


def commented(cluster: Cluster) -> str:
    """The file for these settings; loading it gives them again."""
    lines = [_HEAD, *_field(cluster, "name", _Place())]
    for name in ("kafka", "zookeeper", "java"):
        lines += ["", f"{name}:", *_group(getattr(cluster, name), _Place((name,), "  "))]
    several = len(cluster.hosts) > 1
    lines += ["", "hosts:"]
    for number, host in enumerate(cluster.hosts):
        lines += _host(host, _ID if several else frozenset(), brief=number > 0)
    return "\n".join(lines) + "\n"


def _host(host: Host, always: frozenset[str], *, brief: bool) -> Iterator[str]:
    """A host; only the first one has comments."""
    yield f"  - address: {_scalar(host.address)}"
    for name in ("roles", "advertised", "internal"):
        yield from _field(host, name, _Place(("hosts",), "    ", brief=brief))
    for name in ("ssh", "broker", "zookeeper"):
        lines = [*_group(getattr(host, name), _Place(("hosts", name), "      ", always, brief))]
        if lines:
            yield from (f"    {name}:", *lines)


def _group(group: BaseModel, place: _Place) -> Iterator[str]:
    for name in type(group).model_fields:
        yield from _field(group, name, place)


def _field(group: BaseModel, name: str, place: _Place) -> Iterator[str]:
    """A key below its description."""
    field, value = type(group).model_fields[name], getattr(group, name)
    default = field.get_default(call_default_factory=True, validated_data={})
    shown = name in place.always or value != default or (*place.path, name) in _SET
    if place.brief and not shown:
        return
    if not place.brief:
        for line in textwrap.wrap(field.description or name, _WIDTH - len(place.indent)):
            yield f"{place.indent}# {line}"
    sign = place.indent if shown else f"{place.indent}# "
    if isinstance(value, Mapping):
        yield f"{sign}{name}:"
        yield from (f"{place.indent}  {key}: {_property(item)}" for key, item in value.items())
    elif value is None:
        yield f"{sign}{name}:"
    else:
        text = f"[{', '.join(value)}]" if isinstance(value, tuple) else _scalar(value)
        yield f"{sign}{name}: {text}"


def _property(value: str) -> str:
    """A property as YAML; kprov takes whole numbers, too."""
    return value if value.isdigit() and str(int(value)) == value else _scalar(value)


def _scalar(value: Any) -> str:
    """The value as YAML: a text that would be read as something else is quoted."""
    if isinstance(value, int):
        return str(value)
    text = value.value if isinstance(value, StrEnum) else str(value)
    try:
        same = YAML(typ="safe").load(f"a: {text}") == {"a": text}
    except YAMLError:
        same = False
    return text if same else json.dumps(text)
