"""Which address clients are told and which one the host uses for itself, and why; the plan says it."""

from __future__ import annotations

from kprov.checks.names import is_loopback, is_own
from kprov.host.network import Network
from kprov.receipt import Receipt
from kprov.spec.broker import bootstrap_server, internal_port, own_properties, public_host
from kprov.spec.model import Cluster, Host


def settle(cluster: Cluster, host: Host, net: Network, receipt: Receipt) -> tuple[Cluster, Host]:
    """The host with an address for itself, where what is dialled or told to clients does not lead to it from there.

    The broker is a client of its own listener and of ZooKeeper: behind NAT, or with a name that the host does not
    know, it needs an address that is its own. What the user set is kept, and what an
    earlier run has found while it is the host's own: another operator may come in at another of its addresses.
    """
    names = (host.address, public_host(cluster, host))
    if host.internal or all(is_own(name, net.own, net.names) is not False for name in names):
        return cluster, host
    before = (receipt.spec or {}).get("hosts", [{}])[0].get("internal")
    known = host.model_copy(update={"internal": before if before in net.own else net.local or net.own[0]})
    hosts = tuple(known if item == host else item for item in cluster.hosts)
    return cluster.model_copy(update={"hosts": hosts}), known


def reasons(cluster: Cluster, host: Host, net: Network) -> list[str]:
    """Notes for the plan."""
    public, told = public_host(cluster, host), bootstrap_server(cluster, host)
    return [
        f"clients are told {told}: {_source(cluster, host)}{_seen_from_there(public, net)}",
        *_inside(cluster, host),
    ]


def _source(cluster: Cluster, host: Host) -> str:
    own = own_properties(cluster, host)
    if any(name in own for name in ("listeners", "advertised.listeners", "host.name", "advertised.host.name")):
        return "as the broker properties say"
    if host.advertised:
        return "as --advertised or the file says"
    return "the address that was dialled; --advertised names another"


def _seen_from_there(public: str, net: Network) -> str:
    """How the host sees that address itself; empty where it does not tell."""
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


def _inside(cluster: Cluster, host: Host) -> list[str]:
    if not host.internal:
        return []
    port = internal_port(cluster, host)
    listener = (
        f" and the broker's own listener INTERNAL at port {port}, which no firewall needs to open" if port else ""
    )
    return [f"for itself the host uses {host.internal}: for ZooKeeper{listener}"]
