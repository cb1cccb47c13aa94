"""Generates docs/configuration.md from the models: ``python -m kprov.spec.document``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from kprov.spec.model import Broker, Host, Java, Kafka, Server, Ssh, ZooKeeper

_PARTS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("kafka", Kafka),
    ("zookeeper", ZooKeeper),
    ("java", Java),
    ("hosts[]", Host),
    ("hosts[].ssh", Ssh),
    ("hosts[].broker", Broker),
    ("hosts[].zookeeper", Server),
)

_HEAD = """# kprov.yaml

Options are enough for one host; a file describes it completely. It is read if `--config` names it, or if it is
`kprov.yaml` in the current directory and no HOST is named. Unknown keys are errors, and all mistakes are reported
at once, each with its key path. Values of a host override the shared values, and options override the file.

Broker properties belong under `kafka.properties`, or under `hosts[].broker.properties` for one host. kprov checks the
name, type and range of each against the tables of that Kafka version. It derives `listeners`, `advertised.listeners`,
`zookeeper.connect`, `server.N`, `broker.rack` and the replication factors from the hosts; you may set them yourself,
and kprov checks them. With three brokers a topic has three replicas, of which two must be in sync.

Several hosts are one cluster. One to three of them play both roles unless `roles` says otherwise; one, three or five
run ZooKeeper. Ids that are not given follow from the order of the hosts.

`kprov init HOST` writes a file with every key, and beside it the schema [kprov.schema.json](kprov.schema.json), which
the first line of the file names: editors complete and check the keys with it.

This page is generated from the models: `python -m kprov.spec.document > docs/configuration.md`.
"""


def configuration() -> str:
    """The whole page."""
    return _HEAD + "".join(_section(path, model) for path, model in _PARTS)


def _section(path: str, model: type[BaseModel]) -> str:
    rows = list(_rows(model))
    text = (model.__doc__ or "").strip().splitlines()[0]
    return f"\n## {path}\n\n{text}\n\n| key | default | meaning |\n|---|---|---|\n" + "".join(rows)


def _rows(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        if field.description is None or _is_part(field):
            continue
        yield f"| `{name}` | {_default(field)} | {field.description.replace('|', chr(92) + '|')} |\n"


def _is_part(field: FieldInfo) -> bool:
    """Whether the field is a group of keys with its own section."""
    return isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value: Any = field.get_default(call_default_factory=True, validated_data={})
    if value is None or value == {}:
        return ""
    return f"`{value.value if isinstance(value, StrEnum) else value}`"


if __name__ == "__main__":
    sys.stdout.write(configuration())
