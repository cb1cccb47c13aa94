"""Turns pydantic's errors about a specification into problems that users understand."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from packaging.version import Version
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from kprov.errors import Problem, did_you_mean
from kprov.spec.broker_keys import broker_keys
from kprov.spec.model import Broker, Cluster, Host, Java, Kafka, Server, Ssh, ZooKeeper
from kprov.spec.value import WrongValueError, shown

# The model that describes the keys at a path; for a list, the keys of an item.
_MODELS: Mapping[tuple[str, ...], type[BaseModel]] = {
    (): Cluster,
    ("kafka",): Kafka,
    ("zookeeper",): ZooKeeper,
    ("java",): Java,
    ("hosts",): Host,
    ("hosts", "ssh"): Ssh,
    ("hosts", "broker"): Broker,
    ("hosts", "zookeeper"): Server,
}
Path = tuple[str | int, ...]


def explain(item: Mapping[str, Any]) -> Problem:
    """One of ``ValidationError.errors()`` as a Problem whose place is a key path."""
    path, value, context = tuple(item["loc"]), item.get("input"), item.get("ctx", {})
    where = dotted(path)
    match item["type"]:
        case "extra_forbidden":
            return Problem(f"the key {path[-1]!r} is unknown", where, hint=_unknown_key(path))
        case "invalid_key":
            return Problem(
                f"the key {'null' if value is None else shown(value)} is not text",
                dotted(path[:-1]),
                hint="put it in quotes, or remove it",
            )
        case "missing":
            return Problem(f"the key {path[-1]!r} is missing", where, hint=f"add '{path[-1]}: '")
        case "value_error" if isinstance(context.get("error"), WrongValueError):
            problem = context["error"].problem
            return Problem(problem.what, where, hint=problem.hint)
        case "model_type" | "mapping_type" | "dict_type" | "model_attributes_type":
            return Problem(f"{shown(value)} is not a group of keys", where, hint=_group_hint(path, value))
        case "tuple_type":
            hint = "begin each host with '- address: '" if path == ("hosts",) else _described(path)[1]
            return Problem(f"{shown(value)} is not a list", where, hint=hint)
        case "enum":
            choices = context["expected"].replace("'", "").split(" or ")
            hint = "; ".join(filter(None, (f"choose {' or '.join(choices)}", did_you_mean(str(value), choices))))
            return Problem(f"{shown(value)} is not one of the choices", where, hint=hint)
        case "greater_than_equal" | "less_than_equal":
            return Problem(f"{shown(value)} is out of range", where, hint=_described(path)[1] or item["msg"])
    if {"properties", "plugin_properties"} & set(path[:-1]):
        return Problem(f"{shown(value)} is not the value of a property", where, hint=_property_hint(path, value))
    kind, hint = _described(path)
    if hint.startswith("choose ") and (near := did_you_mean(str(value), re.findall(r"[\w.-]+", hint)[1:])):
        hint += f"; {near}"
    return Problem(
        f"{shown(value)} is not {kind}" if kind else f"{shown(value)} is not valid", where, hint=hint or item["msg"]
    )


def dotted(path: Sequence[str | int]) -> str:
    """The key path as a user writes it: ``hosts[0].broker.id``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _model(path: Path) -> type[BaseModel] | None:
    return _MODELS.get(tuple(part for part in path if isinstance(part, str)))


def _described(path: Path) -> tuple[str, str]:
    """What kind of value belongs at the path, and how to write it; empty if the model does not say."""
    model = _model(path[:-1])
    field: FieldInfo | None = model.model_fields.get(str(path[-1])) if model else None
    extra = field.json_schema_extra if field else None
    return (str(extra["kind"]), str(extra["hint"])) if isinstance(extra, dict) else ("", "")


def _unknown_key(path: Path) -> str:
    """A hint: the nearest key at that place, the group that the key belongs to, or the valid keys."""
    name, model = str(path[-1]), _model(path[:-1])
    if model in {Kafka, Broker} and name in broker_keys(Version("3.9.0")).keys() | broker_keys(Version("1.0.0")).keys():
        return f"did you mean {dotted((*path[:-1], 'properties'))}.{name}? Broker properties belong there"
    known = list(model.model_fields) if model else []
    if near := did_you_mean(name, known):
        return near
    homes = [".".join((*group, name)) for group, other in _MODELS.items() if name in other.model_fields and group]
    if homes:
        return f"did you mean {' or '.join(home.replace('hosts', 'hosts[]') for home in homes)}?"
    return f"the valid keys here are {', '.join(known)}"


def _group_hint(path: Path, value: object) -> str:
    if len(path) == 2 and path[0] == "hosts" and isinstance(value, str):
        return f"write it as '- address: {value}'"
    if path[-1] in {"properties", "plugin_properties"}:
        return "write each as 'name: value' below it"
    return "indent its keys below it"


def _property_hint(path: Path, value: object) -> str:
    if isinstance(value, Mapping) and value:
        return f"write the full name as one key, for instance {path[-1]}.{next(iter(value))}"
    return "write the value after the colon" if value is None else "write it in quotes, on one line"
