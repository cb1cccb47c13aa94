"""Listeners in Kafka's notation: ``NAME://host:port``, separated by commas."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kprov.spec.target import PORT_HINT, port_number
from kprov.spec.value import wrong

# cluster/EndPoint.scala of 1.0.0
_ENDPOINT = re.compile(r"([A-Za-z0-9_.\-]+)://\[?([0-9a-zA-Z\-%._:]*)\]?:(-?[0-9]+)")
_ALL_INTERFACES = frozenset(["", "0.0.0.0", "::"])  # noqa: S104 (read, not bound to)


@dataclass(frozen=True)
class Listener:
    """One ``NAME://host:port``; an empty host means all interfaces."""

    name: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.name}://{host}:{self.port}"


def parse_listeners(text: str) -> tuple[Listener, ...]:
    """Parse the value of ``listeners`` or ``advertised.listeners``. Raises WrongValueError."""
    listeners = []
    for part in text.split(","):
        match = _ENDPOINT.fullmatch(part.strip())
        if match is None:
            raise wrong(f"{part.strip()!r} is not a listener", "write NAME://host:port, for instance PLAINTEXT://:9092")
        port = port_number(match[3])
        if port is None:
            raise wrong(f"{match[3]} is not a port", PORT_HINT)
        listeners.append(Listener(match[1].upper(), match[2], port))
    return tuple(listeners)


def reachable(host: str) -> bool:
    """Whether clients could connect to this address; the address of all interfaces is not one of a host."""
    return host not in _ALL_INTERFACES


def endpoint(address: str, port: int) -> str:
    """``address:port``, with brackets around an IPv6 address."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
