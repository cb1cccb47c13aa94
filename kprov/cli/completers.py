"""What the shell offers for an argument or an option, when somebody presses the Tab key."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import click
from click.shell_completion import CompletionItem
from packaging.version import InvalidVersion, Version

from kprov.cli.config_file import CONFIG_FILE
from kprov.cli.latest import LATEST
from kprov.releases.catalogue import default_version, known_versions, newest
from kprov.releases.product import Product
from kprov.spec.broker_keys import broker_keys

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]

_HOST_LINE = re.compile(r"^\s*host[ \t=]+(.+)$", re.MULTILINE | re.IGNORECASE)
_ADDRESS = re.compile(r"\baddress:\s*[\"']?([^\s\"',}]+)")


def hosts(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The aliases of ssh_config and the addresses of kprov.yaml, behind a user that is there already."""
    user, at, start = incomplete.rpartition("@")
    config = Path(ctx.params.get("ssh_config") or "~/.ssh/config").expanduser()
    aliases = [word for line in _HOST_LINE.findall(_text(config)) for word in line.split()]
    names = [name for name in aliases if not set(name) & set("*?!")]
    names += _ADDRESS.findall(_text(Path(ctx.params.get("config") or CONFIG_FILE)))
    taken = {str(name).rpartition("@")[2] for name in ctx.params.get("hosts") or ()}
    return _items((f"{user}{at}{name}" for name in names if name.startswith(start) and name not in taken), incomplete)


def versions(product: str) -> Completer:
    """The versions of Kafka, ZooKeeper or Java in the catalogue, the newest first."""

    def complete(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
        latest = (LATEST,) if product == "kafka" else ()
        return _items((*latest, *reversed(known_versions(Product(product)))), incomplete)

    return complete


def properties(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The properties of the broker's version, each with its equals sign."""
    wanted = ctx.params.get("kafka_version") or default_version(Product.KAFKA)
    try:
        version = Version(newest()[Product.KAFKA] if wanted == LATEST else wanted)
        names = sorted(broker_keys(version))
    except (InvalidVersion, LookupError):
        return []
    return _items((f"{name}=" for name in names), incomplete)


def checks(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The names of the checks."""
    from kprov.operations.check import CHECKS  # noqa: PLC0415 (with it come the SSH libraries)

    return _items(CHECKS, incomplete)


def _items(words: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(word) for word in dict.fromkeys(words) if word.startswith(incomplete)]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
