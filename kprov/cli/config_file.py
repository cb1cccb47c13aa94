"""The kprov.yaml of a run: the one that --config names, or the one in this directory if no HOST is named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])
CONFIG_FILE = Path("kprov.yaml")


def config_option(function: F) -> F:
    """--config FILE; the function gets the path as ``config``, None if there is no file."""

    @wraps(function)
    def wrap(**values: Any) -> Any:
        if values["config"] is None:
            values["config"] = found_here(values["hosts"])
        return function(**values)

    option = click.option(
        "--config",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Read the settings from this file. [kprov.yaml in this directory, if no HOST is named]",
    )
    return option(wrap)  # type: ignore[return-value]


def found_here(hosts: Sequence[str]) -> Path | None:
    """The file in this directory, if no HOST is named and it is there."""
    if hosts or not CONFIG_FILE.is_file():
        return None
    click.echo(f"no HOST is named: reading {CONFIG_FILE} in this directory", err=True)
    return CONFIG_FILE
