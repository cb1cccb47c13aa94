"""Reads a kprov.yaml as a tree; errors have line and column."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode
from ruamel.yaml.reader import ReaderError

from kprov.errors import UsageError

_QUOTED = 100  # characters of a line
_KEYS = "kafka:, zookeeper:, java: or hosts:"


def read(path: Path) -> dict[str, Any]:
    """The tree of the file. YAML 1.2: only true and false are booleans.

    Raises UsageError if the file cannot be read or parsed, or does not contain keys.
    """
    text = _text(path)
    try:
        tree = YAML(typ="safe", pure=True).load(text)
    except DuplicateKeyError as error:
        key = re.search(r'duplicate key "(.*?)"', error.problem or "")
        what = f"the key {key[1]!r} occurs twice" if key else "a key occurs twice"
        raise UsageError(what, where=_place(path, error), hint="keep one of the two") from None
    except MarkedYAMLError as error:
        raise _does_not_parse(path, text, error) from None
    except ReaderError as error:
        line, column = text.count("\n", 0, error.position) + 1, error.position - text.rfind("\n", 0, error.position)
        raise UsageError(
            f"is not YAML: the character {text[error.position]!r} is not allowed",
            where=f"{path}:{line}:{column}",
            hint="remove it",
        ) from None
    except YAMLError as error:
        raise UsageError(
            f"is not YAML: {str(error).splitlines()[0]}", where=str(path), hint="fix the YAML syntax"
        ) from None
    except RecursionError:
        raise UsageError("is nested too deeply", where=str(path), hint="use at most four levels") from None
    except ValueError as error:  # ruamel.yaml's own conversions: a date such as 2024-13-01
        raise UsageError(
            f"has a value that YAML cannot read: {error}", where=str(path), hint="put the value in quotes"
        ) from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        kind = "a list" if isinstance(tree, list) else "text without keys"
        raise UsageError(f"contains {kind} instead of keys", where=f"{path}:1:1", hint=f"begin with {_KEYS}")
    return tree


def quoted(path: Path, where: str) -> str:
    """The line of a file where a key path begins, as ``kprov.yaml:12: port: 99999``; empty if it has no such key.

    where: as ``dotted`` writes it. Of a key that is not there, the group that it is missing from.
    """
    text = _text(path)
    node, line, rest = YAML(pure=True).compose(text), None, where
    while node is not None and rest:
        node, line, rest = _below(node, line, rest)
    lines = text.splitlines()
    return f"{path}:{line + 1}: {lines[line].strip()[:_QUOTED]}" if line is not None and line < len(lines) else ""


def _below(node: Node, line: int | None, path: str) -> tuple[Node | None, int | None, str]:
    """The child that the path begins with, the line of its key, and the rest of the path; no child if there is none."""
    if isinstance(node, SequenceNode) and (found := re.match(r"\[(\d+)\]\.?", path)):
        number = int(found[1])
        if number < len(node.value):
            child = node.value[number]
            return child, child.start_mark.line, path[found.end() :]
    if isinstance(node, MappingNode):
        for key, value in node.value:  # the name of a property has dots itself
            after = path.removeprefix(str(key.value))
            if after != path and (not after or after[0] in ".["):
                return value, key.start_mark.line, after.removeprefix(".")
    return None, line, path


def _text(path: Path) -> str:
    hint = "give the path of a kprov.yaml that you can read"
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=str(path), hint=hint) from None
    except UnicodeDecodeError as error:
        raise UsageError(f"is not UTF-8 text (byte {error.start})", where=str(path), hint="save it as UTF-8") from None


def _place(path: Path, error: MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    return f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)


def _does_not_parse(path: Path, text: str, error: MarkedYAMLError) -> UsageError:
    what = (error.problem or error.context or "it cannot be parsed").split("\n")[0]
    hint = "fix that line"
    if "found another document" in what:
        what, hint = "a second document begins here", "keep one document in the file"
    elif r"'\t'" in what:
        what, hint = "the line is indented with a tab", "indent with spaces"
    elif "mapping values are not allowed" in what:
        what, hint = "the line has a second ':'", "put the value in quotes, or start a new line for the key"
    cause = ""
    if error.context_mark and error.problem_mark and error.context_mark.line != error.problem_mark.line:
        line = error.context_mark.line
        cause = f"{error.context} that begins on line {line + 1}: {text.splitlines()[line].strip()[:80]}"
    return UsageError(f"is not YAML: {what}", where=_place(path, error), cause=cause, hint=hint)
