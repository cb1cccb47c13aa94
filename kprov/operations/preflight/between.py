"""The checks between the hosts of a cluster: one exchange with each host, in which it tries to reach all others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from kprov.checks.cluster import Neighbour, between, is_address
from kprov.checks.result import Result
from kprov.host.connection import Connection
from kprov.host.facts import probe
from kprov.host.network import names_of
from kprov.kinds.base import Answer
from kprov.kinds.port import FirewallPort
from kprov.operations.survey import Survey
from kprov.roles.of_node import roles_of
from kprov.rollout.together import together
from kprov.spec.model import RoleName
from kprov.spec.zookeeper import own_address

_SECONDS = "3"


def with_between(connections: Sequence[Connection], surveys: Sequence[Survey]) -> list[Survey]:
    """The surveys with the results of the checks between their hosts, and with the addresses of the other nodes."""
    hosts = [_neighbour(connection, found) for connection, found in zip(connections, surveys, strict=True)]
    asked = together(
        [partial(_ask, connection, host, hosts) for connection, host in zip(connections, hosts, strict=True)]
    )
    results = between(asked)
    return together(
        [
            partial(
                _completed, connection, found, host, [other for other in asked if other is not host], results[host.name]
            )
            for connection, found, host in zip(connections, surveys, asked, strict=True)
        ]
    )


def _completed(
    connection: Connection, found: Survey, host: Neighbour, others: Sequence[Neighbour], results: Sequence[Result]
) -> Survey:
    """The survey of one host; where firewalld runs, it is asked whether it lets the other nodes through."""
    names = host.names or {}
    nodes = dict.fromkeys(address for other in others for address in names.get(other.address, (other.address,)))
    found = replace(found, results=(*found.results, *results), nodes=tuple(filter(is_address, nodes)))
    if not found.answer.facts.firewalld:
        return found
    rules = [
        FirewallPort(port, found.zone, source=node).query()
        for role in roles_of(found.goal.node)
        for port in role.node_ports
        for node in found.nodes
    ]
    seen = probe(connection, rules) if rules else {}
    return replace(found, answer=replace(found.answer, seen={**found.answer.seen, **seen}))


def _neighbour(connection: Connection, found: Survey) -> Neighbour:
    """What is known of a host before it is asked about the others."""
    node, facts = found.goal.node, found.answer.facts
    ports = [port for role in roles_of(node) for port in role.ports]
    ports += [port for role in roles_of(node) if role.name is RoleName.ZOOKEEPER for port in role.further_ports]
    login, address = connection.login, own_address(node.host)
    return Neighbour(login.name, address, login.port, tuple(ports), facts.firewalld, facts.skew, None, None)


def _ask(connection: Connection, host: Neighbour, hosts: Sequence[Neighbour]) -> Neighbour:
    others = [other for other in hosts if other is not host]
    tries = [word for other in others for port in {other.login, *other.ports} for word in (other.address, str(port))]
    calls = [("probe_reach", "reach", _SECONDS, *tries), ("probe_names", "names", *(other.address for other in others))]
    seen = probe(connection, calls)
    return replace(host, reach=_reach(seen["reach"]), names=names_of(seen["names"]))


def _reach(answer: Answer) -> Mapping[tuple[str, int], str] | None:
    if answer["status"] != "present":
        return None
    lines = [line.split(" ", 2) for line in answer.get("answers", "").splitlines()]
    return {(words[0], int(words[1])): words[2] for words in lines if len(words) == 3 and words[1].isdigit()}
