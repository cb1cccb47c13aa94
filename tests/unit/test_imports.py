"""The house keeps its arrows: imports go one way, and what must be pure imports nothing that acts."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import kprov

ROOT = Path(kprov.__file__).parent

# Who may import whom, top to bottom; each part, a package or a module of kprov, only parts that stand below it.
ARROWS: dict[str, set[str]] = {
    "__main__": {"cli"},
    "cli": {
        "ui",
        "operations",
        "logs",
        "journal",
        "lab",
        "releases",
        "spec",
        "commands",
        "errors",
        "events",
        "secret",
    },
    "ui": {
        "operations",
        "lab",
        "checks",
        "logs",
        "history",
        "journal",
        "smoke",
        "rollout",
        "plan",
        "kinds",
        "commands",
        "errors",
        "events",
        "sizes",
        "releases",
        "words",
    },
    "operations": {
        "lab",
        "verify",
        "diagnosis",
        "smoke",
        "rollout",
        "node",
        "logs",
        "history",
        "journal",
        "checks",
        "plan",
        "drift",
        "receipt",
        "host",
        "roles",
        "kinds",
        "topology",
        "releases",
        "spec",
        "errors",
        "events",
        "secret",
        "words",
    },
    "verify": {"smoke", "roles", "topology", "host", "receipt", "kinds", "spec", "errors", "events"},
    "smoke": {"rollout", "node", "diagnosis", "roles", "topology", "host", "queries", "spec", "errors", "events"},
    "rollout": {"node", "plan", "roles", "topology", "host", "queries", "kinds", "spec", "errors", "events"},
    "node": {"journal", "plan", "receipt", "diagnosis", "roles", "host", "kinds", "errors", "events"},
    "history": {"journal", "errors"},
    "journal": {"plan", "spec", "errors", "events"},
    "plan": {"receipt", "kinds", "sizes"},
    "drift": {"receipt", "kinds"},
    "receipt": {"kinds", "errors"},
    "host": {"kinds", "queries", "spec", "errors", "events", "secret", "sizes", "words"},
    "roles": {"kinds", "topology", "queries", "releases", "spec"},
    "topology": {"releases", "spec"},
    "lab": {"errors", "events"},
    "checks": {"spec"},
    "logs": {"diagnosis", "errors"},
    "diagnosis": set(),
    "kinds": {"spec", "sizes"},
    "releases": {"errors", "events"},
    "spec": {"errors"},
    "commands": set(),
    "errors": set(),
    "events": set(),
    "queries": set(),
    "secret": set(),
    "sizes": set(),
    "words": set(),
}
# Pure: what is asked, what it means, what is there, what would change.
PURE = (
    "spec",
    "topology",
    "roles",
    "kinds",
    "plan",
    "drift",
    "receipt",
    "checks",
    "logs",
    "diagnosis",
    "commands",
    "errors",
    "events",
    "queries",
    "secret",
    "sizes",
    "words",
)
# Of a part that acts, the modules that do not.
PURE_MODULES = tuple(f"kprov.rollout.{name}" for name in ("acts", "availability", "plan", "stages"))
ACTS = {"fabric", "paramiko", "invoke", "click", "rich", "httpx", "subprocess", "socket", "confluent_kafka"}


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of kprov by its dotted name."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def imports(tree: ast.Module) -> set[str]:
    """The dotted names that a module imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            # `from kprov import receipt` names a part, `from kprov import __version__` none
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def part(name: str) -> str | None:
    """The part of kprov that a dotted name belongs to; None for others and for kprov itself."""
    words = name.split(".")
    return words[1] if words[0] == "kprov" and len(words) > 1 and words[1] in ARROWS else None


def arrows() -> dict[str, dict[str, str]]:
    """The real arrows: part to part, with a module that draws it."""
    found: dict[str, dict[str, str]] = {name: {} for name in ARROWS}
    for module, tree in modules().items():
        source = part(module)
        if source is None:
            assert module == "kprov", f"{module} has no place in the house"
            continue
        for target in {part(name) for name in imports(tree)} - {None, source}:
            found[source][str(target)] = module
    return found


@pytest.mark.parametrize("source", ARROWS)
def test_imports_follow_the_arrows(source: str) -> None:
    wrong = {target: module for target, module in arrows()[source].items() if target not in ARROWS[source]}
    assert wrong == {}, f"{source} must not import these"


@pytest.mark.parametrize("source", ARROWS)
def test_every_arrow_of_the_picture_is_there(source: str) -> None:
    assert ARROWS[source] - arrows()[source].keys() == set(), "rub out what nothing draws any more"


def test_the_arrows_go_one_way() -> None:
    names = list(ARROWS)
    for source, targets in ARROWS.items():
        for target in targets:
            assert names.index(source) < names.index(target) or _apart(source, target), f"{source} -> {target}"


def _apart(source: str, target: str) -> bool:
    """Whether the target leads back to the source by no way."""
    todo, seen = [target], set()
    while todo:
        name = todo.pop()
        if name == source:
            return False
        todo += ARROWS[name] - seen
        seen |= ARROWS[name]
    return True


