"""Reads kprov.yaml and flags into one validated Cluster; all that is wrong is told at once."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from kprov.errors import Problem, UsageError
from kprov.spec.model import Broker, Cluster, Host, Java, Kafka, Server, Ssh, ZooKeeper
from kprov.spec.rules import check
from kprov.spec.target import parse_target

# Which model describes a key path, for the nearest key of a misspelt one.
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


@dataclass(frozen=True)
class Flag:
    """One value from the command line: its option, the key path that it sets, the value."""

    option: str
    path: tuple[str | int, ...]
    value: Any


@dataclass
class _Source:
    """The raw tree, and which option set which path, so that an error can name the option."""

    tree: dict[str, Any]
    options: dict[tuple[str | int, ...], str] = field(default_factory=dict)

    def put(self, flag: Flag) -> None:
        node: Any = self.tree
        for key, following in zip(flag.path, [*flag.path[1:], None], strict=True):
            if following is None:
                node[key] = flag.value
            elif isinstance(key, int):
                node = node[key]
            else:
                if node.get(key) is None:
                    node[key] = {}
                node = node[key]
        self.options[flag.path] = flag.option


def load(config: Path | None, target: str | None, flags: Sequence[Flag] = ()) -> Cluster:
    """The Cluster of a file, a HOST and flags; later ones win.

    config: a kprov.yaml, or None. target: HOST, or None where the file names the hosts.
    Raises UsageError with every problem that can be seen without a host.
    """
    source = _Source(_read(config) if config else {})
    if target is not None:
        _merge_target(source.tree, target)
    elif not source.tree.get("hosts"):
        raise UsageError("no host is named", where=str(config or "HOST"), hint="name HOST, or list hosts in kprov.yaml")
    if isinstance(source.tree.get("hosts"), list):
        for flag in flags:
            _check_branches(source.tree, flag)
            source.put(flag)
    try:
        cluster = Cluster.model_validate(source.tree)
    except ValidationError as error:
        raise UsageError([_problem(item, source) for item in error.errors()]) from None
    problems = [_renamed(problem, source) for problem in check(cluster)]
    if problems:
        raise UsageError(problems)
    return cluster


def _read(path: Path) -> dict[str, Any]:
    """The file's tree; YAML 1.2, so that only true and false are booleans."""
    hint = "give the path of a kprov.yaml"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=str(path), hint=hint) from None
    except UnicodeDecodeError as error:
        raise UsageError(f"is not UTF-8 text (byte {error.start})", where=str(path), hint="save it as UTF-8") from None
    try:
        tree = YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        what = (error.problem or error.context or "does not parse").split("\n")[0]
        raise UsageError(f"is not YAML: {what}", where=place, hint="mend that line") from None
    except YAMLError as error:
        raise UsageError(f"is not YAML: {str(error).splitlines()[0]}", where=str(path), hint="mend the file") from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise UsageError(
            "holds no keys at its top", where=str(path), hint="begin with kafka:, zookeeper:, java: or hosts:"
        )
    return tree


def _merge_target(tree: dict[str, Any], text: str) -> None:
    """Put HOST in: it selects the file's host of that address, or is the only host."""
    target = parse_target(text)
    if isinstance(target, Problem):
        raise UsageError(target.what, where="HOST", hint=target.hint)
    hosts = tree.get("hosts")
    entry: dict[str, Any] = {"address": target.name}
    if isinstance(hosts, list) and hosts:
        named = [host for host in hosts if isinstance(host, dict) and host.get("address") == target.name]
        if not named:
            addresses = ", ".join(str(host.get("address")) for host in hosts if isinstance(host, dict))
            raise UsageError(
                f"{target.name} is not among the hosts of the file", where="HOST", hint=f"it has {addresses}"
            )
        entry = named[0]
    else:
        tree["hosts"] = [entry]
    if target.user or target.port:
        ssh = entry.get("ssh")
        entry["ssh"] = {**(ssh if isinstance(ssh, dict) else {})}
        entry["ssh"] |= {key: value for key, value in (("user", target.user), ("port", target.port)) if value}


def _check_branches(tree: dict[str, Any], flag: Flag) -> None:
    """A flag cannot be put under a key whose value is no mapping; say so rather than fail."""
    node: Any = tree
    for depth, key in enumerate(flag.path[:-1]):
        node = node[key] if isinstance(key, int) else node.get(key)
        if node is None:
            return
        if not isinstance(node, dict | list):
            raise UsageError(
                f"{node!r} is not a group of keys",
                where=_dotted(flag.path[: depth + 1]),
                hint="indent its keys below it",
            )


def _problem(item: Any, source: _Source) -> Problem:
    """One error of pydantic as a Problem with its key path."""
    path = tuple(item["loc"])
    where = source.options.get(path) or _dotted(path)
    kind, context, value = item["type"], item.get("ctx", {}), item.get("input")
    if kind == "extra_forbidden":
        model = _MODELS.get(tuple(part for part in path[:-1] if isinstance(part, str)))
        near = difflib.get_close_matches(str(path[-1]), list(model.model_fields) if model else [], n=1)
        known = ", ".join(model.model_fields) if model else ""
        return Problem(
            f"there is no key {path[-1]!r}",
            where,
            hint=f"did you mean {near[0]}?" if near else f"the keys here are {known}",
        )
    if kind == "missing":
        return Problem("the key is missing", where, hint="add it")
    if kind == "value_error":
        what, separator, hint = str(context["error"]).partition(": ")
        return Problem(what, where, hint=hint if separator else "")
    if kind in {"model_type", "mapping_type", "dict_type"}:
        return Problem(f"{value!r} is not a group of keys", where, hint="indent its keys below it")
    if kind == "enum":
        near = difflib.get_close_matches(str(value), context["expected"].replace("'", "").split(" or "), n=1)
        return Problem(
            f"{value!r} is not allowed",
            where,
            hint=f"choose {context['expected']}" + (f"; did you mean {near[0]}?" if near else ""),
        )
    model = _MODELS.get(tuple(part for part in path[:-1] if isinstance(part, str)))
    extra = (
        model.model_fields[str(path[-1])].json_schema_extra if model and str(path[-1]) in model.model_fields else None
    )
    hint = str(extra["hint"]) if isinstance(extra, dict) and "hint" in extra else item["msg"]
    if kind in {"greater_than_equal", "less_than_equal"}:
        bound = f"{'at least' if 'ge' in context else 'at most'} {context.get('ge', context.get('le'))}"
        return Problem(f"{value!r} is out of range", where, hint=hint if extra else f"it must be {bound}")
    return Problem(f"{value!r} does not fit", where, hint=hint)


def _dotted(path: Sequence[str | int]) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _renamed(problem: Problem, source: _Source) -> Problem:
    """The same problem, placed at the option where the value came from one."""
    for path, option in source.options.items():
        if problem.where == _dotted(path):
            return Problem(problem.what, option, problem.cause, problem.hint)
    return problem
