"""What people read uses the words of the glossary, help summaries fit in their list, and every error has a hint."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from kprov.cli.document import each_command
from kprov.cli.main import _COMMANDS, cli

ROOT = Path(__file__).parents[2]
GLOSSARY = ROOT / "docs/glossary.md"
FOLDERS = ("kprov", "tests", "docs", "playbooks", "molecule", "acceptance", ".github", ".ci", "templates")
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "Makefile", "Vagrantfile", "pyproject.toml")
MODULES = sorted((ROOT / "kprov").rglob("*.py"))
DATA = ROOT / "tests/unit/data"  # what other programs wrote

MOST_CHARACTERS = 60

# Calls without a hint, by module and what they say, and the reason.
WITHOUT_HINT: dict[tuple[str, str], str] = {
    ("ui/output.py", "declined, nothing was changed"): "the user decided so",
    ("cli/options.py", "repr(error)"): "a bug in kprov, for the journal only",
    ("ui/output.py", "interrupted"): "the user decided so, and nothing was changed",
    ("operations/rollback.py", "rolled back to"): "part of a report whose last part says what to do",
    ("operations/rollback.py", "interrupted"): "part of a report whose last part says what to do",
    ("operations/rollback.py", "the smoke test failed"): "part of a report whose last part says what to do",
}


# ---------------------------------------------------------------- words


@cache
def never() -> re.Pattern[str]:
    """The words of the glossary's last column."""
    rows = [line.strip("| ").split(" | ") for line in GLOSSARY.read_text(encoding="utf-8").splitlines()]
    found = [word for row in rows[1:] if len(row) == 3 and row[2] != "never" for word in row[2].split(", ")]
    words = sorted((word for word in found if not word.startswith("---")), key=len, reverse=True)
    phrases = "|".join(r"\s+".join(map(re.escape, word.split())) for word in words)
    return re.compile(rf"\b(?:{phrases})\b", re.IGNORECASE)


def in_python(text: str) -> Iterator[tuple[int, str]]:
    """Comments and strings, docstrings among them, each with its line; names are no texts."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in {tokenize.COMMENT, tokenize.STRING} or token.type == getattr(tokenize, "FSTRING_MIDDLE", -1):
            yield token.start[0], token.string
    # A sentence that is written as several literals is one text.
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def in_comments(text: str) -> Iterator[tuple[int, str]]:
    """The comments of a shell script or a template; consecutive lines are one text."""
    begun, block = 0, []
    for number, line in enumerate([*text.splitlines(), ""], 1):
        if line.strip().startswith("#"):
            begun = begun or number
            block.append(line.strip().lstrip("# "))
        elif block:
            yield begun, "\n".join(block)
            begun, block = 0, []


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """What people read in a file."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        yield from in_python(text)
    elif path.suffix in {".sh", ".j2"}:
        yield from in_comments(text)
    else:
        yield 1, text


def files() -> list[Path]:
    """Every file of the project in which somebody wrote a sentence."""
    found = [ROOT / name for name in PAGES]
    for folder in FOLDERS:
        found += (path for path in (ROOT / folder).rglob("*") if path.is_file())
    kinds = {".py", ".md", ".sh", ".j2", ".yml", ".yaml", ".toml", ""}
    spared = {GLOSSARY, Path(__file__)}
    return [
        path
        for path in sorted(found)
        if path.suffix in kinds and path not in spared and "__pycache__" not in path.parts and DATA not in path.parents
    ]


def wrong_words(path: Path) -> list[str]:
    """Each word that the glossary forbids, with its place."""
    found = [
        f"{path.relative_to(ROOT)}:{line + text[: match.start()].count(chr(10))}: {match[0]}"
        for line, text in texts(path)
        for match in never().finditer(text)
    ]
    return list(dict.fromkeys(found))


