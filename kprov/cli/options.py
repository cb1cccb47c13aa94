"""Options that several commands share, and the frame in which a command runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from kprov.cli.passwords import PasswordFiles, on_terminal
from kprov.errors import DeclinedError, ExitCode, KprovError, Problem, UsageError, code_of
from kprov.journal import Journal
from kprov.operations.request import one_host
from kprov.operations.session import Access
from kprov.spec.load import UNSET, Flag
from kprov.spec.model import Host
from kprov.ui.output import Output

F = TypeVar("F", bound=Callable[..., Any])
_FILE = click.Path(path_type=Path)


def host_argument(function: F) -> F:
    """HOST, as ``ssh HOST`` takes it."""
    return click.argument("host", metavar="[HOST]", required=False)(function)


def access_options(function: F) -> F:
    """How to reach the host; the function gets one ``access``."""

    def wrap(**values: Any) -> Any:
        password_files = PasswordFiles(values.pop("password_file"), values.pop("sudo_password_file"))
        access = Access(
            values.pop("ssh_config"),
            values.pop("identity"),
            values.pop("accept_new_host_key"),
            _asker(),
            password_files.read,
            password_files.arguments,
        )
        return function(access=access, **values)

    wrap.__name__, wrap.__doc__ = function.__name__, function.__doc__
    wrap.__click_params__ = getattr(function, "__click_params__", [])  # type: ignore[attr-defined]
    for option in (
        click.option("--accept-new-host-key", is_flag=True, help="Trust a host key that is not known yet."),
        click.option(
            "--sudo-password-file", type=_FILE, metavar="FILE", help="Read sudo's password there; - is standard input."
        ),
        click.option("--password-file", type=_FILE, metavar="FILE", help="Read the login's password there, likewise."),
        click.option("--ssh-config", type=_FILE, metavar="FILE", help="Read this file instead of ~/.ssh/config."),
        click.option("-i", "--identity", type=_FILE, metavar="FILE", help="Log in with this private key."),
    ):
        wrap = option(wrap)
    return wrap  # type: ignore[return-value]


def config_option(function: F) -> F:
    """--config FILE."""
    return click.option("--config", type=_FILE, metavar="FILE", help="Read this kprov.yaml.")(function)


def json_option(function: F) -> F:
    """--json."""
    return click.option("--json", "as_json", is_flag=True, help="Write one JSON document to standard output.")(function)


def junit_option(function: F) -> F:
    """--junit FILE."""
    return click.option("--junit", type=_FILE, metavar="FILE", help="Write a JUnit file for CI, too.")(function)


def archives_option(function: F) -> F:
    """--archives DIR."""
    return click.option(
        "--archives", type=_FILE, metavar="DIR", help="Look for the archives here first, by their upstream names."
    )(function)


def adopt_option(function: F) -> F:
    """--adopt."""
    text = "Take over what others made where kprov's own belongs; uninstall puts it back."
    return click.option("--adopt", is_flag=True, help=text)(function)


def accept_data_option(function: F) -> F:
    """--accept-data PATH; the function gets the paths as ``accepted``."""
    return click.option(
        "--accept-data",
        "accepted",
        multiple=True,
        metavar="PATH",
        help="Use data directory PATH as it is, even if its data are missing; may be repeated.",
    )(function)


def ready_option(function: F) -> F:
    """--ready-timeout SECONDS; the function gets it as ``ready``, None where it is not said."""
    return click.option(
        "--ready-timeout",
        "ready",
        type=click.IntRange(1, 86400),
        metavar="SECONDS",
        help="How long each service may take until it serves. [300, ZooKeeper 60]",
    )(function)


def ignore_option(function: F) -> F:
    """--ignore CHECK; the function gets the names as ``ignored``."""
    return click.option(
        "--ignore",
        "ignored",
        multiple=True,
        metavar="CHECK",
        help="Go on although this check fails; may be repeated.",
    )(function)


def yes_option(function: F) -> F:
    """--yes."""
    return click.option("-y", "--yes", is_flag=True, help="Do not ask.")(function)


# Each option of a specification: its name, the key path it sets, and its help.
_SPEC_OPTIONS: tuple[tuple[str, tuple[str | int, ...], str, str], ...] = (
    ("--kafka-version", ("kafka", "version"), "VERSION", "Kafka release. [1.0.0]"),
    ("--kafka-archive", ("kafka", "archive"), "PATH", "Kafka's archive: a path or an address."),
    ("--heap", ("kafka", "heap"), "SIZE", "Heap of the broker. [1g]"),
    ("--port", ("kafka", "port"), "PORT", "Port of the broker. [9092]"),
    ("--jmx-port", ("kafka", "jmx_port"), "PORT", "JMX for the host itself alone, or off. [off]"),
    ("--broker-id", ("hosts", 0, "broker", "id"), "ID", "broker.id. [0]"),
    ("--advertised", ("hosts", 0, "advertised"), "ADDRESS", "What clients connect to. [HOST's address]"),
    ("--zookeeper", ("zookeeper", "mode"), "MODE", "standalone, or bundled: the one inside Kafka. [standalone]"),
    ("--zookeeper-version", ("zookeeper", "version"), "VERSION", "ZooKeeper release. [3.5.3-beta]"),
    ("--zookeeper-archive", ("zookeeper", "archive"), "PATH", "ZooKeeper's archive: a path or an address."),
    ("--zookeeper-heap", ("zookeeper", "heap"), "SIZE", "Heap of ZooKeeper. [512m]"),
    ("--java", ("java", "release"), "RELEASE", "Java to push: temurin-8, -11 or -17. [temurin-8]"),
    ("--java-archive", ("java", "archive"), "PATH", "Java's archive: a path or an address."),
    ("--java-home", ("java", "home"), "DIR", "Use the Java that is on the host, and push none."),
)
_NUMBERS = {"--port", "--jmx-port", "--broker-id"}
_WHOLE = re.compile(r"-?[0-9]{1,18}")


def spec_options(function: F) -> F:
    """The options that describe an installation; the function gets them as ``flags``."""
    names = [option[0].lstrip("-").replace("-", "_") for option in _SPEC_OPTIONS]

    def wrap(**values: Any) -> Any:
        flags = [
            Flag(option, path, _number(option, values[name]))
            for name, (option, path, _, _) in zip(names, _SPEC_OPTIONS, strict=True)
            if values[name] is not None
        ]
        flags += [_property(text) for text in values.pop("properties")]
        flags += [Flag(f"--unset {name}", ("kafka", "properties", name.strip()), UNSET) for name in values.pop("unset")]
        for name in names:
            del values[name]
        return function(flags=flags, **values)

    wrap.__name__, wrap.__doc__ = function.__name__, function.__doc__
    wrap.__click_params__ = getattr(function, "__click_params__", [])  # type: ignore[attr-defined]
    wrap = click.option(
        "--unset",
        multiple=True,
        metavar="KEY",
        help="Take a broker property back that was set before; may be repeated.",
    )(wrap)
    wrap = click.option(
        "--set", "properties", multiple=True, metavar="KEY=VALUE", help="A broker property; may be repeated."
    )(wrap)
    for option, _, metavar, text in reversed(_SPEC_OPTIONS):
        wrap = click.option(option, metavar=metavar, help=text)(wrap)
    return wrap  # type: ignore[return-value]


def _number(option: str, value: str) -> int | str:
    """A whole number as one; anything else is left for the specification's own error."""
    return int(value) if option in _NUMBERS and _WHOLE.fullmatch(value) else value


