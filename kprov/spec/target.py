"""HOST as ``ssh HOST`` takes it: ``[user@]name[:port]``, where name may be an alias of ssh_config."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kprov.errors import Problem

# What a host name, an alias or a bare address may hold; no white space, no quote, no leading dash.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.%A-Za-z0-9]*")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-\\]*\$?")
PORT_HINT = "a port is a number from 1 to 65535"


@dataclass(frozen=True)
class Target:
    """Where to log in. ``user`` and ``port`` are None where ssh_config or the default decides."""

    name: str
    user: str | None = None
    port: int | None = None

    def __str__(self) -> str:
        name = f"[{self.name}]" if ":" in self.name and self.port else self.name
        return f"{self.user + '@' if self.user else ''}{name}{f':{self.port}' if self.port else ''}"


def parse_target(text: str) -> Target | Problem:
    """Read HOST; a Problem says what is wrong with it (without a place: the caller knows that)."""
    user, at, rest = text.rpartition("@")
    if at and not _USER.fullmatch(user):
        return Problem(f"{user!r} is not a user name", hint="write HOST as [user@]name[:port], as for ssh")
    name, port = _split_port(rest)
    if not _NAME.fullmatch(name):
        return Problem(
            f"{name!r} is not a host name or an address", hint="write HOST as [user@]name[:port], as for ssh"
        )
    if port is None:
        return Target(name, user or None)
    if not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65535:
        return Problem(f"{port!r} is not a port", hint=PORT_HINT)
    return Target(name, user or None, int(port))


def _split_port(text: str) -> tuple[str, str | None]:
    """Split ``name:port``; an IPv6 address carries a port only in brackets."""
    if text.startswith("["):
        name, _, tail = text[1:].partition("]")
        return name, tail[1:] if tail.startswith(":") else None
    name, colon, port = text.partition(":")
    return (text, None) if ":" in port or not colon else (name, port)
