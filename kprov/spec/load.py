"""Reads kprov.yaml and options into one validated Cluster, and reports all problems at once."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.version import Version
from pydantic import ValidationError

from kprov.errors import Problem, UsageError
from kprov.spec.explain import dotted, explain
from kprov.spec.model import Cluster
from kprov.spec.rules import check, check_alone, wrong_properties
from kprov.spec.source import quoted, read
from kprov.spec.target import parse_target

# Values that exclude each other: an option for one removes the others from the file.
_INSTEAD: Mapping[tuple[str | int, ...], tuple[str, ...]] = {
    ("java", "home"): ("release", "archive"),
    ("java", "release"): ("home", "archive"),
    ("java", "archive"): ("home", "release"),
    # An archive has one version, so another version needs another archive.
    ("kafka", "version"): ("archive",),
    ("zookeeper", "version"): ("archive",),
}


@dataclass(frozen=True)
class Flag:
    """One value from the command line: its option, the key path that it sets, and the value; UNSET removes the key."""

    option: str
    path: tuple[str | int, ...]
    value: Any


class _Unset:
    def __repr__(self) -> str:
        return "UNSET"


UNSET = _Unset()


@dataclass
class _Source:
    """The raw tree, and the option that set each path, so that an error can name the option. file: None without one."""

    tree: dict[str, Any]
    name: str
    file: Path | None = None
    options: dict[tuple[str | int, ...], str] = field(default_factory=dict)

    def put(self, flag: Flag) -> None:
        """Set the flag's value. If the file has no group of keys on the path, set nothing; validation reports it."""
        node: Any = self.tree
        for key, following in zip(flag.path[:-1], flag.path[1:], strict=True):
            if isinstance(key, int):
                if not (isinstance(node, list) and key < len(node)):
                    return
                node = node[key]
            else:
                if not isinstance(node, dict):
                    return
                if node.get(key) is None and isinstance(following, str):
                    node[key] = {}
                node = node.get(key)
        if isinstance(node, dict):
            node[flag.path[-1]] = flag.value
            self.options[flag.path] = flag.option

    def at(self, path: tuple[str | int, ...]) -> Any:
        """The value at the path; None if there is none."""
        node: Any = self.tree
        for key in path:
            node = _child(node, key)
        return node

    def drop(self, path: tuple[str | int, ...]) -> None:
        """Remove the value at the path, if there is one."""
        node = self.at(path[:-1])
        if isinstance(node, dict):
            node.pop(path[-1], None)

    def renamed(self, problem: Problem) -> Problem:
        """The same problem, placed at the option that the value came from, if it came from one."""
        below = [option for path, option in self.options.items() if _is_below(dotted(path), problem.where)]
        exact = [option for path, option in self.options.items() if dotted(path) == problem.where]
        option = " and ".join(dict.fromkeys(exact or below))
        line = quoted(self.file, problem.where) if self.file and problem.where and not (option or problem.cause) else ""
        return Problem(problem.what, option or problem.where or self.name, problem.cause or line, problem.hint)


def load(
    config: Path | None,
    targets: Sequence[str],
    flags: Sequence[Flag] = (),
    base: Mapping[str, Any] | None = None,
    *,
    whole: bool = True,
) -> Cluster:
    """The Cluster of a file, HOSTs and options; later ones override earlier ones.

    config: a kprov.yaml, or None. targets: each HOST; none if the file lists the hosts. An option for a host needs a
    single one. base: the previous settings, instead of a file; if they have one host, that is HOST, whatever address is
    recorded there. whole: False if the options will be added to settings and versions that the host may already have;
    then only problems that do not depend on these are reported.
    Raises UsageError with every problem that can be found without a host.
    """
    index: int | None = None
    if base is not None:
        source = _Source(copy.deepcopy(dict(base)), "the previous settings of this host")
        index = 0 if len(source.tree["hosts"]) == 1 else None
    else:
        source = _Source(read(config) if config else {}, str(config or "HOST"), config)
        listed = bool(source.tree.get("hosts"))
        places = [_merge_target(source, target, listed=listed) for target in targets]
        index = places[0] if len(places) == 1 else None
        if not targets and not listed:
            raise UsageError("no host is given", where=source.name, hint="give HOST, or list hosts: in kprov.yaml")
    problems = list(_put_flags(source, flags, index))
    try:
        cluster = Cluster.model_validate(source.tree)
    except ValidationError as error:
        problems += [explain(item) for item in error.errors()]
        problems += _further(source, [tuple(item["loc"]) for item in error.errors()], whole=whole)
    else:
        problems += check(cluster) if whole else check_alone(cluster, _named_version(cluster))
        if not problems:
            return cluster
    raise UsageError(list(dict.fromkeys(source.renamed(problem) for problem in problems)))


