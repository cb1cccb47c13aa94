"""The help of a command: its options in groups, so that one finds them among forty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

_INSTALL, _LOGIN, _RUN, _OUTPUT = "What to install", "How to log in", "How it runs", "Output"
_FEW = 8  # options that need no groups

# By the name of the parameter; whatever is not here says how the command runs.
_GROUPS = {
    **dict.fromkeys(
        (
            "config",
            "kafka_version",
            "kafka_archive",
            "heap",
            "port",
            "jmx_port",
            "broker_id",
            "advertised",
            "zookeeper",
            "zookeeper_version",
            "zookeeper_archive",
            "zookeeper_heap",
            "java",
            "java_archive",
            "java_home",
            "properties",
            "plugin_properties",
            "unset",
            "archives",
        ),
        _INSTALL,
    ),
    **dict.fromkeys(
        ("identity", "ssh_config", "password_file", "sudo_password_file", "accept_new_host_key"),
        _LOGIN,
    ),
    **dict.fromkeys(("verbose", "as_json", "junit", "exit_code", "watch", "help"), _OUTPUT),
}


def grouped_options(command: click.Command) -> Mapping[str, Sequence[click.Option]]:
    """The options of a command by the title of their group; groups without any are left out."""
    found: dict[str, list[click.Option]] = {title: [] for title in (_INSTALL, _LOGIN, _RUN, _OUTPUT)}
    for parameter in command.get_params(click.Context(command)):
        if isinstance(parameter, click.Option) and not parameter.hidden:
            name = "help" if "--help" in parameter.opts else parameter.name or ""
            found[_GROUPS.get(name, _RUN)].append(parameter)
    return {title: options for title, options in found.items() if options}


class Command(click.Command):
    """A command whose help has its options in groups, if there are many."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        found = grouped_options(self)
        if sum(map(len, found.values())) <= _FEW:
            super().format_options(ctx, formatter)
            return
        for title, options in found.items():
            with formatter.section(title):
                formatter.write_dl([record for option in options if (record := option.get_help_record(ctx))])
