"""Names and addresses: the host's own name, and whether the advertised address belongs to the host."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence

from kprov.checks.result import Finding, advice, good, unseen
from kprov.checks.subject import Subject


def host_name(host: Subject) -> Iterator[Finding]:
    """The host resolves its own name. Java looks it up for its log lines and hangs until the lookup fails."""
    name = host.host_name
    if host.names is None:
        yield unseen(f"the host has no getent to resolve {name}", "install getent (glibc-common or libc-bin)")
    elif not (addresses := host.names.get(name, ())):
        yield advice(f"{name} does not resolve on the host", f"add a line '{host.local} {name}' to /etc/hosts")
    else:
        yield good(f"{name} resolves on the host to {', '.join(addresses)}")


def advertised_address(host: Subject) -> Iterator[Finding]:
    """The advertised address is one of the host's own, also from the host: the broker connects to itself with it."""
    public, internal = host.public, host.internal
    if not public:  # no client connects to a host without a broker
        return
    if is_loopback([public]) or public == "localhost":
        yield advice(
            f"clients will connect to {public}, which is the client's own machine",
            "give the address by which clients reach the host with --advertised",
        )
        return
    own = is_own(public, host.own, host.names)
    if own:
        yield good(f"clients will connect to {public}, an address of the host")
    elif internal:
        yield good(f"clients will connect to {public}; the host does not have this address and uses {internal} itself")
    elif own is None:
        yield unseen(
            f"clients will connect to {public}; whether it is an address of the host could not be determined",
            "check that it leads to the host, or give another address with --advertised",
        )
    else:
        yield advice(
            f"clients will connect to {public}, which is not an address of the host",
            "set hosts[].internal in kprov.yaml to an address of the host, or remove your listeners settings",
        )


def is_own(name: str, own: Sequence[str], names: Mapping[str, Sequence[str]] | None) -> bool | None:
    """Whether a name or an address is, seen from the host, one of its own; None if that is unknown."""
    if not own:
        return None
    addresses: Sequence[str] = [name]
    if not _is_address(name):
        if names is None:
            return None
        addresses = names.get(name, ())
    known = {_plain(address) for address in own}
    return bool(addresses) and all(_plain(address) in known or is_loopback([address]) for address in addresses)


def is_loopback(addresses: Sequence[str]) -> bool:
    """Whether all of them are loopback addresses."""
    return bool(addresses) and all(
        _is_address(item) and ipaddress.ip_address(_plain(item)).is_loopback for item in addresses
    )


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(_plain(text))
    except ValueError:
        return False
    return True


def _plain(address: str) -> str:
    """The address without a scope, IPv6 in its canonical form."""
    text = address.partition("%")[0]
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return text
