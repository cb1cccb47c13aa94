"""Which address clients connect to, which one the host uses for itself, and why; a note in the plan says so."""

from __future__ import annotations

from kprov.checks.names import is_loopback, is_own
from kprov.host.network import Network
from kprov.receipt import Receipt
from kprov.topology import Node


def settle(node: Node, net: Network, receipt: Receipt) -> Node:
    """The node with an address for itself, if the address for kprov or for clients does not lead to it from there.

    The broker is a client of its own listener and of ZooKeeper. Behind NAT, or with a name that the host cannot
    resolve, it needs an address of its own. An address that the user set stays, and so does one that an earlier run
    found as long as the host has it: another operator may reach the host at another of its addresses.
    """
    host = node.host
    names = (host.address, node.public_host)
    if host.internal or all(is_own(name, net.own, net.names) is not False for name in names):
        return node
    before = (receipt.spec or {}).get("hosts", [{}])[0].get("internal")
    internal = before if before in net.own else net.local or net.own[0]
    return node.with_host(host.model_copy(update={"internal": internal}))


def reasons(node: Node, net: Network) -> list[str]:
    """Notes for the plan."""
    if node.broker_config is None:
        return []
    public, told = node.broker.public_host, node.broker.bootstrap
    return [
        f"clients are told {told}: {_source(node)}{_seen_from_there(public, net)}",
        *_inside(node),
    ]


def _source(node: Node) -> str:
    own = node.broker.own
    if any(name in own for name in ("listeners", "advertised.listeners", "host.name", "advertised.host.name")):
        return "as the broker properties say"
    if node.host.advertised:
        return "as --advertised or the file says"
    return "the address that was dialled; --advertised names another"


def _seen_from_there(public: str, net: Network) -> str:
    """What that address means on the host itself; empty if unknown."""
    home = is_own(public, net.own, net.names)
    others = [address for address in net.own if address != public]
    if home is None:
        return ""
    leads_to = (net.names or {}).get(public, ())
    if not home:
        ours = f" ({', '.join(net.own)})" if net.own else ""
        return f"; it is none of the host's own{ours}, so this is NAT or another name of it"
    if is_loopback(leads_to):
        return f"; on the host itself it leads to {', '.join(leads_to)}, where the services listen as well"
    if public in net.own and others:
        return f"; of the host's addresses, which are {', '.join(net.own)}"
    return ""


def _inside(node: Node) -> list[str]:
    if not node.host.internal:
        return []
    port = node.broker.internal_port
    listener = (
        f" and the broker's own listener INTERNAL at port {port}, which no firewall needs to open" if port else ""
    )
    return [f"for itself the host uses {node.host.internal}: for ZooKeeper{listener}"]