def test_every_part_has_its_place() -> None:
    there = {path.stem for path in ROOT.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert there - {"__init__"} == set(ARROWS)


@pytest.mark.parametrize("module", [name for name in modules() if part(name) in PURE or name in PURE_MODULES])
def test_what_is_pure_does_not_act(module: str) -> None:
    names = imports(modules()[module])
    assert not {name for name in names if name.split(".")[0] in ACTS}
    assert not {name for name in names if name.split(".")[:2] in (["kprov", "host"], ["kprov", "ui"])}


OWNERS = {
    "fabric": {"host"},
    "paramiko": {"host"},
    "invoke": {"host"},
    "rich": {"ui", "cli"},
    "click": {"cli"},
    "confluent_kafka": {"smoke"},
    "jinja2": {"roles"},
    "pydantic": {"spec", "releases", "lab", "kinds"},
    "ruamel": {"spec", "releases", "lab"},
    "httpx": {"releases"},
}


@pytest.mark.parametrize("library", OWNERS)
def test_a_library_is_known_in_one_place(library: str) -> None:
    users = {part(name) for name, tree in modules().items() if library in {n.split(".")[0] for n in imports(tree)}}
    assert users <= OWNERS[library]


def prints(tree: ast.Module) -> bool:
    """Whether a module speaks to the terminal; what it does only as a program of its own does not count."""
    parts = [node for node in tree.body if not (isinstance(node, ast.If) and "__name__" in ast.dump(node.test))]
    for node in (node for top in parts for node in ast.walk(top)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"print", "input"}:
            return True
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"sys.stdout", "sys.stderr", "sys.stdin"}:
            return True
    return False


def test_only_the_user_interface_prints() -> None:
    assert {part(name) for name, tree in modules().items() if prints(tree)} <= {"ui", "cli"}


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["render", "--help"], ["render", "192.168.78.141", "--json"], ["fetch", "--help"], ["lab", "--help"]],
    ids=" ".join,
)
def test_a_command_without_a_host_does_not_load_ssh(arguments: list[str], tmp_path: Path) -> None:
    """It starts faster, and runs on a machine without SSH's libraries."""
    text = (
        "import sys\n"
        "from kprov.cli.main import main\n"
        "assert main(sys.argv[1:]) == 0\n"
        "ssh = {'paramiko', 'fabric', 'invoke', 'kprov.host'}\n"
        "sys.stderr.write(' '.join(sorted(ssh & sys.modules.keys())))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", text, *arguments], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stderr == ""


def test_a_command_loads_no_library_that_only_others_need() -> None:
    """Each takes as long to load as a question to a host; also what a terminal needs and a pipe does not."""
    text = (
        "import sys\n"
        "from kprov.cli.main import _COMMANDS\n"
        "import kprov.cli.services, kprov.cli.install\n"
        "others = {'httpx', 'jinja2', 'rich.progress', 'confluent_kafka', 'pytest'}\n"
        "print(' '.join(sorted(others & sys.modules.keys())))\n"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


def test_no_command_raises_after_its_result() -> None:
    """What went wrong although there is a result is in the report; the result is the last thing that a command does."""
    finishing = 0
    for name, tree in modules().items():
        if not name.startswith("kprov.cli."):
            continue
        for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
            finishes = [node.lineno for node in ast.walk(function) if ast.unparse(node) == "output.finish"]
            raises = [node.lineno for node in ast.walk(function) if isinstance(node, ast.Raise)]
            finishing += bool(finishes)
            assert not [line for line in raises if finishes and line > min(finishes)], f"{name}: {function.name}"
    assert finishing > 10


def test_no_command_prints_its_result() -> None:
    """It hands a report to the user interface; only questions and warnings go to standard error directly."""
    for name, tree in modules().items():
        # A script for the shell, and --version, are no results.
        if not name.startswith("kprov.cli.") or name in {"kprov.cli.completion", "kprov.cli.main"}:
            continue
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        echoes = [call for call in calls if ast.unparse(call.func) == "click.echo"]
        results = [call.lineno for call in echoes if "err" not in {keyword.arg for keyword in call.keywords}]
        assert not results, name


def test_no_import_is_relative() -> None:
    for name, tree in modules().items():
        assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level], name


def test_the_table_would_notice() -> None:
    """The reading of imports finds every way of writing one."""
    tree = ast.parse("import a.b\nfrom c import d\ndef f():\n    import e as g\n    from kprov import host\n")
    assert imports(tree) == {"a.b", "c", "c.d", "e", "kprov", "kprov.host"}
    assert part("kprov.host") == "host"
    assert part("kprov") is None
    for text in ("print(1)", "def f():\n    input()", "import sys\nsys.stderr.write('')"):
        assert prints(ast.parse(text))
    assert not prints(ast.parse("done = run()\nprinted = done.stdout"))
