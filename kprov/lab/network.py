"""The lab's network: a bridge that the operator has an address on, and for each host a namespace with eth0."""

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
class Link:
    """A network interface of the operator's machine.

    alias: a remark that it carries; the lab's bridge says there whose it is.
    """

    name: str
    master: str
    alias: str


@dataclass(frozen=True)
class Route:
    """Where the machine sends what goes to ``network``."""

    network: IPv4Network
    interface: str


def links() -> dict[str, Link]:
    """The machine's interfaces by name."""
    return {
        entry["ifname"]: Link(entry["ifname"], entry.get("master", ""), entry.get("ifalias", ""))
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
    """The route that already leads to a part of ``subnet``, by another way than the lab's own ``bridge``.

    A default route, also one cut in two halves as VPNs do, leads everywhere and is none.
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
    """Refuse what would take addresses or names from somebody else.

    Raises PreflightError if the subnet is in use, UsageError if the lab's name is.
    """
    if found := conflict(layout.subnet, layout.bridge, routes()):
        raise PreflightError(
            f"{layout.subnet} is already in use on this machine: {found.interface} leads to {found.network}",
            where="--subnet",
            hint=f"choose another: {lab_command(layout.name, 'up', '--subnet', '10.78.0.0/24')}",
        )
    check_owner(layout)


def check_owner(layout: Layout) -> None:
    """Raise UsageError if a lab of the same name, but in another directory, has the lab's names."""
    bridge = links().get(layout.bridge)
    # An alias is set right after the bridge was made: without one it is a half-made bridge of this lab.
    if bridge is not None and bridge.alias not in ("", layout.owner):
        raise UsageError(
            f"the interface {layout.bridge} belongs to another: {bridge.alias}",
            where="--name",
            hint="give this lab another name",
        )


def ensure_bridge(layout: Layout) -> None:
    """Make what is missing of the bridge."""
    present = links().get(layout.bridge)
    if present is None:
        run("ip", "link", "add", layout.bridge, "address", layout.bridge_mac, "type", "bridge")
    if present is None or present.alias != layout.owner:
        run("ip", "link", "set", layout.bridge, "alias", layout.owner)
    run("ip", "address", "replace", f"{layout.operator}/{layout.subnet.prefixlen}", "dev", layout.bridge)
    run("ip", "link", "set", layout.bridge, "up")


def connect(layout: Layout, slot: Slot) -> None:
    """Make the host's namespace, and in it the eth0 that leads to the bridge. Nothing of it may be there yet."""
    run("ip", "netns", "add", slot.namespace)
    peer = ("peer", "name", "eth0", "address", slot.mac, "netns", slot.namespace)
    run("ip", "link", "add", slot.veth, "type", "veth", *peer)
    inside = ("ip", "-netns", slot.namespace)
    run(*inside, "link", "set", "lo", "up")
    run(*inside, "address", "add", f"{slot.address}/{layout.subnet.prefixlen}", "dev", "eth0")
    run(*inside, "link", "set", "eth0", "up")
    attach(layout, slot)


def attach(layout: Layout, slot: Slot) -> None:
    """Plug the operator's end of the host's link into the bridge."""
    run("ip", "link", "set", slot.veth, "master", layout.bridge, "up")


def disconnect(slot: Slot) -> None:
    """Remove what there is of the host's link and namespace."""
    # The link goes first: with the namespace it would go too, but only some time later.
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
