"""Names and addresses: what the host calls itself, and whether what clients are told leads to it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence

from kprov.checks.result import Finding, advice, good, unseen
from kprov.checks.subject import Subject


def host_name(host: Subject) -> Iterator[Finding]:
    """The host's own name resolves on the host: Java looks it up for its log lines and waits where it does not."""
    name = host.host_name
    if host.names is None:
        yield unseen(f"the host cannot say what {name} leads to", "install getent (glibc-common, libc-bin)")
    elif not (addresses := host.names.get(name, ())):
        yield advice(f"{name} does not resolve on the host itself", f"add a line '{host.local} {name}' to /etc/hosts")
    else:
        yield good(f"{name} resolves on the host itself to {', '.join(addresses)}")


def advertised_address(host: Subject) -> Iterator[Finding]:
    """What clients are told leads to the host, also as the host itself sees it: the broker is a client of its own."""
    public, internal = host.public, host.internal
    if is_loopback([public]) or public == "localhost":
        yield advice(
            f"clients will be told {public}: that leads each of them to itself",
            "name the address that clients reach with --advertised",
        )
        return
    home = leads_home(public, host.own, host.names)
    if home:
        yield good(f"clients will be told {public}, which leads to the host")
    elif internal:
        yield good(f"clients will be told {public}; for itself the host uses {internal}, since that is not its own")
    elif home is None:
        yield unseen(
            f"whether {public}, which clients will be told, leads to the host cannot be seen from there",
            "the smoke test shows it; --advertised names another address",
        )
    else:
        yield advice(
            f"clients will be told {public}, which does not lead to the host as it sees it itself",
            "name an address of the host with hosts[].internal in kprov.yaml, or leave listeners to kprov",
        )


def leads_home(name: str, own: Sequence[str], names: Mapping[str, Sequence[str]] | None) -> bool | None:
    """Whether a name or an address is, on the host itself, one of its own; None where that is not known."""
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
    """Whether they are addresses that lead every host to itself."""
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
    """Without a scope, and in the one way in which an IPv6 address is compared."""
    text = address.partition("%")[0]
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return text
