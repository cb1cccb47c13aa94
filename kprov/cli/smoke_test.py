"""kprov smoke-test."""

from __future__ import annotations

from pathlib import Path

import click

from kprov.cli.access import access_options
from kprov.cli.config_file import config_option
from kprov.cli.help import Command
from kprov.cli.options import (
    command,
    hosts_argument,
    json_option,
    junit_option,
    yes_option,
)
from kprov.operations import smoke_test as operation
from kprov.operations.fleet import Whom, fleet, is_installed
from kprov.operations.session import Access


@click.command("smoke-test", cls=Command)
@hosts_argument
@config_option
@access_options
@json_option
@junit_option
@click.option("--topic", metavar="NAME", help="Name of the topic; must not exist yet.")
@click.option("--keep", is_flag=True, help="Keep the topic and its messages.")
@click.option("--failover", is_flag=True, help="Then kill a broker of the cluster while messages flow; asks before.")
@yes_option
def smoke_test(
    *,
    hosts: tuple[str, ...],
    config: Path | None,
    access: Access,
    as_json: bool,
    junit: Path | None,
    topic: str | None,
    keep: bool,
    failover: bool,
    yes: bool,
) -> None:
    """Produce and consume five messages on HOST.

    \b
    Examples:
      kprov smoke-test root@192.168.78.141
      kprov smoke-test kafka-1 --topic msg --keep
      kprov smoke-test kafka-1 --failover

    The test creates a topic and deletes it afterwards. It runs on the host and from this machine, and never touches
    your topics. On a cluster each broker leads a partition of the topic, and all messages are read through each. With
    --failover a broker is then killed while messages flow: others must take its place, it must return, and every
    acknowledged message must be there.
    """
    with command("smoke-test", as_json=as_json, junit=junit, yes=yes) as output:
        operation.require_topic_name(topic)
        with fleet(Whom(access, config, hosts), output.journal, needs=is_installed) as found:
            output.reaching(found.count)
            report = operation.smoke_test(found, output, topic, keep=keep, failover=failover)
        output.finish(report)
