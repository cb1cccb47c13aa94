"""Settings by key path: the option that sets each, whether it can be reset, and the changes between two runs.

A specification is a tree as in kprov.yaml and in the receipt. A key path is written as in error messages:
``kafka.heap`` or ``hosts[0].advertised``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kprov.errors import UsageError
from kprov.spec.broker_keys import is_secret
from kprov.spec.explain import dotted
from kprov.spec.model import Broker, Host, Java, Kafka, Server, ZooKeeper

KeyPath = tuple[str | int, ...]

# The options of install, plan, upgrade, check and render, and what each sets.
OPTIONS: Mapping[str, KeyPath] = {
    "--kafka-version": ("kafka", "version"),
    "--kafka-archive": ("kafka", "archive"),
    "--heap": ("kafka", "heap"),
    "--port": ("kafka", "port"),
    "--jmx-port": ("kafka", "jmx_port"),
    "--broker-id": ("hosts", 0, "broker", "id"),
    "--advertised": ("hosts", 0, "advertised"),
    "--zookeeper": ("zookeeper", "mode"),
    "--zookeeper-version": ("zookeeper", "version"),
    "--zookeeper-archive": ("zookeeper", "archive"),
    "--zookeeper-heap": ("zookeeper", "heap"),
    "--java": ("java", "release"),
    "--java-archive": ("java", "archive"),
    "--java-home": ("java", "home"),
}
_OPTION_OF = {path: option for option, path in OPTIONS.items()}
PROPERTIES: KeyPath = ("kafka", "properties")
PLUGIN_PROPERTIES: KeyPath = ("kafka", "plugin_properties")
_GROUPS = {"properties": "--set", "plugin_properties": "--set-plugin"}
# kprov determines these itself.
_NOT_SET_BY_USERS = re.compile(r"hosts\[[0-9]+\]\.(?:address|internal)")
MASK = "***"


def _resettable() -> Iterator[KeyPath]:
    for part, model in (("kafka", Kafka), ("zookeeper", ZooKeeper), ("java", Java)):
        yield from ((part, name) for name in model.model_fields if name not in {*_GROUPS, "protocol"})
    yield from (("hosts", 0, name) for name in Host.model_fields if name in {"advertised", "internal"})
    yield from (("hosts", 0, part, "id") for part, _ in (("broker", Broker), ("zookeeper", Server)))


RESETTABLE: Mapping[str, KeyPath] = {dotted(path): path for path in _resettable()}


def path_to_reset(text: str) -> KeyPath:
    """What ``--unset TEXT`` resets: a key path of kprov.yaml, or the name of a broker or plugin property.

    Raises UsageError for a key path without a default.
    """
    name = text.strip()
    if name == "kafka.protocol":
        raise UsageError(
            "kafka.protocol has no default",
            where=f"--unset {name}",
            hint="raise it: kprov upgrade HOST --finish",
        )
    path = RESETTABLE.get(re.sub(r"^hosts\[\]", "hosts[0]", name))
    if path is not None:
        return path
    for group in _GROUPS:
        for prefix in (f"kafka.{group}.", f"hosts[0].broker.{group}.", f"hosts[].broker.{group}."):
            if name.startswith(prefix):
                return (*PROPERTIES, name.removeprefix(prefix))
    return (*PROPERTIES, name)


@dataclass(frozen=True)
class Setting:
    """One setting that differs between two specifications. old, new: None if it is not set.

    key: its key path. name: of a property, without its group; otherwise empty.
    """

    key: str
    path: KeyPath
    old: str | None
    new: str | None

    @property
    def name(self) -> str:
        return str(self.path[-1]) if self.path[-2] in _GROUPS else ""

    @property
    def secret(self) -> bool:
        """Whether the values must not be shown."""
        return bool(self.name) and is_secret(self.name)

    def shown(self, value: str | None) -> str:
        """The value for display; secrets are masked."""
        return "not set" if value is None else MASK if self.secret else value

    def __str__(self) -> str:
        return f"{self.key}: {self.shown(self.old)} -> {self.shown(self.new)}"


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Setting, ...]:
    """The settings that differ between two specifications of one host, in the order of their key paths."""
    old, new = dict(_leaves(before)), dict(_leaves(after))
    paths = sorted(old.keys() | new.keys(), key=dotted)
    return tuple(
        Setting(dotted(path), path, old.get(path), new.get(path))
        for path in paths
        if old.get(path) != new.get(path) and not _NOT_SET_BY_USERS.fullmatch(dotted(path))
    )


def _leaves(tree: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, str]]:
    items: Iterable[tuple[str | int, Any]] = ()
    if isinstance(tree, Mapping):
        items = tree.items()
    elif isinstance(tree, list | tuple):
        items = enumerate(tree)
    elif tree is not None:
        yield path, str(tree)
    for key, value in items:
        yield from _leaves(value, (*path, key))


def reset_words(settings: Iterable[Setting]) -> tuple[list[str], list[Setting]]:
    """The options that restore the old values of these settings, and the settings that have no such option.

    Those are secrets, whose old values must not be shown, and keys that only kprov.yaml can set.
    """
    words: list[str] = []
    rest: list[Setting] = []
    for setting in settings:
        option = _OPTION_OF.get(setting.path)
        group = _GROUPS.get(str(setting.path[-2])) if setting.path[0] == "kafka" else None
        if setting.old is None and (setting.name or setting.key in RESETTABLE):
            words += ["--unset", setting.name or setting.key]
        elif setting.old is not None and not setting.secret and (option or group):
            words += [option, setting.old] if option else [str(group), f"{setting.name}={setting.old}"]
        else:
            rest.append(setting)
    return words, rest