def _property(text: str) -> Flag:
    name, separator, value = text.partition("=")
    if not separator:
        raise UsageError(f"{text!r} is not KEY=VALUE", where="--set", hint="for instance --set num.partitions=3")
    return Flag(f"--set {name}".strip(), ("kafka", "properties", name.strip()), value)


def bare_host(host: str | None, config: Path | None) -> Host:
    """The host of a command that reads the rest from the host's receipt."""
    return one_host(config, host, [])[1]


def _asker() -> Callable[[str], bool] | None:
    """Asks on the terminal; None where there is none."""
    if not on_terminal():
        return None
    return lambda question: click.confirm(question, err=True)


def confirm(question: str, *, yes: bool) -> None:
    """Ask unless ``yes``. Raises DeclinedError on a no, and where nobody can be asked."""
    if yes:
        return
    ask = _asker()
    if ask is None:
        raise DeclinedError(
            "nobody can be asked, so nothing was changed", hint="add --yes to go ahead without a question"
        )
    if not ask(question):
        raise DeclinedError("declined, nothing was changed")


# What changes hosts, or tries to: each run of these has a journal.
JOURNALLED = frozenset({"install", "upgrade", "uninstall", "start", "stop", "restart", "smoke-test"})


@contextmanager
def command(name: str, *, as_json: bool, junit: Path | None = None) -> Iterator[Output]:
    """The frame of a command: its output, and its journal, are closed with the exit code, whatever happens in it.

    junit: a file that CI reads; that it has no folder to be written to is known before anything is done.
    """
    journal = Journal(_typed(name), _complain) if name in JOURNALLED else None
    output = Output(name, as_json=as_json, journal=journal, junit=junit)
    try:
        output.check_junit()
        yield output
    except KprovError as error:
        output.failed(error)
        output.close(error.code)
        _end(journal, error.code, error.problems)
        raise click.exceptions.Exit(error.code) from error
    except BaseException as error:
        code = ExitCode.INTERRUPTED if isinstance(error, click.Abort) else code_of(error)
        _end(journal, code, [Problem("interrupted" if code is ExitCode.INTERRUPTED else repr(error))])
        raise
    output.close(output.code)
    _end(journal, output.code)
    if output.code is not ExitCode.DONE:
        raise click.exceptions.Exit(output.code)


def _typed(name: str) -> tuple[str, ...]:
    """The command line as it was typed."""
    context = click.get_current_context(silent=True)
    words = context.find_root().obj if context else None
    return words if isinstance(words, tuple) else (name,)


def _complain(text: str) -> None:
    click.echo(f"warning: {text}", err=True)


def _end(journal: Journal | None, code: ExitCode, problems: Sequence[Problem] = ()) -> None:
    if journal is not None:
        journal.end(code, problems)
