"""The help of a command: its options in groups, so that one finds them among forty."""

from __future__ import annotations

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


class Command(click.Command):
    """A command whose help has its options in groups, if there are many."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        found: dict[str, list[tuple[str, str]]] = {title: [] for title in (_INSTALL, _LOGIN, _RUN, _OUTPUT)}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx) if isinstance(parameter, click.Option) else None
            if record is not None:
                name = "help" if "--help" in parameter.opts else parameter.name or ""
                found[_GROUPS.get(name, _RUN)].append(record)
        if sum(map(len, found.values())) <= _FEW:
            super().format_options(ctx, formatter)
            return
        for title, records in found.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)
