"""A host's addresses, names and firewall zone, read from the answers of the probe."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kprov.kinds.base import Answer


@dataclass(frozen=True)
class Network:
    """How a host is connected, as the host sees it.

    own: its addresses except loopback and link-local ones. local: the address that this connection reached; peer: the
    address that it came from; both empty if unknown. interface: the one with ``local``. names: addresses by name, as
    the host resolves them; None if unknown. host_name: its own name.
    """

    own: tuple[str, ...] = ()
    local: str = ""
    peer: str = ""
    interface: str = ""
    host_name: str = ""
    names: Mapping[str, tuple[str, ...]] | None = None


def network_of(addresses: Answer, names: Answer, host_name: str) -> Network:
    """Read the answers of probe_addresses and probe_names."""
    six = dict(_six(addresses.get("six", "")))
    every = [*addresses.get("own", "").split(), *six]
    own = tuple(dict.fromkeys(item for item in every if _of_use(item)))
    ends = addresses.get("ends", "").split()
    peer, local = (_unmapped(ends[0]), _unmapped(ends[2])) if len(ends) == 4 else ("", "")
    interface = six.get(local) or _interface(local, addresses.get("routes", ""))
    return Network(own, local, peer, interface, host_name, names_of(names))


def names_of(answer: Answer) -> dict[str, tuple[str, ...]] | None:
    """Read the answer of probe_names: the addresses of each name; None if the host cannot look names up."""
    if answer.get("status") != "present":
        return None
    lines = [line.split() for line in answer.get("names", "").splitlines() if line.strip()]
    return {words[0]: tuple(dict.fromkeys(words[1:])) for words in lines}


def _six(text: str) -> Iterator[tuple[str, str]]:
    """Address and interface of each line of /proc/net/if_inet6."""
    for line in text.splitlines():
        words = line.split()
        if len(words) == 6 and len(words[0]) == 32:
            yield str(ipaddress.IPv6Address(int(words[0], 16))), words[5]


def _of_use(text: str) -> bool:
    address = ipaddress.ip_address(text)
    return not (address.is_loopback or address.is_link_local or address.is_unspecified)


def _unmapped(text: str) -> str:
    """sshd writes an IPv4 address of a socket that takes both as ``::ffff:10.0.0.1``."""
    address = text.partition("%")[0]
    return address.removeprefix("::ffff:") if "." in address else address


def _interface(address: str, routes: str) -> str:
    """The interface whose network contains an IPv4 address, from /proc/net/route; empty if there is none."""
    if not address or ":" in address:
        return ""
    best, longest = "", -1
    for line in routes.splitlines()[1:]:
        name, destination, gateway, _, _, _, _, mask, *_ = line.split()
        network = ipaddress.IPv4Network((_little_endian(destination), str(ipaddress.IPv4Address(_little_endian(mask)))))
        direct = int(gateway, 16) == 0
        if direct and network.prefixlen > longest and ipaddress.IPv4Address(address) in network:
            best, longest = name, network.prefixlen
    return best


def _little_endian(text: str) -> int:
    return int.from_bytes(bytes.fromhex(text), "little")


@dataclass
class _Zone:
    name: str
    interfaces: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


def zone_of(listing: Answer, network: Network) -> str:
    """The firewalld zone of a connection from ``peer`` to ``local``; empty if firewalld does not report it.

    firewalld takes the zone with a matching source, else the zone of the interface, else the default zone.
    """
    zones = list(_zones(listing.get("zones", "")))
    by_source = [zone.name for zone in zones if any(_matches(source, network.peer) for source in zone.sources)]
    by_interface = [zone.name for zone in zones if network.interface and network.interface in zone.interfaces]
    return next(iter((*by_source, *by_interface)), listing.get("default", ""))


def _zones(text: str) -> Iterator[_Zone]:
    """The zones of ``firewall-cmd --list-all-zones``."""
    zone: _Zone | None = None
    for line in text.splitlines():
        if line and not line[0].isspace():
            if zone is not None:
                yield zone
            zone = _Zone(line.split()[0])
        elif zone is not None:
            key, _, value = line.strip().partition(":")
            if key == "interfaces":
                zone.interfaces = tuple(value.split())
            elif key == "sources":
                zone.sources = tuple(value.split())
    if zone is not None:
        yield zone


def _matches(source: str, peer: str) -> bool:
    """Whether a zone's source (an address or a network) contains the peer; ipsets and MAC addresses are ignored."""
    try:
        return ipaddress.ip_address(peer) in ipaddress.ip_network(source, strict=False)
    except ValueError:
        return False