@pytest.mark.parametrize("path", files(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_texts_use_the_words_of_the_glossary(path: Path) -> None:
    """None of the words of the column "never"."""
    assert wrong_words(path) == []


def test_words_are_found() -> None:
    """In comments, docstrings, and sentences over several lines or literals; not in names."""
    code = '"""Mend\nit."""\nmended = 1  # take\nx = f"a {x} carried "\nreturned = ("it was carried "\n    "out")\n'
    found = {match[0].lower() for _, text in in_python(code) for match in never().finditer(text)}
    assert found == {"mend", "carried out"}
    assert [line for line, _ in in_comments("a=1\n# one\n# two\nb=2\n# three\n")] == [2, 5]
    assert never().search("it goes\non from there")
    assert not never().search("recommended")


# ---------------------------------------------------------------- help


COMMANDS = {" ".join(words): command for words, command in each_command(cli)}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_summary_fits_in_the_list(name: str) -> None:
    """One sentence, short enough for a terminal of 80 columns."""
    summary = (COMMANDS[name].help or "").split("\n\n")[0]
    assert summary.endswith(".")
    assert len(summary) <= MOST_CHARACTERS
    assert summary.count(".") == 1, "click shows the first sentence only"


def test_the_list_of_commands_has_the_summary_of_each() -> None:
    """``kprov --help`` does not import the commands."""
    assert {name: (COMMANDS[name].help or "").split("\n\n")[0] for name in _COMMANDS} == {
        name: summary for name, (_, summary) in _COMMANDS.items()
    }


@pytest.mark.parametrize("group", ["", *(name for name, item in COMMANDS.items() if isinstance(item, click.Group))])
def test_the_list_of_commands_cuts_no_summary(group: str) -> None:
    """As 80 columns show it."""
    command = COMMANDS[group] if group else cli
    assert isinstance(command, click.Group)
    shown = command.get_help(click.Context(command, info_name="kprov", terminal_width=80))
    for name in command.list_commands(click.Context(command)):
        item = command.get_command(click.Context(command), name)
        assert item is not None
        line = next(line for line in shown.splitlines() if line.startswith(f"  {name} ") and "..." not in line)
        assert line.split(maxsplit=1)[1] in {item.get_short_help_str(200), (item.help or "").splitlines()[0]}


# ---------------------------------------------------------------- hints


@cache
def error_names() -> frozenset[str]:
    """Problem, and every class of errors that users see, wherever it is defined."""
    found = {"Problem", "KprovError"}
    classes = [
        node
        for module in MODULES
        for node in ast.parse(module.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
    ]
    while new := {item.name for item in classes if found & {ast.unparse(base) for base in item.bases}} - found:
        found |= new
    return frozenset(found)


def what(call: ast.Call) -> str:
    """What an error says; empty where it hands on problems that were made elsewhere."""
    first = call.args[0].body if isinstance(call.args[0], ast.IfExp) else call.args[0]
    if isinstance(first, ast.Constant):
        return str(first.value)
    is_text = isinstance(first, ast.JoinedStr | ast.BinOp)
    return ast.unparse(first) if is_text or ast.unparse(call.func) == "Problem" else ""


def without_hint(tree: ast.AST) -> Iterator[str]:
    """What each error says that is made without a hint."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and node.args and ast.unparse(node.func) in error_names()):
            continue
        hinted = any(keyword.arg in {"hint", None} for keyword in node.keywords) or len(node.args) > 3
        if not hinted and (said := what(node)):
            yield said


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_error_says_what_to_do(module: Path) -> None:
    """Each that is made in kprov has a hint, or a reason for having none."""
    name = module.relative_to(ROOT / "kprov").as_posix()
    reasons = [said for place, said in WITHOUT_HINT if place == name]
    found = list(without_hint(ast.parse(module.read_text(encoding="utf-8"))))
    assert [said for said in found if not any(reason in said for reason in reasons)] == []
    assert [reason for reason in reasons if not any(reason in said for said in found)] == [], "no longer needed"


def test_an_error_without_a_hint_is_found() -> None:
    """Of either kind; one that hands on problems has theirs."""
    code = "raise UsageError('a', where='b')\nProblem(f'c {d}')\nStepError('e', hint='f')\nUsageError(problems)"
    assert list(without_hint(ast.parse(code))) == ["a", "f'c {d}'"]
