"""The lab's network: a bridge with the operator's address, and for each host a namespace with eth0."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

from kprov.errors import PreflightError, StepError, UsageError
from kprov.lab.layout import Layout, Slot, lab_command
from kprov.lab.run import run


@dataclass(frozen=True)
class NetworkLink:
    """A network interface of the operator's machine.

    alias: its alias; that of a lab's bridge says to which lab it belongs.
    """

    name: str
    master: str
    alias: str


@dataclass(frozen=True)
class Route:
    """A route of the machine to ``network``."""

    network: IPv4Network
    interface: str


def links() -> dict[str, NetworkLink]:
    """The machine's interfaces by name."""
    return {
        entry["ifname"]: NetworkLink(entry["ifname"], entry.get("master", ""), entry.get("ifalias", ""))
        for entry in _ask("link", "show")
    }


def namespaces() -> frozenset[str]:
    """The names of the machine's network namespaces."""
    return frozenset(entry["name"] for entry in _ask("netns", "list"))


def routes() -> tuple[Route, ...]:
    """The machine's IPv4 routes."""
    return tuple(
        Route(IPv4Network("0.0.0.0/0" if entry["dst"] == "default" else entry["dst"]), entry.get("dev", "?"))
        for entry in _ask("-4", "route", "show")
    )


def conflict(subnet: IPv4Network, bridge: str, known: tuple[Route, ...]) -> Route | None:
    """The existing route to a part of ``subnet`` that does not use the lab's own ``bridge``; None without one.

    Default routes do not count, including the two halves that VPNs use.
    """
    return next(
        (
            route
            for route in known
            if route.network.prefixlen > 1 and route.interface != bridge and route.network.overlaps(subnet)
        ),
        None,
    )


def check(layout: Layout) -> None:
    """Raise PreflightError if the subnet is in use, UsageError if the lab's name is."""
    if found := conflict(layout.subnet, layout.bridge, routes()):
        raise PreflightError(
            f"{layout.subnet} is already in use on this machine: {found.interface} leads to {found.network}",
            where="--subnet",
            hint=f"choose another: {lab_command(layout.name, 'up', '--subnet', '10.78.0.0/24')}",
        )
    check_owner(layout)


def check_owner(layout: Layout) -> None:
    """Raise UsageError if the bridge belongs to a lab of the same name in another directory."""
    bridge = links().get(layout.bridge)
    # The alias is set right after the bridge is made; a bridge without one is this lab's, not finished.
    if bridge is not None and bridge.alias not in ("", layout.owner):
        raise UsageError(
            f"the interface {layout.bridge} is already in use: {bridge.alias}",
            where="--name",
            hint="give this lab another name",
        )


def ensure_bridge(layout: Layout) -> None:
    """Make the bridge, or complete it."""
    present = links().get(layout.bridge)
    if present is None:
        run("ip", "link", "add", layout.bridge, "address", layout.bridge_mac, "type", "bridge")
    if present is None or present.alias != layout.owner:
        run("ip", "link", "set", layout.bridge, "alias", layout.owner)
    run("ip", "address", "replace", f"{layout.operator}/{layout.subnet.prefixlen}", "dev", layout.bridge)
    run("ip", "link", "set", layout.bridge, "up")


def connect(layout: Layout, slot: Slot) -> None:
    """Make the host's namespace, with an eth0 that is connected to the bridge. Neither may exist yet."""
    run("ip", "netns", "add", slot.namespace)
    peer = ("peer", "name", "eth0", "address", slot.mac, "netns", slot.namespace)
    run("ip", "link", "add", slot.veth, "type", "veth", *peer)
    inside = ("ip", "-netns", slot.namespace)
    run(*inside, "link", "set", "lo", "up")
    run(*inside, "address", "add", f"{slot.address}/{layout.subnet.prefixlen}", "dev", "eth0")
    run(*inside, "link", "set", "eth0", "up")
    attach(layout, slot)


def attach(layout: Layout, slot: Slot) -> None:
    """Connect the operator's end of the host's link to the bridge."""
    run("ip", "link", "set", slot.veth, "master", layout.bridge, "up")


def disconnect(slot: Slot) -> None:
    """Remove the host's link and namespace if they exist."""
    # Remove the link first: with the namespace it would vanish only some time later.
    with suppress(StepError):
        run("ip", "link", "delete", slot.veth)
    with suppress(StepError):
        run("ip", "netns", "delete", slot.namespace)
    if slot.veth in links() or slot.namespace in namespaces():
        raise StepError(
            f"the link {slot.veth} or the network namespace {slot.namespace} cannot be removed",
            hint=f"find out what uses it: ip netns pids {slot.namespace}",
        )


def remove_bridge(layout: Layout) -> None:
    """Remove the bridge if it is there."""
    if layout.bridge in links():
        run("ip", "link", "delete", layout.bridge)


def _ask(*words: str) -> list[dict[str, Any]]:
    answer = run("ip", "-json", *words)
    return list(json.loads(answer)) if answer.strip() else []