def _merge_target(source: _Source, text: str, *, listed: bool) -> int | None:
    """Merge HOST: it selects the host of the file with that address, or is one more host. Returns its index.

    listed: whether the file lists the hosts.
    """
    target = parse_target(text)
    if isinstance(target, Problem):
        raise UsageError(target.what, where="HOST", hint=target.hint)
    hosts = source.tree.get("hosts")
    if not listed:
        hosts = source.tree["hosts"] = [*(hosts or []), {"address": target.name}]
        index = len(hosts) - 1
        source.options["hosts", index, "address"] = "HOST"
    elif not isinstance(hosts, list):  # validation reports it
        return None
    else:
        addresses = [host.get("address") if isinstance(host, dict) else None for host in hosts]
        if target.name not in addresses:
            known = ", ".join(str(address) for address in addresses if address is not None)
            raise UsageError(
                f"{target.name} is not one of the hosts in the file",
                where="HOST",
                hint=f"choose one of {known}" if known else "give each host in the file an address",
            )
        index = addresses.index(target.name)
    for key, value in (("user", target.user), ("port", target.port)):
        if value is not None:
            source.put(Flag("HOST", ("hosts", index, "ssh", key), value))
    return index


def _put_flags(source: _Source, flags: Iterable[Flag], index: int | None) -> Iterable[Problem]:
    """Set every flag; yields a problem for a flag of a host if the file has several hosts and HOST is not given."""
    hosts = source.tree["hosts"]
    count = len(hosts) if isinstance(hosts, list) else 0
    given = [flag for flag in flags if flag.value is not UNSET]
    yield from _unset(source, [flag for flag in flags if flag.value is UNSET])
    kept = {_name_of(flag): flag.option for flag in given}
    for flag in flags:
        if flag.value is UNSET and _name_of(flag) in kept:
            yield Problem(
                "the same setting is set and unset", f"{kept[_name_of(flag)]} and {flag.option}", hint="keep one"
            )
    for flag in given:
        for other in _INSTEAD.get(flag.path, ()):
            source.drop((*flag.path[:-1], other))
    for flag in given:
        if flag.path[0] != "hosts":
            source.put(flag)
        elif index is not None or count == 1:
            source.put(Flag(flag.option, ("hosts", index or 0, *flag.path[2:]), flag.value))
        elif count:
            what, hint = f"the file has {count} hosts", "give the HOST that it is for, or set it in the file"
            if source.name == "HOST":
                what, hint = f"{count} hosts are named", "write a kprov.yaml, and set it there for each host"
            yield Problem(what, flag.option, hint=hint)


def _name_of(flag: Flag) -> tuple[str | int, ...]:
    """What a flag sets: the name of a property without its group, otherwise the key path."""
    return flag.path[-1:] if flag.path[-2] in {"properties", "plugin_properties"} else flag.path


def _unset(source: _Source, flags: Iterable[Flag]) -> Iterable[Problem]:
    """Remove settings; yields a problem for a property that is not set, unless there are no settings at all."""
    for flag in flags:
        name = flag.path[-1]
        if flag.path[-2] != "properties":  # a key that is not set already has its default
            for gone in (name, *_INSTEAD.get(flag.path, ())):
                source.drop((*flag.path[:-1], gone))
            continue
        brokers: list[tuple[str | int, ...]] = [("kafka",)]
        brokers += [("hosts", index, "broker") for index in _places(source.tree["hosts"])]
        holders = [(*broker, group) for broker in brokers for group in ("properties", "plugin_properties")]
        found = [holder for holder in holders if name in (source.at(holder) or {})]
        for holder in found:
            source.drop((*holder, name))
        if not found and source.name != "HOST":
            known = sorted({key for holder in holders for key in source.at(holder) or {}})
            hint = f"the properties that are set: {', '.join(known)}" if known else "no property is set"
            hint += "; write another setting by its key in kprov.yaml, for instance kafka.heap"
            yield Problem(f"{name} is not set in {source.name}", flag.option, hint=hint)


def _places(hosts: Any) -> range:
    return range(len(hosts) if isinstance(hosts, list) else 0)


def _named_version(cluster: Cluster) -> Version | None:
    """The Kafka version that this run gives; None if the host or the default decides."""
    return cluster.kafka.parsed if "version" in cluster.kafka.model_fields_set else None


def _further(source: _Source, wrong: Sequence[tuple[Any, ...]], *, whole: bool) -> list[Problem]:
    """More problems with properties, if the tree is valid without the values that are already known to be wrong."""
    if any(path[:2] in {("kafka",), ("kafka", "version")} for path in wrong):
        return []
    rest = _Source(copy.deepcopy(source.tree), source.name)
    for path in wrong:
        rest.drop(path)
    try:
        cluster = Cluster.model_validate(rest.tree)
        return list(wrong_properties(cluster, cluster.kafka.parsed if whole else _named_version(cluster)).values())
    except ValidationError:
        return []


def _child(node: Any, key: str | int) -> Any:
    if isinstance(key, int):
        return node[key] if isinstance(node, list) and key < len(node) else None
    return node.get(key) if isinstance(node, dict) else None


def _is_below(path: str, group: str) -> bool:
    return bool(group) and path.startswith((f"{group}.", f"{group}["))
