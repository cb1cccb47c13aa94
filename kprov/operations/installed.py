"""What an operator wants to know after the first install: what is where, how to try it, and how to be rid of it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from kprov.roles.of_node import roles_of
from kprov.smoke import console
from kprov.smoke.console import Command
from kprov.spec.model import RoleName
from kprov.topology import Node

_TOPIC = "hello"


@dataclass(frozen=True)
class Installed:
    """Where things are on the hosts, each path once, those of Kafka first.

    settings, logs: the main file of each service. data: the directories of its data. produce, consume: commands to
    type on a host with a broker.
    """

    settings: tuple[str, ...]
    data: tuple[str, ...]
    logs: tuple[str, ...]
    produce: str
    consume: str


def installed(nodes: Sequence[Node]) -> Installed:
    """What is where on these nodes. Pure."""
    roles = [role for node in nodes for role in reversed(roles_of(node))]
    broker = next(node for node in nodes if RoleName.BROKER in node.roles)
    return Installed(
        tuple(dict.fromkeys(role.settings for role in roles)),
        tuple(dict.fromkeys(place.path for role in roles for place in role.data)),
        tuple(dict.fromkeys(role.log_files[0] for role in roles)),
        _typed(broker, console.produce(broker, _TOPIC)),
        _typed(broker, console.read(broker, _TOPIC)),
    )


def _typed(node: Node, command: Command) -> str:
    """The command as one types it in any directory."""
    program, *words = command.words
    return shlex.join((f"{node.broker.home}/{program}", *words))
