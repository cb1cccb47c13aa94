"""Options that several commands share, and the frame in which a command runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from kprov.cli import completers
from kprov.cli.latest import with_latest
from kprov.cli.passwords import on_terminal
from kprov.commands import HostArguments
from kprov.errors import (
    ClosedPipeError,
    ExitCode,
    KprovError,
    OutputError,
    Problem,
    UsageError,
    code_of,
)
from kprov.journal import Journal
from kprov.spec.load import UNSET, Flag
from kprov.spec.settings import OPTIONS, PLUGIN_PROPERTIES, PROPERTIES, KeyPath, path_to_reset
from kprov.ui.output import Output, show_error

F = TypeVar("F", bound=Callable[..., Any])
_FILE = click.Path(path_type=Path)
# The context's keys for what ``access_options`` found: the HostArguments of the run, and how often -v was given.
HOST_ARGUMENTS, VERBOSE = "kprov.host_arguments", "kprov.verbose"


def hosts_argument(function: F) -> F:
    """HOST once or more; several are the hosts of one cluster."""
    return click.argument("hosts", metavar="[HOST]...", nargs=-1, shell_complete=completers.hosts)(function)


def json_option(function: F) -> F:
    """--json."""
    return click.option("--json", "as_json", is_flag=True, help="Write one JSON document to standard output.")(function)


def junit_option(function: F) -> F:
    """--junit FILE."""
    return click.option("--junit", type=_FILE, metavar="FILE", help="Also write a JUnit report to FILE.")(function)


def archives_option(function: F) -> F:
    """--archives DIR."""
    return click.option(
        "--archives",
        type=_FILE,
        metavar="DIR",
        help="Search this directory for archives first, by their upstream names.",
    )(function)


def adopt_option(function: F) -> F:
    """--adopt."""
    text = "Replace existing files that kprov did not create; uninstall restores them."
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
    """--ready-timeout SECONDS; the function gets it as ``ready``, None if not given."""
    return click.option(
        "--ready-timeout",
        "ready",
        type=click.IntRange(1, 86400),
        metavar="SECONDS",
        help="Time limit for each service to become ready. [300, ZooKeeper 60]",
    )(function)


def in_sync_option(function: F) -> F:
    """--in-sync-timeout SECONDS; the function gets it as ``in_sync``, None if not given."""
    return click.option(
        "--in-sync-timeout",
        "in_sync",
        type=click.IntRange(1, 86400),
        metavar="SECONDS",
        help="Time limit for the replicas of a cluster to be in sync before and after each restart. [600]",
    )(function)


def downtime_option(function: F) -> F:
    """--allow-downtime; the function gets it as ``downtime``."""
    text = "Restart brokers even if partitions without a spare replica are then unavailable."
    return click.option("--allow-downtime", "downtime", is_flag=True, help=text)(function)


def only_option(function: F) -> F:
    """--only HOST; the function gets the hosts as ``only``."""
    return click.option(
        "--only", multiple=True, metavar="HOST", help="Act on this host of the cluster alone; may be repeated."
    )(function)


def ignore_option(function: F) -> F:
    """--ignore CHECK; the function gets the names as ``ignored``."""
    return click.option(
        "--ignore",
        "ignored",
        multiple=True,
        metavar="CHECK",
        shell_complete=completers.checks,
        help="Continue even if this check fails; may be repeated.",
    )(function)


def yes_option(function: F) -> F:
    """--yes."""
    return click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")(function)


# The options that describe an installation: name, metavar and help.
_SPEC_OPTIONS: tuple[tuple[str, str, str], ...] = (
    ("--kafka-version", "VERSION", "Kafka release, or latest, with the ZooKeeper and Java that go with it. [1.0.0]"),
    ("--kafka-archive", "PATH", "Path or URL of Kafka's archive."),
    ("--heap", "SIZE", "Heap size of the broker. [1g]"),
    ("--port", "PORT", "Port of the broker. [9092]"),
    ("--jmx-port", "PORT", "JMX port, reachable from the host only, or off. [off]"),
    ("--broker-id", "ID", "broker.id. [0]"),
    ("--advertised", "ADDRESS", "Address that clients connect to. [HOST's address]"),
    ("--zookeeper", "MODE", "standalone, or bundled with Kafka. [standalone]"),
    ("--zookeeper-version", "VERSION", "ZooKeeper release. [3.5.3-beta]"),
    ("--zookeeper-archive", "PATH", "Path or URL of ZooKeeper's archive."),
    ("--zookeeper-heap", "SIZE", "Heap size of ZooKeeper. [512m]"),
    ("--java", "RELEASE", "Java to push: temurin-8, -11 or -17. [temurin-8]"),
    ("--java-archive", "PATH", "Path or URL of Java's archive."),
    ("--java-home", "DIR", "Use this Java on the host instead of pushing one."),
)
_COMPLETERS = {
    "--kafka-version": completers.versions("kafka"),
    "--zookeeper-version": completers.versions("zookeeper"),
    "--java": completers.versions("java"),
}
_NUMBERS = {"--port", "--jmx-port", "--broker-id"}
_WHOLE = re.compile(r"-?[0-9]{1,18}")


def spec_options(function: F) -> F:
    """The options that describe an installation; the function gets them as ``flags``."""
    names = [option[0].lstrip("-").replace("-", "_") for option in _SPEC_OPTIONS]

    def wrap(**values: Any) -> Any:
        if values["kafka_version"] is not None:
            values = with_latest(values, lambda name: values[name] is not None)
        flags = [
            Flag(option, OPTIONS[option], _number(option, values[name]))
            for name, (option, _, _) in zip(names, _SPEC_OPTIONS, strict=True)
            if values[name] is not None
        ]
        flags += [_property("--set", PROPERTIES, text) for text in values.pop("properties")]
        flags += [_property("--set-plugin", PLUGIN_PROPERTIES, text) for text in values.pop("plugin_properties")]
        flags += [Flag(f"--unset {name}", path_to_reset(name), UNSET) for name in values.pop("unset")]
        for name in names:
            del values[name]
        return function(flags=flags, **values)

    wrap.__name__, wrap.__doc__ = function.__name__, function.__doc__
    wrap.__click_params__ = getattr(function, "__click_params__", [])  # type: ignore[attr-defined]
    wrap = click.option(
        "--unset",
        multiple=True,
        metavar="KEY",
        help="Reset a property or a key of kprov.yaml, such as kafka.heap, to its default; may be repeated.",
    )(wrap)
    wrap = click.option(
        "--set-plugin",
        "plugin_properties",
        multiple=True,
        metavar="KEY=VALUE",
        help="Property for a plugin of the broker, not checked by kprov; may be repeated.",
    )(wrap)
    wrap = click.option(
        "--set",
        "properties",
        multiple=True,
        metavar="KEY=VALUE",
        help="Broker property; may be repeated.",
        shell_complete=completers.properties,
    )(wrap)
    for option, metavar, text in reversed(_SPEC_OPTIONS):
        wrap = click.option(option, metavar=metavar, help=text, shell_complete=_COMPLETERS.get(option))(wrap)
    return wrap  # type: ignore[return-value]


def _number(option: str, value: str) -> int | str:
    """The value as an integer; anything else stays a text, so that the specification reports it."""
    return int(value) if option in _NUMBERS and _WHOLE.fullmatch(value) else value


def _property(option: str, group: KeyPath, text: str) -> Flag:
    name, separator, value = text.partition("=")
    if not separator:
        raise UsageError(f"{text!r} is not KEY=VALUE", where=option, hint=f"for instance {option} num.partitions=3")
    return Flag(f"{option} {name}".strip(), (*group, name.strip()), value)


def asker() -> Callable[[str], bool] | None:
    """A function that asks on the terminal; None if there is no terminal."""
    if not on_terminal():
        return None
    return _answered


def _answered(question: str) -> bool:
    """Ask on the terminal; the end of input means no. Raises click.Abort for Ctrl-C."""
    try:
        return click.confirm(question, err=True)
    except click.Abort as error:
        if isinstance(error.__context__, EOFError):
            return False
        raise


# The commands that change hosts, or try to: each run of these has a journal.
JOURNALLED = frozenset({"install", "upgrade", "uninstall", "start", "stop", "restart", "smoke-test"})


@contextmanager
def command(name: str, *, as_json: bool, junit: Path | None = None, yes: bool = False) -> Iterator[Output]:
    """The frame of a command: its output, and its journal, are closed with the exit code, whatever happens in it.

    junit: a file that CI reads; that it has no folder to be written to is known before anything is done. yes: whether
    the command asks nothing.
    """
    journal = Journal(_typed(name), _complain) if name in JOURNALLED else None
    context = click.get_current_context(silent=True)
    verbose = bool(context and context.meta.get(VERBOSE))
    output = Output(
        name,
        as_json=as_json,
        journal=journal,
        junit=junit,
        host=_host_arguments(),
        yes=yes,
        ask=asker(),
        verbose=verbose,
    )
    failure: KprovError | None = None
    try:
        output.check_junit()
        yield output
    except KprovError as error:
        failure = error
    except (KeyboardInterrupt, click.Abort):
        click.echo(err=True)  # the terminal has shown ^C
        failure = output.interrupted()
    except BaseException as error:
        _end(journal, code_of(error), [Problem(repr(error))])
        raise
    code, problems = _close(output, failure)
    _end(journal, code, problems)
    if code is not ExitCode.DONE:
        raise click.exceptions.Exit(code) from failure


def _close(output: Output, failure: KprovError | None) -> tuple[ExitCode, tuple[Problem, ...]]:
    """Show how the command ended; its exit code, and what went wrong.

    That the result could not be written counts only where nothing worse has happened.
    """
    code, problems = output.report.code, output.report.problems
    if failure is not None:
        output.failed(output.complete(failure))
        code, problems = failure.code, failure.problems
    try:
        return output.close(code), problems
    except (OutputError, ClosedPipeError) as error:
        show_error(error)
        return code if problems else error.code, (*problems, *error.problems)


def _host_arguments() -> HostArguments:
    """The arguments that ``access_options`` found; empty for commands without these options."""
    context = click.get_current_context(silent=True)
    return context.meta.get(HOST_ARGUMENTS, HostArguments()) if context else HostArguments()


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
